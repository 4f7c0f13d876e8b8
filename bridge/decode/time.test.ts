import { describe, expect, it } from 'vitest'
import { timeOf, timeRank } from './time.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000
const AT_US = 1_700_000_000_000_000

describe('the unit follows from the size', () => {
  it.each([
    ['seconds', 1_700_000_000, AT_US],
    ['seconds with a fraction', 1_700_000_000.25, AT_US + 250_000],
    ['milliseconds', 1_700_000_000_123, AT_US + 123_000],
    ['microseconds', 1_700_000_000_123_456, AT_US + 123_456],
    ['nanoseconds, floored', 1_700_000_000_123_456_999n, AT_US + 123_456],
    ['seconds as a text', '1700000000', AT_US],
    ['milliseconds as a text', '1700000000123', AT_US + 123_000],
    ['a text whose fraction a double would round', '1700000000.123456', AT_US + 123_456],
  ])('%s', (_, value, us) => expect(timeOf(value, NOW_US)).toBe(us))
})

describe('texts', () => {
  it.each([
    ['2023-11-14T22:13:20Z', AT_US],
    ['2023-11-14T22:13:20.123456789Z', AT_US + 123_456],
    ['2023-11-14 22:13:20 UTC', AT_US],
    ['2023-11-14T23:13:20+01:00', AT_US],
    ['2023-11-14T23:13:20+0100', AT_US],
    ['2023-11-15T03:43:20+05:30', AT_US],
    ['20231114T221320Z', AT_US],
    ['Tue, 14 Nov 2023 22:13:20 GMT', AT_US],
  ])('%s', (text, us) => expect(timeOf(text, NOW_US)).toBe(us))
})

describe('no time', () => {
  it.each([
    ['zero', 0],
    ['seconds since boot', 1.61],
    ['an unset clock', Date.UTC(2000, 0, 1)],
    ['far ahead', Date.UTC(2100, 0, 1)],
    ['eleven minutes ahead', (NOW_US + 660e6) / 1e3],
    ['a text without a zone', '2023-11-14T22:13:20'],
    ['an impossible day', '2023-13-44T22:13:20Z'],
    ['a clock', '14:36'],
    ['a gateway counter', '2463'],
    ['nothing', ''],
    ['null', null],
    ['an object', {}],
    ['negative', -1_700_000_000],
    ['too many digits', '99999999999999999999'],
    ['not finite', Number.POSITIVE_INFINITY],
  ])('%s', (_, value) => expect(timeOf(value, NOW_US)).toBeNull())
})

it('ten minutes ahead is still a clock, not a fault', () => {
  expect(timeOf((NOW_US + 599e6) / 1e3, NOW_US)).toBe(NOW_US + 599e6)
})

it('of two clocks, one of which was never set, the other counts', () => {
  const unsetUs = Date.UTC(1972, 0, 1) * 1000
  expect(timeOf(NOW_US / 1e3, unsetUs)).toBe(NOW_US)
  expect(timeOf(4.2e9, unsetUs)).toBeNull()
})

it('names of times in any spelling; what was measured before what was received', () => {
  expect(timeRank('last_seen')).toBe(timeRank('lastSeen'))
  expect(timeRank('Time')).toBeDefined()
  expect(timeRank('times')).toBeUndefined()
  expect(timeRank('TotalStartTime')).toBeUndefined()
  expect(timeRank('timestamp')!).toBeLessThan(timeRank('received_at')!)
})
