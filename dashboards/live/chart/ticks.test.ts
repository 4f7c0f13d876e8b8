import { expect, test } from 'vitest'
import { timeTicks, valueTicks } from './ticks.ts'

test('values in steps of 1, 2 or 5', () => {
  expect(valueTicks(24.3, 56, 4).values).toEqual([30, 40, 50])
  expect(valueTicks(0, 2300, 4).values).toEqual([0, 1000, 2000])
  const fine = valueTicks(21.02, 21.47, 4)
  expect(fine.decimals).toBe(1)
  expect(fine.values.map(value => value.toFixed(fine.decimals))).toEqual(['21.2', '21.4'])
  expect(valueTicks(-7, 12, 4).values).toEqual([-5, 0, 5, 10])
})

test('times stand at round local times, midnight with its date', () => {
  const from = new Date(2026, 2, 3, 21, 10).getTime()
  const ticks = timeTicks(from, from + 6 * 3_600_000, 7)
  expect(ticks.map(tick => tick.label)).toEqual(['22:00', '23:00', '4 Mar', '01:00', '02:00', '03:00'])
  const week = timeTicks(from, from + 7 * 86_400_000, 8)
  expect(week[0]?.label).toBe('4 Mar')
  expect(week.every(tick => new Date(tick.timeMs).getHours() === 0)).toBe(true)
})
