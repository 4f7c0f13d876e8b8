import { type Context, Hono } from 'hono'
import { accepts } from 'hono/accepts'
import { HistoryError } from '../store/history-error.ts'
import type { Aggregate, Bucket, History, HistoryQuery, RawPage } from '../store/store.ts'
import type { Gated } from './access.ts'
import { bucketWidth } from './bucket-width.ts'
import { toCsv } from './csv.ts'
import { problem } from './problem.ts'
import { parseTime } from './time.ts'
import { Turns } from './turns.ts'

export interface HistoryRoutesOptions {
  readonly history: History
  /** Null: no source tells it. */
  readonly unitOf: (device: string, field: string) => string | null
  /** The id of what goes by a name now; names are ids otherwise. */
  readonly idOf?: (device: string) => string
}

const HOUR_MS = 3_600_000
const DEFAULT_POINTS = 300
/** More than that no screen shows; a request for more gets so many. */
const MAX_POINTS = 10_000
const RAW_PAGE = 10_000

const MAX_RUNNING = 4
const MAX_WAITING = 200
const RETRY_AFTER_SECONDS = '5'

const FUNCTIONS: readonly string[] = ['mean', 'min', 'max', 'last'] satisfies Aggregate[]
const BUCKET_COLUMNS = ['time', 'count', 'mean', 'min', 'max', 'last', 'value'] as const

interface Request {
  readonly query: HistoryQuery
  readonly points: number | 'raw'
  readonly fn: Aggregate
}

interface Mistake {
  readonly code: string
  readonly detail: string
}

/**
 * `GET /history?device=&field=&from=&to=&points=300&fn=mean`: at most `points` buckets of a nice width, aligned to the
 * epoch; `points=raw`: the points themselves, 10,000 a page, the next of which begins at `from=<next>`. As JSON or,
 * by `Accept`, as CSV.
 */
export function historyRoutes({ history, unitOf, idOf = id => id }: HistoryRoutesOptions): Hono<Gated> {
  const routes = new Hono<Gated>()
  const turns = new Turns({ maxRunning: MAX_RUNNING, maxWaiting: MAX_WAITING })

  routes.get('/history', async c => {
    const request = readRequest(c, Date.now())
    if ('code' in request) return problem(c, 400, request.code, request.detail)
    if (turns.isFull) return unavailable(c, 'busy', 'too many queries are waiting')
    try {
      const { signal } = c.req.raw
      // Whoever left while it waited wants no answer.
      return await turns.take(async () => (signal.aborted ? gone(c) : answer(c, request)))
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
      if (error.code === 'too-large') return problem(c, 400, 'too-many-points', error.message)
      return unavailable(c, error.code === 'too-slow' ? 'store-too-slow' : 'store-unavailable', error.message)
    }
  })
  return routes

  async function answer(c: Context, { query: asked, points, fn }: Request): Promise<Response> {
    const query = { ...asked, device: idOf(asked.device) }
    const found =
      points === 'raw'
        ? await history.raw(query, RAW_PAGE)
        : await history.buckets(query, bucketWidth(query.fromMs, query.toMs, points))
    const { device, field } = query
    if (found === null) return problem(c, 404, 'unknown-field', `device ${device} has no field ${field}`)
    const subject = { device, field, unit: unitOf(device, field) }
    c.header('vary', 'accept')
    return 'points' in found ? rawAnswer(c, subject, found) : bucketAnswer(c, subject, found, fn)
  }
}

interface Subject {
  readonly device: string
  readonly field: string
  readonly unit: string | null
}

function bucketAnswer(c: Context, subject: Subject, buckets: readonly Bucket[], fn: Aggregate): Response {
  // Texts and booleans have nothing but a last value.
  const points = buckets.map(bucket => ({ ...bucket, value: bucket[fn] ?? bucket.last }))
  if (!wantsCsv(c)) return c.json({ ...subject, points })
  return csv(
    c,
    BUCKET_COLUMNS,
    points.map(point => BUCKET_COLUMNS.map(column => point[column])),
  )
}

function rawAnswer(c: Context, subject: Subject, { points, nextMs: next }: RawPage): Response {
  if (!wantsCsv(c)) return c.json({ ...subject, points, next })
  if (next !== null) {
    const url = new URL(c.req.url)
    url.searchParams.set('from', String(next))
    c.header('link', `<${url.pathname}${url.search}>; rel="next"`)
  }
  return csv(
    c,
    ['time', 'value'],
    points.map(({ time, value }) => [time, value]),
  )
}

function wantsCsv(c: Context): boolean {
  const supports = ['application/json', 'text/csv']
  return accepts(c, { header: 'Accept', supports, default: 'application/json' }) === 'text/csv'
}

function csv(c: Context, ...table: Parameters<typeof toCsv>): Response {
  return c.body(toCsv(...table), 200, { 'content-type': 'text/csv; charset=utf-8; header=present' })
}

function gone(c: Context): Response {
  return problem(c, 400, 'client-left', 'the client hung up')
}

function unavailable(c: Context, code: string, detail: string): Response {
  c.header('retry-after', RETRY_AFTER_SECONDS)
  return problem(c, 503, code, detail)
}

/** Reads all parameters before it complains: `code` is of the first mistake, `detail` tells of every one. */
function readRequest(c: Context, nowMs: number): Request | Mistake {
  const mistakes: Mistake[] = []
  const wrong = (code: string, detail: string) => {
    mistakes.push({ code, detail })
    return Number.NaN
  }
  const time = (name: 'from' | 'to', missing: number) => {
    const text = c.req.query(name)
    if (text === undefined) return missing
    return (
      parseTime(text) ??
      wrong(`bad-${name}`, `${name} must be a time in RFC 3339 or in milliseconds since 1970`)
    )
  }

  const device = c.req.query('device') ?? ''
  if (device === '') wrong('missing-device', 'device must be given')
  const field = c.req.query('field') ?? ''
  if (field === '') wrong('missing-field', 'field must be given')
  const toMs = time('to', nowMs)
  const fromMs = time('from', Math.max(0, (Number.isNaN(toMs) ? nowMs : toMs) - HOUR_MS))
  if (fromMs >= toMs) wrong('bad-range', 'from must be before to')
  const points = c.req.query('points') ?? String(DEFAULT_POINTS)
  if (points !== 'raw' && !/^0*[1-9]\d{0,8}$/.test(points)) {
    wrong('bad-points', `points must be a number from 1 to ${MAX_POINTS}, or raw`)
  }
  const fn = c.req.query('fn') ?? 'mean'
  if (!FUNCTIONS.includes(fn)) wrong('bad-fn', `fn must be one of ${FUNCTIONS.join(', ')}`)

  const [first] = mistakes
  if (first) return { code: first.code, detail: mistakes.map(({ detail }) => detail).join('; ') }
  return {
    query: { device, field, fromMs, toMs },
    points: points === 'raw' ? 'raw' : Math.min(Number(points), MAX_POINTS),
    fn: fn as Aggregate,
  }
}
