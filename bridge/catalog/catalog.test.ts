import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Filter } from '../live/filter.ts'
import { Snapshots } from '../live/snapshot.ts'
import type { Reading, Value } from '../telemetry/reading.ts'
import { Catalog, type TypeScope } from './catalog.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-catalog-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

const NOW = 1_763_800_000_000_000

function open(scope: TypeScope = 'device'): Catalog {
  return new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope })
}

function reading(device: string, values: Record<string, Value>, timeUs: number | null = NOW): Reading {
  return {
    device,
    measurement: 'reading',
    tags: { topic: `home/x/${device}` },
    fields: Object.entries(values).map(([name, value]) => ({ name, value })),
    timeUs,
  }
}

function line(catalog: Catalog, values: Record<string, Value>, device = 'a'): string {
  return catalog.accept(reading(device, values), 'general', NOW).line
}

it('fields go by their names, in whatever order and number they come', () => {
  const catalog = open()
  expect(line(catalog, { t: 1, h: 2, b: 3 })).toContain(' t=1,h=2,b=3 ')
  expect(line(catalog, { b: 4, t: 5 })).toContain(' b=4,t=5 ')
  expect(line(catalog, { x: 6, t: 7, h: 8, b: 9 })).toContain(' x=6,t=7,h=8,b=9 ')
  expect(line(catalog, { t: 'high', h: 10 })).toContain(' t_text="high",h=10 ')
  const { fields } = catalog.device('a')!
  const values = Object.entries(fields).map(([name, { value }]) => [name, value])
  expect(Object.fromEntries(values)).toEqual({ t: 7, h: 10, b: 9, x: 6, t_text: 'high' })
})

describe('a field keeps the type that it was first stored with', () => {
  it('and what fits without loss is converted', () => {
    const catalog = open()
    line(catalog, { n: 1.5, b: true, t: 'x' })
    expect(line(catalog, { n: '2.5', b: 1, t: 3 })).toContain(' n=2.5,b=true,t="3" ')
    expect(line(catalog, { n: true, b: 0, t: false })).toContain(' n=1,b=false,t="false" ')
    expect(catalog.stats.typeConflicts).toBe(0)
  })

  it('and what does not fit goes to the text field beside it, exact, and is counted', () => {
    const catalog = open()
    line(catalog, { n: 1.5, b: true })
    expect(line(catalog, { n: '02.50', b: 2, other: 3 })).toContain(' n_text="02.50",b_text="2",other=3 ')
    expect(catalog.stats.typeConflicts).toBe(2)
  })

  it('and the text beside never takes the place of another field', () => {
    const catalog = open()
    line(catalog, { n: 1, n_text: 2 })
    expect(line(catalog, { n: 'x', n_text: 3 })).toContain(' n_text_text="x",n_text=3 ')
  })

  it('and integers beyond 2^53 are exact texts', () => {
    const catalog = open()
    expect(line(catalog, { big: 9_007_199_254_740_993n })).toContain(' big_text="9007199254740993" ')
    expect(line(catalog, { big: 5 })).toContain(' big=5 ')
  })

  it('and what never fitted it is shown to nobody, of whatever store', () => {
    const catalog = open('measurement')
    line(catalog, { temperature: 21, on: true, mode: 'auto' })
    line(catalog, { temperature: 'hot', on: 'perhaps' }, 'b')
    const stored = { device: 'c', measurement: 'reading', tags: { topic: 'home/x/c' }, timeUs: NOW }
    catalog.fill([
      { ...stored, field: 'temperature', value: 'hot' },
      { ...stored, field: 'mode', value: 3 },
    ])
    const shown = (device: string) => {
      const { fields } = catalog.device(device)!
      return Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value]))
    }
    expect([shown('b'), shown('c')]).toEqual([{ temperature_text: 'hot', on_text: 'perhaps' }, { mode: '3' }])
    const { body } = new Snapshots(() => catalog.lastReadings()).of(new Filter({ devices: ['b', 'c'] }), 1)
    const readings: { values: object }[] = JSON.parse(`[${Buffer.concat(body.parts)}]`)
    expect(readings.map(({ values }) => values)).toEqual([shown('b'), shown('c')])
  })

  it('over a restart, once it was flushed', async () => {
    const catalog = open()
    line(catalog, { n: 1 })
    await catalog.flush()
    await catalog.close()
    expect(line(open(), { n: 'x' })).toContain('n_text="x"')
  })

  it('per device in the embedded store, per measurement in InfluxDB', () => {
    const perDevice = open('device')
    line(perDevice, { state: true }, 'a')
    expect(line(perDevice, { state: 'open' }, 'b')).toContain(' state="open" ')
    const perMeasurement = open('measurement')
    line(perMeasurement, { state: true }, 'a')
    expect(line(perMeasurement, { state: 'open' }, 'b')).toContain(' state_text="open" ')
  })

  it('and a journal torn by a crash costs only its last line', async () => {
    const catalog = open()
    line(catalog, { n: 1 })
    await catalog.close()
    const path = join(dir, 'catalog.jsonl')
    appendFileSync(path, '{"type":"text","measure')
    const again = open()
    expect(line(again, { n: 'x', m: 1 })).toContain('n_text="x",m=1')
    await again.close()
    expect(line(open(), { m: 'x' })).toContain('m_text="x"')
    expect(
      readFileSync(path, 'utf8')
        .split('\n')
        .filter(text => text.includes('"m"')),
    ).toHaveLength(1)
  })
})

