import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDecoder } from './decoder.ts'
import { parseJson } from './json.ts'
import { rowOf } from './key-rows.ts'
import { arePlainNumbers, objectOf, parsePlainNumbers } from './plain-numbers.ts'

/** What the bytes hold, as an object. */
function parse(text: string, row: ReturnType<typeof rowFor>) {
  const numbers = parsePlainNumbers(Buffer.from(text), row)
  return numbers && objectOf(row, numbers)
}

const rowFor = (...names: string[]) => rowOf(Object.fromEntries(names.map(name => [name, 1])))

it('an object of plain numbers is read as the JSON parser reads it', () => {
  const row = rowFor('temperature', 'rain', 'ts')
  const text = '{"temperature":-21.53, "rain": 0.10,"ts":1763800000123}'
  expect(parse(text, row)).toEqual({
    temperature: -21.53,
    rain: 0.1,
    ts: 1763800000123,
  })
  expect(Object.is(parse('{"a":-0}', rowFor('a'))?.a, -0)).toBe(true)
})

it.each([
  '{"a":1,"b":2',
  '{"a":1,"b":2}}',
  '{"a":1,"b":2,}',
  '{"a":1,"b":}',
  '{"a":1,"b":-}',
  '{"a":.5,"b":2}',
  '{"a":5.,"b":2}',
  '{"a":01,"b":2}',
  '{"a":1.2.3,"b":2}',
  '{"a":+1,"b":2}',
  '{"a":1e5,"b":2}',
  '{"a":1,"b":9007199254740993}',
  '{"a":0.1234567890123456,"b":2}',
  '{"a":1,"b":true}',
  '{"a":1,"c":2}',
  '{"b":1,"a":2}',
  '{"a":1}',
  '{"a":1,"b":2} ',
  '',
])('whatever is not quite that is left to others: %s', text => {
  expect(parse(text, rowFor('a', 'b'))).toBeUndefined()
})

it('names that JSON writes otherwise are none of it, nor is what an object treats otherwise', () => {
  for (const name of ['a\\', 'a"b', 'grüße', 'a\nb', '__proto__', '']) {
    const object = JSON.parse(`{${JSON.stringify(name)}:1}`)
    expect(arePlainNumbers(object, rowOf(object))).toBe(false)
  }
  const object = { 'room temperature': 1, constructor: 2, '3': 4 }
  expect(arePlainNumbers(object, rowOf(object))).toBe(true)
  expect(arePlainNumbers({}, rowOf({}))).toBe(false)
})

/** Texts of numbers, also such as are none. */
const number = fc.oneof(
  fc.integer().map(String),
  fc.double().map(String),
  fc.stringMatching(/^-?[0-9]{0,9}\.?[0-9]{0,9}(e[0-9])?$/),
)
const member = fc.tuple(fc.constantFrom('a', 'b', 'ts'), fc.constantFrom('', ' '), number)
const document = fc
  .array(member, { maxLength: 3 })
  .map(members => `{${members.map(([name, space, text]) => `"${name}":${space}${text}`).join()}}`)

it('of any text, it makes what the JSON parser makes, or nothing', () => {
  let taken = 0
  fc.assert(
    fc.property(document, fc.constantFrom(rowFor('a'), rowFor('a', 'b'), rowFor('ts', 'a')), (text, row) => {
      const object = parse(text, row)
      if (object === undefined) return
      taken++
      expect(object).toStrictEqual(parseJson(text))
    }),
    { numRuns: 20_000 },
  )
  expect(taken).toBeGreaterThan(100)
})

it('what a topic said before changes nothing of what it says now', () => {
  const nowUs = Date.UTC(2026, 2, 10, 12) * 1000
  const say = (decoder: ReturnType<typeof createDecoder>, text: string) =>
    decoder.decode({ topic: 'home/hall/thermo-1/state', payload: Buffer.from(text), retain: false }, nowUs)
  fc.assert(
    fc.property(fc.array(document, { minLength: 2, maxLength: 6 }), texts => {
      const decoder = createDecoder()
      for (const text of texts.flatMap(text => [text, text]))
        expect(say(decoder, text)).toStrictEqual(say(createDecoder(), text))
    }),
    { numRuns: 150 },
  )
})
