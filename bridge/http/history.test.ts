import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EmbeddedStore } from '../store/embedded/embedded-store.ts'
import { EmbeddedHistory } from '../store/embedded/history.ts'
import { HistoryError } from '../store/history-error.ts'
import type { Bucket, History, HistoryQuery, RawPage, RawPoint } from '../store/store.ts'
import { bucketWidth } from './bucket-width.ts'
import { toCsv } from './csv.ts'
import { historyRoutes } from './history.ts'
import { parseTime } from './time.ts'

const HOUR = 3_600_000
const T = Date.UTC(2026, 2, 10, 12)

interface Asked {
  readonly query: HistoryQuery
  readonly size: number
}

/** Answers always the same, and keeps what it was asked. */
function fake({
  buckets = [] as Bucket[] | null,
  raw = { points: [], nextMs: null } as RawPage | null,
  error = null as Error | null,
} = {}) {
  const asked: Asked[] = []
  const answer = async <T>(query: HistoryQuery, size: number, found: T) => {
    asked.push({ query, size })
    if (error) throw error
    return found
  }
  const history: History = {
    buckets: (query, bucketMs) => answer(query, bucketMs, buckets),
    raw: (query, limit) => answer(query, limit, raw),
    lastValues: async () => [],
    close: async () => undefined,
  }
  const routes = historyRoutes({ history, unitOf: (_, field) => (field === 'temperature' ? '°C' : null) })
  const get = (query: string, accept?: string) =>
    routes.request(`/history?${query}`, accept === undefined ? {} : { headers: { accept } })
  return { asked, get }
}

const NUMBERS: Bucket = { time: T, count: 4, mean: 2.5, min: 1, max: 9, last: 3 }
const KITCHEN = 'device=kitchen&field=temperature'

