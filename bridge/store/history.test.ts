/** One contract, two stores: the same data, the same questions, the same answers. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startInfluxd } from '../test/influxd.ts'
import { EmbeddedStore } from './embedded/embedded-store.ts'
import { EmbeddedHistory } from './embedded/history.ts'
import { InfluxHistory } from './influx/history.ts'
import { escapeMeasurement, escapeName, escapeString, escapeTagValue } from './line-protocol.ts'
import type { Bucket, History, HistoryQuery, RawPage } from './store.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 2026-03-10T22:30:00Z: what follows crosses midnight. */
const START = Date.UTC(2026, 2, 10, 22, 30)

interface Line {
  readonly measurement?: string
  readonly tags: Readonly<Record<string, string>>
  readonly fields: Readonly<Record<string, string>>
  readonly timeUs: number
}

function encode({ measurement = 'reading', tags, fields, timeUs }: Line): string {
  const tagText = Object.entries(tags).map(([name, value]) => `,${escapeName(name)}=${escapeTagValue(value)}`)
  const fieldText = Object.entries(fields).map(([name, value]) => `${escapeName(name)}=${value}`)
  return `${escapeMeasurement(measurement)}${tagText.join('')} ${fieldText} ${timeUs}000\n`
}

const NASTY_NAMES = [
  `o'brien`,
  `' OR 'a'='a`,
  `"; DROP DATABASE contract; --`,
  'back\\slash',
  'two\\\\slashes',
  '/.*/',
  'a,b=c d',
  '12" pipe',
  '$device',
  '%27',
  'größe 🌡',
  '*',
  ':field',
  '__proto__',
]
const NASTY_TEXT = `quote " and ' and \\ and \\n\nnew line\r\ttab , = 🌡 \u0001 end\\`

/** Three hours, a value each 10 s at odd microseconds, in waves that no mean hits by chance. */
const THERMO = Array.from({ length: 1080 }, (_, i) => ({
  timeUs: (START + i * 10 * SECOND) * 1000 + ((i * 7919) % 1_000_000),
  value: Math.round(20_000 + 5000 * Math.sin(i / 40) + (i % 7)) / 1000,
}))

function lines(): string[] {
  const at = (ms: number, us = 0) => (START + ms) * 1000 + us
  const all: Line[] = [
    ...THERMO.map(({ timeUs, value }, i) => ({
      tags: { device: 'thermo', room: i < 500 ? 'attic' : 'cellar' },
      fields: { temperature: `${value}`, heating: i % 90 < 30 ? 't' : 'f', count: `${i}i` },
      timeUs,
    })),
    // Two tag sets, one of them late, with a common time.
    ...[1, 2, 3].map(i => ({
      tags: { device: 'tie', topic: 'a' },
      fields: { v: `${i}` },
      timeUs: at(i * SECOND, 5),
    })),
    ...[2, 3, 4].map(i => ({
      tags: { device: 'tie', topic: 'b' },
      fields: { v: `${-i}` },
      timeUs: at(i * SECOND, 5),
    })),
    // One field in two measurements.
    { measurement: 'weather', tags: { device: 'mast' }, fields: { wind: '5' }, timeUs: at(0) },
    { measurement: 'weather', tags: { device: 'mast' }, fields: { wind: '6' }, timeUs: at(20 * SECOND) },
    { tags: { device: 'mast' }, fields: { wind: '9' }, timeUs: at(10 * SECOND) },
    { tags: { device: 'mast' }, fields: { wind: '11' }, timeUs: at(MINUTE) },
    { measurement: 'we"ird, name', tags: { device: 'mast' }, fields: { 'sun shine': '1' }, timeUs: at(0) },
    // A field and a tag of one name; a field that is another device's text.
    { tags: { device: 'same', room: 'tag' }, fields: { room: '"field"', state: '"on"' }, timeUs: at(0) },
    { measurement: 'switch', tags: { device: 'other' }, fields: { state: '1' }, timeUs: at(0) },
    ...['a', NASTY_TEXT, ''].map((text, i) => ({
      tags: { device: 'text' },
      fields: { note: escapeString(text) },
      timeUs: at(i * MINUTE),
    })),
    ...NASTY_NAMES.map((name, i) => ({ tags: { device: name }, fields: { [name]: `${i}` }, timeUs: at(i) })),
    // Written twice: the later one counts.
    { tags: { device: 'again' }, fields: { v: '1' }, timeUs: at(0) },
    { tags: { device: 'again' }, fields: { v: '2' }, timeUs: at(0) },
  ]
  return all.map(encode)
}

interface Subject {
  readonly history: History
  close(): Promise<void>
}

async function embedded(nowMs: number): Promise<Subject> {
  const directory = mkdtempSync(join(tmpdir(), 'trestle-contract-'))
  const store = new EmbeddedStore({ directory, now: () => nowMs })
  const batch = Buffer.from(lines().join(''))
  expect(await store.write({ lines: [batch], lineCount: lines().length, position: { block: 1 } })).toEqual({
    kind: 'written',
  })
  const history = new EmbeddedHistory(directory)
  return {
    history,
    async close() {
      await history.close()
      await store.close()
      rmSync(directory, { recursive: true })
    },
  }
}

