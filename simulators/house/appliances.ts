/** What draws power: standby, thermostats, programs and people. Signals in watts. */

import type { Random } from '../random.ts'
import { drift, type Signal } from '../signal.ts'

/** A compressor that starts a few times an hour, with the inrush of its motor. */
export function fridge(random: Random): Signal {
  let isRunning = random.chance(0.4)
  let untilMs: number | undefined
  let sinceMs = 0
  return nowMs => {
    untilMs ??= nowMs + random.between(2, 14) * 60_000
    while (nowMs >= untilMs) {
      isRunning = !isRunning
      sinceMs = untilMs
      untilMs += random.between(isRunning ? 9 : 16, isRunning ? 15 : 28) * 60_000
    }
    if (!isRunning) return 1.6
    return nowMs - sinceMs < 2000 ? 420 : 78 + 6 * Math.exp(-(nowMs - sinceMs) / 240_000)
  }
}

/** Heats, turns, rinses, spins; then stands by until the next load. Minutes and watts of one program. */
const WASH: readonly (readonly [minutes: number, watts: number])[] = [
  [2, 35],
  [14, 1980],
  [22, 140],
  [6, 60],
  [8, 160],
  [6, 60],
  [8, 160],
  [7, 420],
]

export function washingMachine(random: Random, isAllowed: (nowMs: number) => boolean): Signal {
  const wobble = drift(random.fork('drum'), 12, 4000)
  let startMs: number | undefined
  let waitUntilMs: number | undefined
  return nowMs => {
    waitUntilMs ??= nowMs + random.between(1, 40) * 60_000
    if (startMs === undefined && nowMs >= waitUntilMs && isAllowed(nowMs)) startMs = nowMs
    if (startMs === undefined) return 0.9
    let leftMs = nowMs - startMs
    for (const [minutes, watts] of WASH) {
      if (leftMs < minutes * 60_000) return Math.max(8, watts + wobble(nowMs))
      leftMs -= minutes * 60_000
    }
    startMs = undefined
    waitUntilMs = nowMs + random.between(6, 40) * 3_600_000
    return 0.9
  }
}

/** A television, a desk: standby, and its draw while somebody is there. */
export function whileUsed(isUsed: Signal<boolean>, standbyW: number, watts: number, random: Random): Signal {
  const picture = drift(random, watts * 0.08, 9000)
  return nowMs => (isUsed(nowMs) ? Math.max(standbyW, watts + picture(nowMs)) : standbyW)
}

/** A switched load: nothing when it is off. */
export function switchedLoad(state: { readonly on: boolean }, watts: Signal): Signal {
  return nowMs => (state.on ? watts(nowMs) : 0)
}
