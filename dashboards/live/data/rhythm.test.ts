import { describe, expect, test } from 'vitest'
import { Rhythm } from '../../../bridge/telemetry/rhythm.ts'
import { stateOf } from './rhythm.ts'

const signs = { isConnected: true, available: null, hasAlarm: false, ageMs: 0, deadlineMs: null }

describe('the rhythm of a device', () => {
  test('is unknown until three gaps were heard, and history may say it', () => {
    const rhythm = new Rhythm()
    for (const time of [1_000, 61_000, 121_000]) rhythm.heard(time)
    expect(rhythm.deadlineMs()).toBeNull()
    const points = [0, 20_000, 40_000, 90_000, 100_000].map(time => ({ time, count: 1 }))
    rhythm.learnFrom(points, 110_000)
    // Five messages in 110 s, one silence 40 s longer than the others.
    expect(rhythm.deadlineMs()).toBe(3 * 62_000)
    rhythm.heard(181_000)
    expect(rhythm.deadlineMs()).toBe(3 * 62_000)
  })

  test('buckets side by side say how often something came, not that it came once in each', () => {
    const rhythm = new Rhythm()
    rhythm.learnFrom(
      [0, 30_000, 60_000].map(time => ({ time, count: 10 })),
      90_000,
    )
    expect(rhythm.intervalMs()).toBe(3_000)
  })

  test('one outage is not the rhythm, neither live nor in history', () => {
    const rhythm = new Rhythm()
    for (let beat = 1; beat <= 9; beat++) rhythm.heard(beat * 10_000 + (beat > 5 ? 900_000 : 0))
    expect(rhythm.intervalMs()).toBe(10_000)
    const recalled = new Rhythm()
    const times = Array.from({ length: 100 }, (_, at) => at * 60_000 + (at > 50 ? 3_600_000 : 0))
    recalled.learnFrom(times.map(time => ({ time, count: 1 })), times.at(-1)!)
    expect(recalled.intervalMs()).toBeLessThan(120_000)
  })

  test('values that are said one by one are one beat', () => {
    const rhythm = new Rhythm()
    for (const burst of [0, 60_000, 120_000]) for (const part of [1, 90, 200, 450, 900]) rhythm.heard(burst + part)
    expect(rhythm.deadlineMs()).toBeNull()
    rhythm.heard(180_000)
    expect(rhythm.intervalMs()).toBeGreaterThan(59_000)
  })

  test('what speaks of events may be silent for an hour', () => {
    const rhythm = new Rhythm()
    for (const time of [1_000, 3_000, 5_000, 7_000]) rhythm.heard(time)
    expect(rhythm.deadlineMs(false)).toBe(10_000)
    expect(rhythm.deadlineMs(true)).toBe(3_600_000)
  })

  test('the longest of the last gaps counts, and never less than ten seconds', () => {
    const rhythm = new Rhythm()
    for (const time of [1_000, 3_000, 5_000, 7_000]) rhythm.heard(time)
    expect(rhythm.deadlineMs()).toBe(10_000)
    rhythm.heard(607_000)
    rhythm.heard(609_000)
    expect(rhythm.deadlineMs()).toBe(1_800_000)
  })

  test('a late arrival of an older value moves nothing back', () => {
    const rhythm = new Rhythm()
    for (const time of [10_000, 20_000, 15_000, 30_000, 40_000]) rhythm.heard(time)
    expect(rhythm.intervalMs()).toBe(10_000)
  })
})

describe('the state of a device', () => {
  test('late begins after the deadline, not at it', () => {
    expect(stateOf({ ...signs, ageMs: 30_000, deadlineMs: 30_000 })).toBe('reporting')
    expect(stateOf({ ...signs, ageMs: 30_001, deadlineMs: 30_000 })).toBe('late')
    expect(stateOf({ ...signs, ageMs: 1e9 })).toBe('reporting')
  })

  test('its own word for being away beats our guess, an alarm beats both', () => {
    expect(stateOf({ ...signs, available: false })).toBe('offline')
    expect(stateOf({ ...signs, available: false, hasAlarm: true })).toBe('alarm')
  })

  test('while this page is cut off, nothing is said about a device but its alarm', () => {
    expect(stateOf({ ...signs, isConnected: false, ageMs: 1e9, deadlineMs: 1 })).toBe('unknown')
    expect(stateOf({ ...signs, isConnected: false, hasAlarm: true })).toBe('alarm')
  })
})