describe('times', () => {
  it('of arrival are strictly increasing per series', () => {
    const catalog = open()
    const times = Array.from(
      { length: 5 },
      () => catalog.accept(reading('a', { n: 1 }, null), 'general', NOW).timeUs,
    )
    expect(times).toEqual([0, 1, 2, 3, 4].map(i => NOW + i))
    // A clock that is set back does not overwrite what was stored before.
    expect(catalog.accept(reading('a', { n: 1 }, null), 'general', NOW - 60_000_000).timeUs).toBe(NOW + 5)
  })

  it('of the device stay as they are, and late ones do not become the last value', () => {
    const catalog = open()
    catalog.accept(reading('a', { n: 1 }), 'general', NOW)
    const late = catalog.accept(reading('a', { n: 2 }, NOW - 1_000_000), 'general', NOW)
    expect(late.timeUs).toBe(NOW - 1_000_000)
    expect(catalog.device('a')?.fields.n).toMatchObject({ value: 1, time: NOW / 1000 })
  })
})

describe('a wall clock that was a year ahead and is set back', () => {
  const AHEAD = NOW + 365 * 86_400 * 1e6
  const arrive = (catalog: Catalog, n: number, receivedUs: number) =>
    catalog.accept(reading('a', { n }, null), 'general', receivedUs).timeUs

  it('gives arrivals the time again, and none that was given before', () => {
    const catalog = open()
    const times = [0, 0, 1000, 365 * 86_400 * 1e6].map((later, n) => arrive(catalog, n, NOW + later))
    // The same milliseconds once more, then a good deal later.
    for (const later of [0, 0, 1000, 60e6]) times.push(arrive(catalog, 9, NOW + later))
    expect(new Set(times).size).toBe(times.length)
    for (const timeUs of times.slice(4)) expect(Math.abs(timeUs - NOW)).toBeLessThan(61e6)
  })

  it('does not leave a value of the future as the newest', () => {
    const catalog = open()
    arrive(catalog, 1, AHEAD)
    arrive(catalog, 2, NOW)
    expect(catalog.device('a')).toMatchObject({ lastSeen: NOW / 1000, fields: { n: { value: 2 } } })
  })

  it('nor one that the store remembers', () => {
    const catalog = open()
    const tags = { topic: 'home/x/a' }
    const known = { device: 'a', measurement: 'reading', tags, field: 'n' }
    catalog.fill([{ ...known, value: 1, timeUs: AHEAD }])
    arrive(catalog, 2, NOW)
    catalog.fill([{ ...known, value: 0, timeUs: NOW - 1e6 }])
    expect(catalog.device('a')).toMatchObject({ lastSeen: NOW / 1000, fields: { n: { value: 2 } } })
  })
})

it('a device time older than the limit is not believed, and counted', () => {
  const catalog = new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device', maxAgeMs: 60_000 })
  expect(catalog.accept(reading('a', { n: 1 }, NOW - 60_000_000), 'general', NOW).timeUs).toBe(
    NOW - 60_000_000,
  )
  expect(catalog.accept(reading('a', { n: 1 }, NOW - 60_000_001), 'general', NOW).timeUs).toBe(NOW)
  expect(catalog.stats.oldTimes).toBe(1)
})

describe('devices', () => {
  it('are named and placed by what is learned, which outlives a restart', async () => {
    const catalog = open()
    catalog.learn([
      { device: 'a', name: 'Heat pump', room: 'cellar', model: 'HP-9', available: true },
      { device: 'a', field: 'flow', unit: '°C', class: 'temperature' },
    ])
    expect(line(catalog, { flow: 34.2 })).toBe(
      `reading,device=a,room=cellar,topic=home/x/a flow=34.2 ${NOW}000\n`,
    )
    await catalog.close()
    const again = open()
    again.accept(reading('a', { flow: 35 }), 'general', NOW)
    expect(again.device('a')).toMatchObject({
      name: 'Heat pump',
      room: 'cellar',
      model: 'HP-9',
      available: null,
      fields: { flow: { value: 35, unit: '°C', class: 'temperature', type: 'number' } },
    })
    expect([...again.facts()]).toContainEqual({
      device: 'a',
      field: 'flow',
      unit: '°C',
      class: 'temperature',
    })
  })

  it('appear with their first reading, not before', () => {
    const catalog = open()
    catalog.learn([{ device: 'a', name: 'A' }])
    expect([...catalog.devices()]).toEqual([])
    expect(catalog.device('a')).toBeNull()
    expect(catalog.device('__proto__')).toBeNull()
  })

  it('may have any name and any field name', () => {
    const catalog = open()
    const hostile = ['__proto__', 'constructor', 'a b,c=d', 'é"\\', 'time']
    for (const name of hostile) line(catalog, Object.fromEntries([[name, 1]]), name)
    expect(Array.from(catalog.devices(), device => device.id)).toEqual(hostile)
    for (const name of hostile) expect(Object.keys(catalog.device(name)!.fields)).toEqual([name])
    expect(Object.prototype).not.toHaveProperty('value')
  })

  it('are filled in from the store', () => {
    const catalog = open()
    const tags = { topic: 'home/x/a', room: 'attic' }
    catalog.fill([{ device: 'a', measurement: 'reading', tags, field: 'n', value: 7, timeUs: NOW }])
    expect(catalog.device('a')).toMatchObject({
      room: 'attic',
      topics: ['home/x/a'],
      fields: { n: { value: 7 } },
    })
    expect([...catalog.lastReadings()].map(series => [series.device, series.topic])).toEqual([
      ['a', 'home/x/a'],
    ])
  })
})
