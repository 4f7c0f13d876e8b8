import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AcceptedReading, Value } from '../telemetry/reading.ts'
import { parseReading, readingJson } from './reading-json.ts'

function reading(fields: [string, Value][], timeUs = 1_763_800_000_123_456): AcceptedReading {
  const named = fields.map(([name, value]) => ({ name, value }))
  return { seq: 1, device: 'd', topic: 't', tags: {}, fields: named, timeUs, receivedUs: timeUs }
}

test('times are milliseconds with up to three decimals, after 13 digits', () => {
  const timesOf = (timeUs: number) =>
    /"time":([^,]*),"received":([^,]*),/.exec(readingJson(reading([], timeUs)))!
  expect(timesOf(1_763_800_000_123_456)[1]).toBe('1763800000123.456')
  expect(timesOf(1_763_800_000_123_000)[1]).toBe('1763800000123')
  expect(timesOf(1_763_800_000_123_004)[2]).toBe('1763800000123.004')
  fc.assert(
    fc.property(fc.integer({ min: 1e15, max: 4e15 }), timeUs => {
      expect(timesOf(timeUs)[1]).toMatch(/^\d{13}(\.\d{1,3})?$/)
      expect(parseReading(readingJson(reading([], timeUs)), 1).timeUs).toBe(timeUs)
    }),
    { numRuns: 5000 },
  )
})

test('is whole, whatever the names and values', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('__proto__', 'constructor', '7', '"\\\n'),
  )
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key }), name, (fields, text) => {
      const json = readingJson({ ...reading(fields), device: text, topic: text, tags: { [text]: text } })
      const parsed = JSON.parse(json)
      expect(parsed.device).toBe(text)
      expect(Object.entries(parsed.values).sort()).toEqual(
        fields.map(([key, one]) => [key, Object.is(one, -0) ? 0 : one]).sort(),
      )
      expect(JSON.parse(readingJson(parseReading(json, 1)))).toEqual(parsed)
    }),
  )
})

test('big integers are text of digits', () => {
  expect(readingJson(reading([['n', 12345678901234567890n]]))).toContain(
    '"values":{"n":"12345678901234567890"}',
  )
})
