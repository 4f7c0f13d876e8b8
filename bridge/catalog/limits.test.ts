import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDecoder } from '../decode/decoder.ts'
import type { Reading } from '../telemetry/reading.ts'
import { type Accepted, Catalog } from './catalog.ts'
import type { CatalogLimits, Source } from './limits.ts'

let dir: string
let nowMs = 0
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-limits-'))
  nowMs = 1000
})
afterEach(() => rmSync(dir, { recursive: true }))

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

function open(limits: Partial<CatalogLimits>): Catalog {
  const journalPath = join(dir, 'catalog.jsonl')
  return new Catalog({ journalPath, scope: 'device', limits, clockMs: () => nowMs })
}

function reading(device: string, names: readonly string[], topic = `home/${device}`): Reading {
  const fields = names.map(name => ({ name, value: 1 }))
  return { device, measurement: 'reading', tags: { topic }, fields, timeUs: NOW_US }
}

function say(
  catalog: Catalog,
  device: string,
  names: readonly string[],
  source: Source = 'client',
): Accepted {
  return catalog.accept(reading(device, names), 'general', NOW_US, source)
}

describe('one rogue with 100,000 names costs at most the cap, and others lose nothing:', () => {
  it('names of devices', () => {
    const catalog = open({ devices: 100 })
    for (let i = 0; i < 20; i++) expect(say(catalog, `old-${i}`, ['t'], `old-${i}`).refused).toBeNull()
    const refusals = new Set<string | null>()
    for (let i = 0; i < 100_000; i++) {
      const { line, refused } = say(catalog, `rogue-${i}`, ['t'], 'rogue')
      expect(line === '').toBe(refused !== null)
      refusals.add(refused)
    }
    expect(refusals).toEqual(new Set([null, 'too-many-devices']))
    // The last tenth is kept for those who bring little.
    expect([...catalog.devices()]).toHaveLength(90)
    for (let i = 0; i < 20; i++) expect(say(catalog, `old-${i}`, ['t'], `old-${i}`).refused).toBeNull()
    for (let i = 0; i < 10; i++) expect(say(catalog, `new-${i}`, ['t'], `new-${i}`).refused).toBeNull()
    expect(say(catalog, 'new-10', ['t'], 'new-10').refused).toBe('too-many-devices')
    expect(catalog.stats.counts).toEqual({ devices: 100, series: 100 })
  })

  it('names of fields', () => {
    const catalog = open({ fieldsPerDevice: 50 })
    say(catalog, 'other', ['t'])
    for (let i = 0; i < 100_000; i += 10) {
      const names = Array.from({ length: 10 }, (_, n) => `f${i + n}`)
      const { fields, refused } = say(catalog, 'rogue', ['known', ...names])
      expect(refused === null).toBe(fields.length === 11)
      // What was there before is stored nevertheless.
      expect(fields[0]).toMatchObject({ name: 'known' })
    }
    expect(Object.keys(catalog.device('rogue')!.fields)).toHaveLength(50)
    expect(catalog.stats.refused['too-many-fields']).toBe(100_000 - 49)
    expect(say(catalog, 'other', ['t', 'u']).refused).toBeNull()
  })

  it('names of topics', () => {
    const catalog = open({ fieldsPerDevice: 50 })
    for (let i = 0; i < 100_000; i++)
      catalog.accept(reading('rogue', ['t'], `rogue/${i}`), 'general', NOW_US, 'rogue')
    expect([...catalog.lastReadings()]).toHaveLength(50)
    expect(catalog.device('rogue')!.topics).toHaveLength(50)
  })

  it('fields of many devices together', () => {
    const catalog = open({ series: 1000 })
    for (let i = 0; i < 10_000; i++) say(catalog, `rogue-${i % 100}`, [`f${i}`], 'rogue')
    expect(catalog.stats.counts.series).toBe(900)
    expect(catalog.stats.refused['too-many-series']).toBe(9_100)
    expect(say(catalog, 'honest', ['t'], 'honest').refused).toBeNull()
  })

  it('names in discovery', () => {
    const catalog = open({ devices: 100, fieldsPerDevice: 50 })
    for (let i = 0; i < 10_000; i++) {
      catalog.learn([{ device: `d${i}`, name: 'D' }], 'rogue')
      catalog.learn([{ device: 'd0', field: `f${i}`, topic: `t/${i}`, unit: 'W' }], 'rogue')
    }
    expect(catalog.stats.counts.devices).toBe(90)
    expect([...catalog.facts()].filter(fact => fact.field !== undefined)).toHaveLength(50)
    expect(catalog.stats.refused).toMatchObject({ 'too-many-devices': 9_910, 'too-many-fields': 9_950 })
  })

  it('one after the other, no faster than a client may', () => {
    const catalog = open({ newDevicesPerMinute: 60 })
    const bring = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => say(catalog, `d${from + i}`, ['t'], 'rogue').refused)
    expect(bring(0, 61).filter(refused => refused === 'too-many-new-devices')).toHaveLength(1)
    expect(say(catalog, 'other', ['t'], 'other').refused).toBeNull()
    nowMs += 10_000
    expect(bring(61, 80).filter(refused => refused === null)).toHaveLength(10)
    // Whom an operator brings is not counted by the minute.
    expect(say(catalog, 'replayed', ['t'], undefined).refused).toBeNull()
  })
})

