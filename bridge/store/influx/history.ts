import { Aggregate } from '../aggregate.ts'
import { HistoryError, MAX_BUCKETS, MAX_TEXTS } from '../history-error.ts'
import type { Bucket, History, HistoryQuery, LastValue, RawPage } from '../store.ts'
import type { InfluxServer } from './client.ts'
import { type AnswerSeries, InfluxQuery, quoteName, quoteText } from './query.ts'

const TIMEOUT_MS = 30_000
/** Which measurement has which field changes seldom; one that is missing is looked for again after a second. */
const FIELDS_KEPT_MS = 30_000
const FIELDS_MISSED_MS = 1000
const STATEMENTS_PER_REQUEST = 20
/** Rows that are read to find the newest of several measurements in a bucket. */
const MAX_ROWS = 200_000
const MAX_NS = 9_223_372_036_854_775_806n
const CONTROL_CHARACTER = /\p{Cc}/u

type Kind = 'number' | 'boolean' | 'text'
type StoredValue = number | boolean | string

/** The measurements in which a field is of one kind. */
interface Source {
  readonly kind: Kind
  readonly measurements: readonly string[]
}

interface KnownFields {
  readonly atMs: number
  readonly sources: ReadonlyMap<string, readonly Source[]>
}

/** `History` over InfluxDB. Rejects with a HistoryError. */
export class InfluxHistory implements History {
  readonly #query: InfluxQuery
  #fields: KnownFields | null = null

  constructor(server: InfluxServer, { timeoutMs = TIMEOUT_MS } = {}) {
    this.#query = new InfluxQuery(server, timeoutMs)
  }

  buckets(query: HistoryQuery, bucketMs: number): Promise<readonly Bucket[] | null> {
    return this.#fromSource(query, source => this.#bucketsOf(source, query, bucketMs))
  }

  raw(query: HistoryQuery, limit: number): Promise<RawPage | null> {
    return this.#fromSource(query, async source => {
      const most = source.kind === 'text' ? Math.min(limit, MAX_TEXTS) : limit
      const rows = await this.#earliestRows(source, query, most)
      const last = rows.at(-1)
      return {
        points: rows.map(({ timeUs, value }) => ({ time: timeUs / 1000, value })),
        nextMs: last && rows.length >= most ? (last.timeUs + 1) / 1000 : null,
      }
    })
  }

  async lastValues(): Promise<readonly LastValue[]> {
    const { sources } = await this.#knownFields(FIELDS_MISSED_MS)
    const wanted = [...sources].flatMap(([field, ofField]) =>
      ofField.flatMap(({ measurements }) => measurements.map(measurement => ({ field, measurement }))),
    )
    const values: LastValue[][] = []
    for (let at = 0; at < wanted.length; at += STATEMENTS_PER_REQUEST) {
      const some = wanted.slice(at, at + STATEMENTS_PER_REQUEST)
      const answers = await this.#query.ask(
        some.map(
          ({ field, measurement }) =>
            `SELECT last(${fieldRef(field)}) FROM ${quoteName(measurement)} GROUP BY *`,
        ),
      )
      values.push(answers.flatMap((series, i) => series.flatMap(one => lastValueOf(one, some[i]!))))
    }
    return values.flat()
  }

  async close(): Promise<void> {
    // Nothing is kept open: the package makes a connection for each query.
  }

  /** The first kind of the field that this device has; null when it has none. */
  async #fromSource<T>(query: HistoryQuery, ask: (source: Source) => Promise<T>): Promise<T | null> {
    // Names are cleaned before they are stored: there is no such device, and InfluxQL could not say it.
    if (CONTROL_CHARACTER.test(query.device + query.field)) return null
    const known = (await this.#knownFields(FIELDS_KEPT_MS)).sources.get(query.field)
    const sources = known ?? (await this.#knownFields(FIELDS_MISSED_MS)).sources.get(query.field)
    for (const source of sources ?? []) {
      if (await this.#exists(source, query)) return ask(source)
    }
    return null
  }

  async #bucketsOf(source: Source, query: HistoryQuery, bucketMs: number): Promise<Bucket[]> {
    const field = fieldRef(query.field)
    const functions = source.kind === 'number' ? ['count', 'mean', 'min', 'max', 'last'] : ['count', 'last']
    const [series = []] = await this.#query.ask([
      `SELECT ${functions.map(name => `${name}(${field}) AS "${name}"`)} ${from(source)} ${where(query)}
       GROUP BY time(${bucketMs}ms) fill(none) LIMIT ${MAX_BUCKETS + 1}`,
    ])
    const buckets = series.map(({ values }) => values.map(row => bucketOf(row, source.kind)))
    if (buckets.some(({ length }) => length > MAX_BUCKETS)) {
      throw new HistoryError('too-large', `more than ${MAX_BUCKETS} buckets`)
    }
    return buckets.length > 1 ? this.#merge(buckets.flat(), source, query, bucketMs) : (buckets[0] ?? [])
  }

  /** Buckets of several measurements. None says when its last value was: that is looked up in the rows. */
  async #merge(buckets: Bucket[], source: Source, query: HistoryQuery, bucketMs: number): Promise<Bucket[]> {
    const byTime = Map.groupBy(buckets, ({ time }) => time)
    const shared = [...byTime].filter(([, same]) => same.length > 1).map(([time]) => time)
    const lasts = new Map<number, Aggregate>(shared.map(time => [time, new Aggregate()]))
    if (shared.length > 0) {
      const fromMs = Math.max(query.fromMs, Math.min(...shared))
      const toMs = Math.min(query.toMs, Math.max(...shared) + bucketMs)
      for (const { timeUs, value } of await this.#rows(source, { ...query, fromMs, toMs }, MAX_ROWS)) {
        const encoded = typeof value === 'boolean' ? Number(value) : value
        lasts.get(Math.floor(timeUs / 1000 / bucketMs) * bucketMs)?.add(timeUs, encoded)
      }
    }
    return Array.from(byTime, ([time, same]) => mergeBuckets(same, lasts.get(time), source.kind)).sort(
      (a, b) => a.time - b.time,
    )
  }

  /** At most `limit`, and those that share the time of the last. */
  async #earliestRows(source: Source, query: HistoryQuery, limit: number): Promise<readonly TimedValue[]> {
    const rows = await this.#rows(source, query, limit + 1)
    const last = rows[limit - 1]
    if (!last || rows[limit]?.timeUs !== last.timeUs) return rows.slice(0, limit)
    const instant = { ...query, fromMs: last.timeUs / 1000, toMs: (last.timeUs + 1) / 1000 }
    const same = await this.#rows(source, instant, MAX_ROWS)
    return [...rows.filter(({ timeUs }) => timeUs < last.timeUs), ...same]
  }

  /** In the order of time; at most `limit` of each measurement. */
  async #rows(source: Source, query: HistoryQuery, limit: number): Promise<TimedValue[]> {
    const [series = []] = await this.#query.ask([
      `SELECT ${fieldRef(query.field)} ${from(source)} ${where(query)} ORDER BY time LIMIT ${limit}`,
    ])
    const rows = series.flatMap(({ values }) =>
      values.map(([timeUs, value]) => ({ timeUs: Number(timeUs), value: value as StoredValue })),
    )
    return series.length > 1 ? rows.sort((a, b) => a.timeUs - b.timeUs) : rows
  }

  async #exists(source: Source, { device, field }: HistoryQuery): Promise<boolean> {
    const [series = []] = await this.#query.ask([
      `SELECT ${fieldRef(field)} ${from(source)} WHERE "device"::tag = ${quoteText(device)} LIMIT 1`,
    ])
    return series.length > 0
  }

  async #knownFields(maxAgeMs: number): Promise<KnownFields> {
    if (this.#fields && performance.now() - this.#fields.atMs < maxAgeMs) return this.#fields
    const [series = []] = await this.#query.ask(['SHOW FIELD KEYS'])
    const rows = series.flatMap(({ name, values }) =>
      values.map(([field, type]) => ({
        measurement: name,
        field: String(field),
        kind: kindOf(String(type)),
      })),
    )
    const sources = new Map(
      Array.from(
        Map.groupBy(rows, ({ field }) => field),
        ([field, ofField]) => [field, sourcesOf(ofField)] as const,
      ),
    )
    this.#fields = { atMs: performance.now(), sources }
    return this.#fields
  }
}