async function influx(): Promise<Subject> {
  const server = await startInfluxd()
  await fetch(`${server.url}/query?q=CREATE+DATABASE+contract`, { method: 'POST' })
  const written = await fetch(`${server.url}/write?db=contract&precision=ns`, {
    method: 'POST',
    body: lines().join(''),
  })
  expect({ status: written.status, body: await written.text() }).toEqual({ status: 204, body: '' })
  const history = new InfluxHistory({ url: server.url, database: 'contract' })
  return {
    history,
    async close() {
      await history.close()
      await server.stop()
    },
  }
}

/** What a bucket must hold, straight from the data. */
function expectedBuckets(fromMs: number, toMs: number, bucketMs: number): Bucket[] {
  const inRange = THERMO.filter(({ timeUs }) => timeUs >= fromMs * 1000 && timeUs < toMs * 1000)
  const buckets = Map.groupBy(inRange, ({ timeUs }) => Math.floor(timeUs / 1000 / bucketMs) * bucketMs)
  return Array.from(buckets, ([time, points]) => {
    const values = points.map(({ value }) => value)
    return {
      time,
      count: values.length,
      mean: expect.closeTo(values.reduce((sum, value) => sum + value) / values.length, 9),
      min: Math.min(...values),
      max: Math.max(...values),
      last: values.at(-1)!,
    }
  })
}