it('what was there keeps its room over a restart', async () => {
  const catalog = open({ devices: 10 })
  for (let i = 0; i < 9; i++) say(catalog, `d${i}`, ['t'])
  await catalog.close()
  const again = open({ devices: 10 })
  for (let i = 0; i < 20; i++) say(again, `rogue-${i}`, ['t'], 'rogue')
  for (let i = 0; i < 9; i++) expect(say(again, `d${i}`, ['t']).refused).toBeNull()
  await again.close()
  // A lower cap takes nothing away.
  const lowered = open({ devices: 3 })
  for (let i = 0; i < 9; i++) expect(say(lowered, `d${i}`, ['t']).refused).toBeNull()
  expect(say(lowered, 'new', ['t']).refused).toBe('too-many-devices')
})

it('a device that changes its name all the time does not fill the disk', { timeout: 60_000 }, async () => {
  const catalog = open({})
  say(catalog, 'a', ['t', 'u'])
  for (let i = 0; i < 100; i++) {
    for (let n = 0; n < 1_000; n++)
      catalog.learn(
        [
          { device: 'a', name: `name ${i} ${n} ${'x'.repeat(100)}` },
          { device: 'b', name: `b ${n}` },
        ],
        'c',
      )
    await catalog.flush()
    expect(statSync(join(dir, 'catalog.jsonl')).size).toBeLessThan(6 * 1024 ** 2)
  }
  await catalog.close()
  const again = open({})
  expect([...again.facts()]).toContainEqual({ device: 'a', name: `name 99 999 ${'x'.repeat(100)}` })
  // Its types are remembered, too.
  expect(
    again.accept({ ...reading('a', ['t']), fields: [{ name: 't', value: 'x' }] }, 'general', NOW_US).line,
  ).toContain(' t_text="x" ')
})

it('long texts in every field do not fill the memory', () => {
  const catalog = open({})
  for (let i = 0; i < 2_000; i++) {
    const long = {
      ...reading(`rogue-${i % 4}`, []),
      fields: [{ name: `f${i}`, value: `${i}${'x'.repeat(60_000)}` }],
    }
    const { line } = catalog.accept(long, 'general', NOW_US, 'rogue')
    // They are stored whole.
    expect(line.length).toBeGreaterThan(60_000)
  }
  let kept = 0
  for (const device of catalog.devices())
    for (const { value } of Object.values(device.fields)) kept += String(value).length
  expect(kept).toBeLessThan(35e6)
  expect(kept).toBeGreaterThan(30e6)
})

it('the decoder forgets topics and keys of a rogue', async () => {
  const decoder = createDecoder({ maxTopics: 1000 })
  const say = (topic: string, payload: string) =>
    decoder.decode({ topic, payload: Buffer.from(payload), retain: false }, NOW_US)
  say('warm/up', '{"a":1}')
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 3_000; i++) say(`${'long/'.repeat(2_000)}${i}`, '1')
  for (let i = 0; i < 80; i++) say('rogue/x', `{"${'k'.repeat(1_000_000)}${i}":1}`)
  for (let i = 0; i < 5_000; i++) say(`rogue/${'y'.repeat(900)}${i}`, `{"${'z'.repeat(90)}${i}":1}`)
  // What only the engine's own tables still hold goes with a turn of the loop.
  await new Promise(setImmediate)
  gc()
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(60e6)
})

it('a journal that was written anew says what the one before said', async () => {
  const openWide = (journal = 'catalog.jsonl') =>
    new Catalog({ journalPath: join(dir, journal), scope: 'measurement', limits: { devices: 20 } })
  const catalog = openWide()
  for (let i = 0; i < 18; i++) say(catalog, `d${i}`, ['t'], `c${i}`)
  catalog.learn([{ device: 'd0', topic: 'gw/d0', identity: 'gw/1', name: 'd0', room: 'attic' }])
  catalog.learn([{ device: 'e0', topic: 'gw/e0', identity: 'gw/1', name: 'e0' }])
  // Much ado about nothing, so that it is written anew, by a start that has not heard of the devices yet.
  await catalog.close()
  const again = openWide()
  for (let n = 0; n < 60_000; n++) again.learn([{ device: 'd1', name: `${n} ${'x'.repeat(100)}` }])
  await again.flush()
  expect(statSync(join(dir, 'catalog.jsonl')).size).toBeLessThan(100_000)
  await again.close()
  const last = openWide()
  for (let i = 0; i < 20; i++) say(last, `rogue-${i}`, ['t'], `r${i}`)
  for (let i = 0; i < 18; i++) expect(say(last, `d${i}`, ['t']).refused).toBeNull()
  expect(last.accept(reading('e0', ['t'], 'gw/e0'), 'general', NOW_US).device).toBe('d0')
  expect(
    last.accept({ ...reading('d3', []), fields: [{ name: 't', value: 'x' }] }, 'general', NOW_US).line,
  ).toContain(' t_text="x" ')
  expect(last.device('e0')).toMatchObject({ id: 'd0', name: 'e0', room: 'attic' })
  await last.close()
})
