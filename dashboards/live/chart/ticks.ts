/** Where lines of a grid stand: round values, round local times. */

import { clockMinutes, clockSeconds, DAY, dayMonth, HOUR, MINUTE, SECOND } from '../words/format.ts'

export interface ValueTicks {
  readonly step: number
  readonly values: readonly number[]
  /** Decimals that the step needs. */
  readonly decimals: number
}

/** Steps of 1, 2 or 5, so that at most `most` lines stand between low and high. */
export function valueTicks(low: number, high: number, most: number): ValueTicks {
  const rough = (high - low) / most
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(factor => factor * power).find(step => step >= rough * 0.999) ?? 10 * power
  const values: number[] = []
  // Adding nought turns −0 into 0.
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++)
    values.push(at * step + 0)
  return { step, values, decimals: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) }
}

const TIME_STEPS = [
  SECOND,
  5 * SECOND,
  10 * SECOND,
  30 * SECOND,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  3 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  5 * DAY,
  10 * DAY,
  30 * DAY,
]

export interface TimeTick {
  readonly timeMs: number
  readonly label: string
}

/** Round local times: a day's line stands at local midnight, also across a change of the clocks. */
export function timeTicks(fromMs: number, toMs: number, most: number): readonly TimeTick[] {
  const rough = (toMs - fromMs) / Math.max(1, most)
  const step = TIME_STEPS.find(step => step >= rough) ?? 30 * DAY
  const midnight = new Date(fromMs).setHours(0, 0, 0, 0)
  const ticks: TimeTick[] = []
  if (step < DAY) {
    for (let at = midnight; at <= toMs; at += step)
      if (at >= fromMs) ticks.push({ timeMs: at, label: timeLabel(at, step) })
    return ticks
  }
  const days = step / DAY
  const day = new Date(midnight)
  for (; day.getTime() <= toMs; day.setDate(day.getDate() + days)) {
    if (day.getTime() >= fromMs) ticks.push({ timeMs: day.getTime(), label: dayMonth(day.getTime()) })
  }
  return ticks
}

function timeLabel(timeMs: number, step: number): string {
  if (step < MINUTE) return clockSeconds(timeMs)
  const label = clockMinutes(timeMs)
  return step >= HOUR && label === '00:00' ? dayMonth(timeMs) : label
}
