import fc from 'fast-check'
import { expect, it } from 'vitest'
import { encodeTime } from './series.ts'

it('a time in nanoseconds is its microseconds, digit by digit', () => {
  const since2001Us = fc.integer({ min: 978_307_200_000_000, max: 4_102_444_800_000_000 })
  fc.assert(
    fc.property(since2001Us, timeUs => encodeTime(timeUs) === `${timeUs}000`),
    { seed: 1 },
  )
  for (const restUs of [0, 1, 9, 10, 99_999, 100_000, 999_999])
    expect(encodeTime(1_763_800_000_000_000 + restUs)).toBe(`${1_763_800_000_000_000 + restUs}000`)
})