describe('GET /history', () => {
  it('answers from a real store, the last hour in 300 buckets at most by default', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'trestle-http-history-'))
    const store = new EmbeddedStore({ directory })
    const history = new EmbeddedHistory(directory)
    const routes = historyRoutes({ history, unitOf: () => '°C' })
    const newest = Date.now() - 1000
    const lines = Array.from(
      { length: 7200 },
      (_, i) => `reading,device=kitchen t=${i} ${newest - i * 1000}000000\n`,
    )
    await store.write({ lines: [Buffer.from(lines.join(''))], lineCount: 7200, position: { block: 1 } })

    const response = await routes.request('/history?device=kitchen&field=t')
    const { points, ...subject } = (await response.json()) as { points: (Bucket & { value: number })[] }
    expect(subject).toStrictEqual({ device: 'kitchen', field: 't', unit: '°C' })
    expect(points.length).toBeGreaterThanOrEqual(240)
    expect(points.length).toBeLessThanOrEqual(300)
    expect(points.every(({ time, value, mean }) => time % 15_000 === 0 && value === mean)).toBe(true)
    expect(points.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(3590)
    expect((await routes.request('/history?device=nobody&field=t')).status).toBe(404)

    await history.close()
    await store.close()
    rmSync(directory, { recursive: true })
  })

  it.each(['mean', 'min', 'max', 'last'] as const)('value is the %s', async fn => {
    const response = await fake({ buckets: [NUMBERS] }).get(`${KITCHEN}&fn=${fn}`)
    expect(await response.json()).toStrictEqual({
      device: 'kitchen',
      field: 'temperature',
      unit: '°C',
      points: [{ ...NUMBERS, value: NUMBERS[fn] }],
    })
  })

  it('texts and booleans have their last value', async () => {
    const buckets: Bucket[] = [{ time: T, count: 2, last: false }]
    const response = await fake({ buckets }).get('device=lamp&field=on&fn=mean')
    expect(await response.json()).toMatchObject({
      unit: null,
      points: [{ time: T, count: 2, last: false, value: false }],
    })
  })

  it.each([
    [`from=${T}&to=${T + HOUR}`, T, T + HOUR],
    ['from=2026-03-10T12:00:00Z&to=2026-03-10T14:00:00%2B01:00', T, T + HOUR],
    ['from=2026-03-10T13:00:00+01:00&to=2026-03-10t13:00:00.000001z', T, T + HOUR + 0.001],
    [`to=${T}`, T - HOUR, T],
    [`from=${T}.25&to=${T + 1}`, T + 0.25, T + 1],
    ['from=0&to=1', 0, 1],
  ])('asks for the range of %s', async (parameters, fromMs, toMs) => {
    const { asked, get } = fake()
    expect((await get(`${KITCHEN}&${parameters}`)).status).toBe(200)
    expect(asked[0]?.query).toStrictEqual({ device: 'kitchen', field: 'temperature', fromMs, toMs })
  })

  it('takes names as they are', async () => {
    const { asked, get } = fake()
    const device = `a/b "c" é\0 +&=?#'; DROP`
    await get(`device=${encodeURIComponent(device)}&field=%2A`)
    expect(asked[0]?.query).toMatchObject({ device, field: '*' })
  })

  it.each([
    ['field=t', 'missing-device', /^device must/],
    ['device=&field=t', 'missing-device', /^device must/],
    ['device=d', 'missing-field', /^field must/],
    [`${KITCHEN}&from=yesterday`, 'bad-from', /^from must/],
    [`${KITCHEN}&from=-5`, 'bad-from', /^from must/],
    [`${KITCHEN}&from=2026-02-30T00:00:00Z`, 'bad-from', /^from must/],
    [`${KITCHEN}&from=2026-03-10`, 'bad-from', /^from must/],
    [`${KITCHEN}&from=`, 'bad-from', /^from must/],
    [`${KITCHEN}&to=1e99`, 'bad-to', /^to must/],
    [`${KITCHEN}&to=99999999999999999`, 'bad-to', /^to must/],
    [`${KITCHEN}&from=5&to=5`, 'bad-range', /^from must be before to$/],
    [`${KITCHEN}&from=9&to=5`, 'bad-range', /^from must be before to$/],
    [`${KITCHEN}&points=0`, 'bad-points', /^points must/],
    [`${KITCHEN}&points=-3`, 'bad-points', /^points must/],
    [`${KITCHEN}&points=1.5`, 'bad-points', /^points must/],
    [`${KITCHEN}&points=`, 'bad-points', /^points must/],
    [`${KITCHEN}&points=RAW`, 'bad-points', /^points must/],
    [`${KITCHEN}&fn=median`, 'bad-fn', /^fn must/],
    ['from=x&to=y&points=z&fn=toString', 'missing-device', /device.*field.*to must.*from must.*points.*fn/],
  ])('%s is %s', async (query, code, detail) => {
    const { asked, get } = fake()
    const response = await get(query)
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 400, code, detail: expect.stringMatching(detail) })
    expect(asked).toStrictEqual([])
  })

  it.each([
    [new HistoryError('unavailable', 'gone'), 503, 'store-unavailable'],
    [new HistoryError('too-slow', 'slow'), 503, 'store-too-slow'],
    [new HistoryError('too-large', 'large'), 400, 'too-many-points'],
  ])('%s is %i %s', async (error, status, code) => {
    const response = await fake({ error }).get(KITCHEN)
    expect(response.status).toBe(status)
    expect(response.headers.get('retry-after')).toBe(status === 503 ? '5' : null)
    expect(await response.json()).toMatchObject({ code, detail: error.message })
  })

  it('404 for a device or field that the store does not know', async () => {
    for (const points of ['300', 'raw']) {
      const response = await fake({ buckets: null, raw: null }).get(`${KITCHEN}&points=${points}`)
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ code: 'unknown-field' })
    }
  })

  it('raw points come in pages, the next of which begins at `next`', async () => {
    const page = Array.from({ length: 10_000 }, (_, i) => ({ time: T + i + 0.001, value: i }))
    const full = fake({ raw: { points: page, nextMs: T + 9999.002 } })
    const body = (await (await full.get(`${KITCHEN}&points=raw`)).json()) as {
      points: RawPoint[]
      next: number
    }
    expect(full.asked[0]?.size).toBe(10_000)
    expect(body.points).toStrictEqual(page)
    expect(body.next).toBe(T + 9999.002)
    const { asked, get } = fake({ raw: { points: page.slice(0, 5), nextMs: null } })
    expect(await (await get(`${KITCHEN}&points=raw&from=${body.next}&to=${T + HOUR}`)).json()).toMatchObject({
      next: null,
    })
    expect(asked[0]?.query.fromMs).toBe(T + 9999.002)
    const csv = await full.get(`${KITCHEN}&points=raw&from=0&to=${T + HOUR}`, 'text/csv')
    expect(csv.headers.get('link')).toBe(
      `</history?${KITCHEN}&points=raw&from=${body.next}&to=${T + HOUR}>; rel="next"`,
    )
  })

  it('CSV when it is asked for', async () => {
    const subject = fake({ buckets: [NUMBERS, { time: T + 1, count: 1, last: '=1+1' }] })
    const response = await subject.get(KITCHEN, 'text/csv')
    expect(response.headers.get('content-type')).toMatch(/^text\/csv/)
    expect(response.headers.get('vary')).toBe('accept')
    expect(await response.text()).toBe(
      `time,count,mean,min,max,last,value\r\n${T},4,2.5,1,9,3,2.5\r\n${T + 1},1,,,,'=1+1,'=1+1\r\n`,
    )
    for (const accept of ['*/*', 'application/json', 'text/csv;q=0.5, application/json', 'text/html']) {
      expect((await subject.get(KITCHEN, accept)).headers.get('content-type')).toBe('application/json')
    }
    const raw = fake({
      raw: {
        points: [
          { time: T + 0.5, value: true },
          { time: T + 1, value: -5 },
        ],
        nextMs: null,
      },
    })
    expect(await (await raw.get(`${KITCHEN}&points=raw`, 'text/csv')).text()).toBe(
      `time,value\r\n${T + 0.5},true\r\n${T + 1},-5\r\n`,
    )
  })

  it('asks the store four things at once, and turns away what would wait too long', async () => {
    const releases: (() => void)[] = []
    let running = 0
    let most = 0
    const history: History = {
      buckets: async () => {
        most = Math.max(most, ++running)
        await new Promise<void>(resolve => releases.push(resolve))
        running--
        return []
      },
      raw: async () => null,
      lastValues: async () => [],
      close: async () => undefined,
    }
    const routes = historyRoutes({ history, unitOf: () => null })
    const ask = () => Promise.resolve(routes.request(`/history?${KITCHEN}`))
    const all = Array.from({ length: 204 }, ask)
    const refused = await ask()
    expect(refused.status).toBe(503)
    expect(await refused.json()).toMatchObject({ code: 'busy' })
    const timer = setInterval(() => {
      for (const release of releases.splice(0)) release()
    }, 0)
    const statuses = (await Promise.all(all)).map(({ status }) => status)
    clearInterval(timer)
    expect(new Set(statuses)).toStrictEqual(new Set([200]))
    expect(most).toBe(4)
  })
})

