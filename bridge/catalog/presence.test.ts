import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Value } from '../telemetry/reading.ts'
import { Catalog } from './catalog.ts'

let dir: string
let nowMs: number
let catalog: Catalog
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-presence-'))
  nowMs = 500_000
  catalog = open()
})
afterEach(() => rmSync(dir, { recursive: true }))

const MINUTE = 60_000
const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

function open(): Catalog {
  return new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device', clockMs: () => nowMs })
}

function say(device: string, values: Record<string, Value> = { temperature: 21 }, wallUs = NOW_US): void {
  const fields = Object.entries(values).map(([name, value]) => ({ name, value }))
  const reading = { device, measurement: 'reading', tags: { topic: device }, fields, timeUs: null }
  catalog.accept(reading, 'general', wallUs)
}

/** Lets the time pass as it does, looking once a second; returns what live clients are told. */
function pass(ms: number, isListening = true): string[] {
  const told: string[] = []
  for (const end = nowMs + ms; nowMs < end; ) {
    nowMs += 1000
    for (const { device, available } of catalog.listen(isListening)) told.push(`${device} ${available}`)
  }
  return told
}

function every(ms: number, times: number, device: string, values?: Record<string, Value>): void {
  for (let n = 0; n < times; n++) {
    say(device, values)
    pass(ms)
  }
}

const state = (device: string) => {
  const { available, availableBy } = catalog.device(device)!
  return [available, availableBy]
}

describe('a device is not available', () => {
  it('after three times its usual silence, learned from its own gaps', () => {
    say('a')
    expect(state('a')).toEqual([null, null])
    every(MINUTE, 4, 'a')
    expect(state('a')).toEqual([true, 'silence'])
    expect(pass(1.9 * MINUTE)).toEqual([])
    expect(state('a')).toEqual([true, 'silence'])
    expect(pass(0.2 * MINUTE)).toEqual(['a false'])
    expect(state('a')).toEqual([false, 'silence'])
    say('a')
    expect(state('a')).toEqual([true, 'silence'])
    expect(pass(2_000)).toEqual(['a true'])
  })

  it('after the silence that it declared, also when nothing else is known, and after a restart', async () => {
    catalog.learn([{ device: 'a', field: 'temperature', topic: 'a', expectedIntervalS: 120 }])
    say('a')
    expect(catalog.device('a')?.expectedIntervalS).toBe(120)
    expect(state('a')).toEqual([true, 'silence'])
    pass(121_000)
    expect(state('a')).toEqual([true, 'silence'])
    expect(pass(3_000)).toEqual(['a false'])
    await catalog.close()
    catalog = open()
    catalog.fill([
      { device: 'a', measurement: 'reading', tags: { topic: 'a' }, field: 'n', value: 1, timeUs: NOW_US },
    ])
    pass(100_000)
    expect(state('a')).toEqual([null, null])
    expect(pass(30_000)).toEqual(['a false'])
  })

  it('when its will says so, until it says otherwise', () => {
    every(MINUTE, 4, 'a')
    catalog.learn([{ device: 'a', available: false }])
    expect(state('a')).toEqual([false, 'word'])
    expect(pass(1000)).toEqual(['a false'])
    say('a')
    expect(state('a')).toEqual([false, 'word'])
    catalog.learn([{ device: 'a', available: true }])
    expect(pass(1000)).toEqual(['a true'])
    // Its broker or gateway would notice: silence says nothing.
    expect(pass(10 * MINUTE)).toEqual([])
    expect(state('a')).toEqual([true, 'word'])
  })

  it('and clients that saw its word as a reading are not told again', () => {
    catalog.learn([{ device: 'a', available: true }])
    say('a', { available: true })
    pass(1000)
    catalog.learn([{ device: 'a', available: false }])
    say('a', { available: false })
    expect(pass(5000)).toEqual([])
  })

  it('also when it has said of it what is neither yes nor no', () => {
    catalog = new Catalog({
      journalPath: join(dir, 'shared.jsonl'),
      scope: 'measurement',
      clockMs: () => nowMs,
    })
    say('other', { available: true })
    every(MINUTE, 4, 'a', { available: 'perhaps', temperature: 21 })
    expect(pass(10 * MINUTE)).toEqual(['a false'])
  })

  it('nor is one that tells of events, but after an hour at least', () => {
    every(MINUTE, 6, 'door', { contact: true, battery: 90 })
    pass(50 * MINUTE)
    expect(state('door')).toEqual([true, 'silence'])
    expect(pass(11 * MINUTE)).toEqual(['door false'])
  })

  it('as it was before the start, as far as the store knows', () => {
    catalog.fill([
      {
        device: 'a',
        measurement: 'reading',
        tags: { topic: 'a' },
        field: 'available',
        value: false,
        timeUs: NOW_US,
      },
    ])
    expect(state('a')).toEqual([false, 'word'])
  })
})

describe('nobody is missed', () => {
  it('because the wall clock jumps', () => {
    every(MINUTE, 4, 'a')
    say('a', { temperature: 1 }, NOW_US + 86_400e6)
    expect(pass(MINUTE)).toEqual([])
    say('a', { temperature: 1 }, NOW_US - 86_400e6)
    expect(pass(2 * MINUTE)).toEqual([])
    expect(state('a')).toEqual([true, 'silence'])
  })

  it('because the bridge stood still', () => {
    every(MINUTE, 4, 'a')
    nowMs += 60 * MINUTE
    expect(catalog.listen(true)).toEqual([])
    expect(pass(2 * MINUTE)).toEqual([])
    expect(pass(2 * MINUTE)).toEqual(['a false'])
  })

  it('while the broker that is read from is away', () => {
    every(MINUTE, 4, 'a')
    expect(pass(60 * MINUTE, false)).toEqual([])
    expect(state('a')).toEqual([true, 'silence'])
    expect(pass(2 * MINUTE)).toEqual([])
    expect(pass(2 * MINUTE)).toEqual(['a false'])
  })
})

it('a look at 20,000 devices takes no time that a message would notice', () => {
  for (let i = 0; i < 20_000; i++) say(`d${i}`)
  for (let n = 0; n < 4; n++) {
    nowMs += MINUTE
    for (let i = 0; i < 20_000; i++) say(`d${i}`)
  }
  const tookMs = Array.from({ length: 5 }, () => {
    nowMs += 1000
    const start = performance.now()
    catalog.listen(true)
    return performance.now() - start
  })
  expect(Math.min(...tookMs)).toBeLessThan(150)
})
