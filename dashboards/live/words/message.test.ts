import { describe, expect, test } from 'vitest'
import { hexDump, jsonTokens, outcomeOf, payloadOf, prettyJson } from './message.ts'

test('what became of a message, in words', () => {
  expect(outcomeOf('stored')).toEqual({ kind: 'stored', text: 'stored' })
  expect(outcomeOf('ignored:duplicate').text).toBe('ignored, duplicate')
  expect(outcomeOf('quarantined').kind).toBe('held')
  expect(outcomeOf('dropped:forbidden').text).toBe('dropped, not permitted')
})

describe('payloads', () => {
  test('JSON is indented and no digit is lost', () => {
    expect(prettyJson('{"id":12345678901234567890,"t":[1.50,{}],"s":"a, {b}"}')).toBe(
      '{\n  "id": 12345678901234567890,\n  "t": [\n    1.50,\n    {}\n  ],\n  "s": "a, {b}"\n}',
    )
    expect(prettyJson('21.5')).toBeNull()
    expect(prettyJson('{"a":')).toBeNull()
  })

  test('bytes as hex, text or not', () => {
    const { bytes, text } = payloadOf({ payloadBase64: 'oQDzQUI=' })
    expect(text).toBeNull()
    expect(hexDump(bytes)).toMatch(/^0000 {2}a1 00 f3 41 42 +···AB$/)
    expect(payloadOf({ payload: 'é' }).bytes.length).toBe(2)
  })
})

test('JSON is cut where its colours change, and nothing of it is lost', () => {
  const text = '{\n  "a b": [1.5e3, true, "x: \\"1\\""],\n  "c": null\n}'
  const tokens = jsonTokens(text)
  expect(tokens.map(token => token.text).join('')).toBe(text)
  expect(tokens.filter(token => token.kind !== 'plain').map(token => `${token.kind} ${token.text}`)).toEqual([
    'key "a b"',
    'value 1.5e3',
    'value true',
    'text "x: \\"1\\""',
    'key "c"',
    'value null',
  ])
})