interface TimedValue {
  readonly timeUs: number
  readonly value: StoredValue
}

/** Numbers first: they say the most. */
function sourcesOf(rows: readonly { readonly measurement: string; readonly kind: Kind }[]): Source[] {
  return (['number', 'text', 'boolean'] as const)
    .map(kind => ({
      kind,
      measurements: rows.filter(row => row.kind === kind).map(({ measurement }) => measurement),
    }))
    .filter(({ measurements }) => measurements.length > 0)
}

function kindOf(type: string): Kind {
  return type === 'string' ? 'text' : type === 'boolean' ? 'boolean' : 'number'
}

/** A tag may have the same name. */
function fieldRef(field: string): string {
  return `${quoteName(field)}::field`
}

function from({ measurements }: Source): string {
  return `FROM ${measurements.map(quoteName)}`
}

function where({ device, fromMs, toMs }: HistoryQuery): string {
  return `WHERE "device"::tag = ${quoteText(device)} AND time >= ${nanoseconds(fromMs)} AND time < ${nanoseconds(toMs)}`
}

function nanoseconds(timeMs: number): bigint {
  const ns = BigInt(Math.round(timeMs * 1000)) * 1000n
  return ns > MAX_NS ? MAX_NS : ns < -MAX_NS ? -MAX_NS : ns
}

function bucketOf([timeUs, count, ...values]: readonly unknown[], kind: Kind): Bucket {
  const common = { time: Number(timeUs) / 1000, count: Number(count) }
  if (kind !== 'number') return { ...common, last: values[0] as StoredValue }
  const [mean, min, max, last] = values as number[]
  return { ...common, mean: mean!, min: min!, max: max!, last: last! }
}

function mergeBuckets(buckets: readonly Bucket[], newest: Aggregate | undefined, kind: Kind): Bucket {
  const [first] = buckets
  if (!first || buckets.length === 1) return first!
  const count = buckets.reduce((sum, bucket) => sum + bucket.count, 0)
  const last = newest === undefined || newest.count === 0 ? first.last : newest.last
  if (kind !== 'number') return { time: first.time, count, last: kind === 'boolean' ? Boolean(last) : last }
  return {
    time: first.time,
    count,
    mean: buckets.reduce((sum, bucket) => sum + (bucket.mean ?? 0) * bucket.count, 0) / count,
    min: Math.min(...buckets.map(({ min = Infinity }) => min)),
    max: Math.max(...buckets.map(({ max = -Infinity }) => max)),
    last,
  }
}

function lastValueOf(
  { tags = {}, values }: AnswerSeries,
  { field, measurement }: { readonly field: string; readonly measurement: string },
): LastValue[] {
  const { device, ...others } = tags
  const [timeUs, value] = values[0] ?? []
  if (!device || value === undefined || value === null) return []
  return [
    {
      device,
      field,
      measurement,
      // A tag that this series lacks comes as an empty text.
      tags: Object.fromEntries(Object.entries(others).filter(([, text]) => text !== '')),
      value: value as StoredValue,
      timeUs: Number(timeUs),
    },
  ]
}