describe.each([
  ['embedded, rolled up', () => embedded(START + DAY)],
  ['embedded, before the roll-up', () => embedded(START)],
  ['embedded, the roll-up half done', () => embedded(START + 80 * MINUTE)],
  ['InfluxDB', influx],
])('history: %s', (_, open) => {
  let subject: Subject
  let history: History

  beforeAll(async () => {
    subject = await open()
    history = subject.history
  })

  afterAll(() => subject?.close())

  async function raw(query: HistoryQuery, limit: number) {
    const page = await history.raw(query, limit)
    return page?.points ?? null
  }

  const thermo = { device: 'thermo', field: 'temperature' }
  const ofHour = (device: string, field: string) => ({ device, field, fromMs: START, toMs: START + HOUR })

  it.each([
    ['seconds', 15 * SECOND],
    ['minutes', MINUTE],
    ['5 minutes', 5 * MINUTE],
    ['90 seconds', 90 * SECOND],
    ['hours', HOUR],
    ['2 hours', 2 * HOUR],
    ['days', DAY],
  ])('buckets of %s, aligned to the epoch, across midnight and two tag sets', async (_, bucketMs) => {
    for (const [fromMs, toMs] of [
      [START, START + 3 * HOUR],
      [START - DAY, START + 2 * DAY],
      [START + 12_345, START + 2 * HOUR + 54_321],
      [START + 61_001.5, START + 61_500.25],
    ] as const) {
      const buckets = await history.buckets({ ...thermo, fromMs, toMs }, bucketMs)
      expect(buckets).toEqual(expectedBuckets(fromMs, toMs, bucketMs))
    }
  })

  it('booleans have count and last', async () => {
    expect(await history.buckets(ofHour('thermo', 'heating'), 30 * MINUTE)).toStrictEqual([
      { time: START, count: 180, last: false },
      { time: START + 30 * MINUTE, count: 180, last: false },
    ])
    expect((await raw(ofHour('thermo', 'heating'), 31))?.map(({ value }) => value)).toStrictEqual([
      ...Array(30).fill(true),
      false,
    ])
  })

  it('integers are numbers', async () => {
    expect(await history.buckets(ofHour('thermo', 'count'), HOUR)).toMatchObject([
      { time: START - 30 * MINUTE, count: 180, mean: 89.5, min: 0, max: 179, last: 179 },
      { count: 180, last: 359 },
    ])
  })

  it('texts come back as they were, whatever they hold', async () => {
    expect(await raw(ofHour('text', 'note'), 10)).toStrictEqual([
      { time: START, value: 'a' },
      { time: START + MINUTE, value: NASTY_TEXT },
      { time: START + 2 * MINUTE, value: '' },
    ])
    expect(await history.buckets(ofHour('text', 'note'), 2 * MINUTE)).toStrictEqual([
      { time: START, count: 2, last: NASTY_TEXT },
      { time: START + 2 * MINUTE, count: 1, last: '' },
    ])
  })

  it('raw points are exact to the microsecond, and pages neither repeat nor miss one', async () => {
    const points: unknown[] = []
    for (let fromMs: number | null = START; fromMs !== null; ) {
      const page: RawPage | null = await history.raw({ ...thermo, fromMs, toMs: START + 2 * HOUR }, 100)
      points.push(...(page?.points ?? []))
      fromMs = page?.nextMs ?? null
    }
    expect(points).toStrictEqual(
      THERMO.slice(0, 720).map(({ timeUs, value }) => ({ time: timeUs / 1000, value })),
    )
  })

  it('a page ends between two times, never within one', async () => {
    const times = async (limit: number) =>
      (await raw(ofHour('tie', 'v'), limit))?.map(({ time }) => Math.round((time - START) * 1000))
    expect(await times(1)).toStrictEqual([1_000_005])
    expect(await times(2)).toStrictEqual([1_000_005, 2_000_005, 2_000_005])
    expect(await times(3)).toStrictEqual([1_000_005, 2_000_005, 2_000_005])
    expect(await times(4)).toStrictEqual([1_000_005, 2_000_005, 2_000_005, 3_000_005, 3_000_005])
    expect(await times(100)).toHaveLength(6)
  })

  it('of two series with a common time the greater value is the last', async () => {
    const tie = { device: 'tie', field: 'v', fromMs: START, toMs: START + 3500 }
    expect(await history.buckets(tie, HOUR)).toStrictEqual([
      { time: START - 30 * MINUTE, count: 5, mean: 0.2, min: -3, max: 3, last: 3 },
    ])
  })

  it('the measurements of a field are one', async () => {
    expect(await history.buckets(ofHour('mast', 'wind'), MINUTE)).toStrictEqual([
      { time: START, count: 3, mean: expect.closeTo(20 / 3, 9), min: 5, max: 9, last: 6 },
      { time: START + MINUTE, count: 1, mean: 11, min: 11, max: 11, last: 11 },
    ])
    expect((await raw(ofHour('mast', 'wind'), 3))?.map(({ value }) => value)).toStrictEqual([5, 9, 6])
    expect(await raw(ofHour('mast', 'sun shine'), 3)).toStrictEqual([{ time: START, value: 1 }])
  })

  it('a field is not a tag of its name, nor the field of another device', async () => {
    expect(await raw(ofHour('same', 'room'), 3)).toStrictEqual([{ time: START, value: 'field' }])
    expect(await raw(ofHour('same', 'state'), 3)).toStrictEqual([{ time: START, value: 'on' }])
    expect(await raw(ofHour('other', 'state'), 3)).toStrictEqual([{ time: START, value: 1 }])
  })

  it('null: no such device or field; empty: nothing in the range', async () => {
    for (const [device, field] of [
      ['nobody', 'temperature'],
      ['thermo', 'nothing'],
      ['tie', 'temperature'],
      ['', ''],
      ['thermo', 'room'],
      ['a\nb', 'temperature'],
      ['thermo\0', 'temperature'],
    ] as const) {
      expect(await history.buckets(ofHour(device, field), MINUTE)).toBeNull()
      expect(await raw(ofHour(device, field), 10)).toBeNull()
    }
    const before = { ...thermo, fromMs: START - DAY, toMs: START }
    expect(await history.buckets(before, MINUTE)).toStrictEqual([])
    expect(await raw(before, 10)).toStrictEqual([])
    expect(await history.buckets({ ...thermo, fromMs: 0, toMs: 1 }, MINUTE)).toStrictEqual([])
  })

  it('the later of two values at one time counts', async () => {
    expect(await raw(ofHour('again', 'v'), 10)).toStrictEqual([{ time: START, value: 2 }])
  })

  it.each(NASTY_NAMES.map((name, i) => [name, i] as const))('finds %j and nothing else', async (name, i) => {
    expect(await raw(ofHour(name, name), 10)).toStrictEqual([{ time: START + i, value: i }])
    expect(await history.buckets(ofHour(name, name), HOUR)).toMatchObject([{ count: 1, last: i }])
    expect(await raw(ofHour(`${name}\\`, name), 10)).toBeNull()
    expect(await raw(ofHour('thermo', name), 10)).toBeNull()
  })

  it('knows the newest value of each series', async () => {
    const values = await history.lastValues()
    const last = THERMO.at(-1)!
    const of = (device: string, field: string) =>
      values
        .filter(value => value.device === device && value.field === field)
        .sort((a, b) => a.timeUs - b.timeUs)
    const common = { device: 'thermo', field: 'temperature', measurement: 'reading' }
    expect(of('thermo', 'temperature')).toStrictEqual([
      { ...common, tags: { room: 'attic' }, value: THERMO[499]!.value, timeUs: THERMO[499]!.timeUs },
      { ...common, tags: { room: 'cellar' }, value: last.value, timeUs: last.timeUs },
    ])
    expect(of('thermo', 'heating').map(({ value }) => value)).toStrictEqual([false, false])
    expect(of('text', 'note')).toMatchObject([{ value: '', tags: {} }])
    expect(of('mast', 'wind').map(({ measurement, value }) => [measurement, value])).toStrictEqual([
      ['weather', 6],
      ['reading', 11],
    ])
    for (const [i, name] of NASTY_NAMES.entries()) expect(of(name, name)).toMatchObject([{ value: i }])
    expect(values).toHaveLength(2 * 3 + 2 + 2 + 1 + 2 + 1 + 1 + NASTY_NAMES.length + 1)
  })
})