describe('bucket width', () => {
  it('is nice, and never makes more buckets than asked for', () => {
    const time = fc.integer({ min: 0, max: 4_000_000_000_000 })
    fc.assert(
      fc.property(
        time,
        fc.integer({ min: 1, max: 400 * 24 * HOUR }),
        fc.integer({ min: 1, max: 10_000 }),
        (from, span, points) => {
          const to = from + span
          const width = bucketWidth(from, to, points)
          const buckets = Math.floor((to - 1) / width) - Math.floor(from / width) + 1
          expect(buckets).toBeLessThanOrEqual(points)
          if (width >= 60_000) expect(width % 60_000).toBe(0)
        },
      ),
    )
  })

  it.each([
    [HOUR, 300, 15_000],
    [24 * HOUR, 300, 5 * 60_000],
    [24 * HOUR, 1440, 60_000],
    [7 * 24 * HOUR, 300, HOUR],
    [7 * 24 * HOUR, 168, HOUR],
    [60_000, 300, 1000],
  ])('%i ms in %i points: %i', (span, points, width) => {
    expect(bucketWidth(T, T + span, points)).toBe(width)
  })
})

describe('CSV', () => {
  it('comes back as it was, but for an apostrophe before what a spreadsheet would run', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: 'grapheme' }),
            fc.string({ unit: fc.constantFrom('=', '"', ',', '\r', '\n', '-', '\t', '\0', '@') }),
          ),
        ),
        texts => {
          const csv = toCsv(
            ['text'],
            texts.map(text => [text]),
          )
          const cells = parseCsv(csv)
            .slice(1)
            .map(([cell]) => cell)
          expect(cells).toStrictEqual(
            texts.map(text => (/^[=+\-@\t\r\n\0＝＋－＠]/.test(text) ? `'${text}` : text)),
          )
        },
      ),
    )
  })
})

/** RFC 4180, by the book. */
function parseCsv(csv: string): string[][] {
  const rows: string[][] = [[]]
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|$)/g)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') rows.push([])
  }
  return rows.slice(0, -1)
}

describe('time', () => {
  it('reads what RFC 3339 writes, to the microsecond', () => {
    expect(parseTime('2026-03-10T12:00:00.123456789Z')).toBe(T + 123.456)
    expect(parseTime('2026-03-10T12:00:00.57Z')).toBe(T + 570)
    expect(parseTime('2024-02-29T23:59:59-00:30')).toBe(Date.UTC(2024, 2, 1, 0, 29, 59))
    for (const bad of [
      '',
      'now',
      '2026-3-1T00:00:00Z',
      '2026-03-10T25:00:00Z',
      '2025-02-29T00:00:00Z',
      '1e3',
      '0x10',
    ]) {
      expect(parseTime(bad)).toBeNull()
    }
  })
})
