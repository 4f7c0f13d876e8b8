/**
 * Answers from the files of an embedded store, read-only, beside its writer.
 *
 * A bucket of whole hours or minutes is taken from the roll-ups, except where these do not reflect the rows yet
 * (the day's file tells) and at the edges of the range: there the rows count. Where the rows are gone, minutes
 * stand in, and where those are gone, hours, whatever width was asked for.
 */

import { readdirSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Aggregate } from '../aggregate.ts'
import { HistoryError, MAX_BUCKETS, MAX_TEXTS } from '../history-error.ts'
import type { Bucket, HistoryQuery, LastValue, RawPage } from '../store.ts'
import { isDamage, openForReading } from './database.ts'
import { dayFilePath, dayOfFileName } from './day-file.ts'
import { DayReader, type Range, type Row } from './day-reader.ts'
import { OpenFiles } from './open-files.ts'
import { rollupPath } from './rollup-file.ts'
import { BOOLEAN, type Kind, NUMBER, TEXT } from './series.ts'
import { DAY_US, HOUR_US, MINUTE_US } from './units.ts'

/** A week by the hour needs eight. */
const MAX_OPEN_DAYS = 16

/** What a query is about. */
interface Subject {
  readonly rollup: DatabaseSync
  readonly device: string
  readonly field: string
  readonly kind: Kind
  readonly range: Range
}

/** A stretch of a range, with the file that holds its rows, if there is one. */
interface Stretch {
  readonly range: Range
  readonly file: DayReader | null
}

export class Reader {
  readonly #directory: string
  readonly #rollups = new OpenFiles(1, openForReading)
  readonly #days = new OpenFiles(MAX_OPEN_DAYS, openDay)

  constructor(directory: string) {
    this.#directory = directory
  }

  /** As `History.buckets`. Throws what SQLite throws, and a HistoryError. */
  buckets(query: HistoryQuery, bucketMs: number): Bucket[] | null {
    const subject = this.#subject(query)
    if (!subject) return null
    const buckets = new Buckets(bucketMs)
    const widthUs = [HOUR_US, MINUTE_US].find(widthUs => (bucketMs * 1000) % widthUs === 0)
    for (const { range, file } of this.#stretches(subject.range)) {
      // The rows of a later part are not all the rows of the day.
      const isComplete = file?.part === 0
      if (isComplete && widthUs === undefined) addRows(buckets, subject, file, range)
      else if (isComplete) addRollups(buckets, subject, file, range, widthUs ?? MINUTE_US)
      else addWhatIsLeft(buckets, subject, file, range, widthUs ?? MINUTE_US)
    }
    return buckets.toArray(subject.kind)
  }

  /** As `History.raw`. */
  raw(query: HistoryQuery, limit: number): RawPage | null {
    const subject = this.#subject(query)
    if (!subject) return null
    const { kind } = subject
    const most = kind === TEXT ? Math.min(limit, MAX_TEXTS) : limit
    const rows: Row[] = []
    for (const { range, file } of this.#stretches(subject.range)) {
      if (file) rows.push(...earliestRows(file, subject, range, most - rows.length))
      if (rows.length >= most) break
    }
    const last = rows.at(-1)
    return {
      points: rows.map(([timeUs, value]) => ({ time: timeUs / 1000, value: decode(kind, value) })),
      nextMs: last && rows.length >= most ? (last[0] + 1) / 1000 : null,
    }
  }

  /** As `History.lastValues`. */
  lastValues(): LastValue[] {
    const rollup = this.#rollups.get(rollupPath(this.#directory))
    if (!rollup) return []
    // With one max() the other columns are those of its row. [SQLite: bare columns in an aggregate query]
    const rows = rollup.prepare(`
      SELECT device, field, measurement, tags, kind, value, max(time_us) AS timeUs
      FROM series JOIN latest USING (sid) GROUP BY device, field, measurement, tags`)
    const values: LastValue[] = []
    // One by one: all rows at once, of a million series, would be more than the heap holds.
    for (const row of rows.iterate()) {
      values.push({
        device: String(row.device),
        field: String(row.field),
        measurement: String(row.measurement),
        tags: JSON.parse(String(row.tags)) as Record<string, string>,
        value: decode(row.kind as Kind, row.value as number | string),
        timeUs: Number(row.timeUs),
      })
    }
    return values
  }

  close(): void {
    this.#rollups.close()
    this.#days.close()
  }

  /** Null: unknown. A field whose kind has changed answers with the kind that it had last. */
  #subject({ device, field, fromMs, toMs }: HistoryQuery): Subject | null {
    const rollup = this.#rollups.get(rollupPath(this.#directory))
    const newest = rollup
      ?.prepare(
        `SELECT kind FROM series LEFT JOIN latest USING (sid) WHERE device = ? AND field = ?
         ORDER BY time_us DESC LIMIT 1`,
      )
      .get(device, field)
    if (!rollup || !newest) return null
    const range = { fromUs: Math.round(fromMs * 1000), toUs: Math.round(toMs * 1000) }
    return { rollup, device, field, kind: newest.kind as Kind, range }
  }

  *#stretches({ fromUs, toUs }: Range): Generator<Stretch> {
    const days = readdirSync(this.#directory)
      .map(dayOfFileName)
      .filter(day => day !== null)
      .sort((a, b) => a - b)
    let at = fromUs
    for (const day of days) {
      const start = Math.max(day * DAY_US, fromUs)
      const end = Math.min((day + 1) * DAY_US, toUs)
      const db = start < end ? this.#days.get(dayFilePath(this.#directory, day)) : null
      if (!db) continue
      if (at < start) yield { range: { fromUs: at, toUs: start }, file: null }
      yield { range: { fromUs: start, toUs: end }, file: new DayReader(db) }
      at = end
    }
    if (at < toUs) yield { range: { fromUs: at, toUs }, file: null }
  }
}

/** A damaged day is as good as gone: its roll-ups stand in until the writer sets it aside. */
function openDay(path: string): DatabaseSync | null {
  try {
    return openForReading(path)
  } catch (error) {
    if (isDamage(error)) return null
    throw error
  }
}

/** The answer while it grows. */
class Buckets {
  readonly #widthUs: number
  readonly #aggregates = new Map<number, Aggregate>()

  constructor(bucketMs: number) {
    this.#widthUs = bucketMs * 1000
  }

  /** Of the bucket that holds this time. */
  at(timeUs: number): Aggregate {
    const number = Math.floor(timeUs / this.#widthUs)
    let aggregate = this.#aggregates.get(number)
    if (!aggregate) {
      if (this.#aggregates.size >= MAX_BUCKETS) {
        throw new HistoryError('too-large', `more than ${MAX_BUCKETS} buckets`)
      }
      aggregate = new Aggregate()
      this.#aggregates.set(number, aggregate)
    }
    return aggregate
  }

  toArray(kind: Kind): Bucket[] {
    const sorted = [...this.#aggregates].sort(([a], [b]) => a - b)
    return sorted.map(([number, { count, sum, min, max, last }]) => ({
      time: (number * this.#widthUs) / 1000,
      count,
      ...(kind === NUMBER && { mean: sum / count, min, max }),
      last: decode(kind, last),
    }))
  }
}

function decode(kind: Kind, value: number | string): number | boolean | string {
  return kind === BOOLEAN ? value === 1 : value
}

function addRows(buckets: Buckets, { device, field, kind }: Subject, file: DayReader, range: Range): void {
  for (const [timeUs, value] of file.rows(kind, file.sidsOf(device, field, kind), range)) {
    buckets.at(timeUs).add(timeUs, value)
  }
}

/** Roll-ups where they are exact, rows elsewhere. */
function addRollups(
  buckets: Buckets,
  subject: Subject,
  file: DayReader | null,
  range: Range,
  widthUs: number,
): void {
  if (!file) {
    addRollupRows(buckets, subject, range, widthUs, () => false)
    return
  }
  const { fromUs, toUs } = range
  file.snapshot(() => {
    const fromRows = file.dirtyBuckets(range, widthUs)
    if (file.part === 0 && fromUs % widthUs !== 0) fromRows.add(Math.floor(fromUs / widthUs))
    if (file.part === 0 && toUs % widthUs !== 0) fromRows.add(Math.floor(toUs / widthUs))
    for (const run of runsOf(fromRows)) {
      addRows(buckets, subject, file, {
        fromUs: Math.max(run.from * widthUs, fromUs),
        toUs: Math.min(run.to * widthUs, toUs),
      })
    }
    // The file's state was read first: what it does not call dirty is in the roll-ups by now.
    addRollupRows(
      buckets,
      subject,
      range,
      widthUs,
      (bucket, part) => part === file.part && fromRows.has(bucket),
    )
  })
}

/** Neighbouring numbers as ranges, `to` exclusive: a query each. */
function runsOf(numbers: ReadonlySet<number>): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = []
  for (const number of [...numbers].sort((a, b) => a - b)) {
    const run = runs.at(-1)
    if (run?.to === number) run.to++
    else runs.push({ from: number, to: number + 1 })
  }
  return runs
}

/** Without all rows of the day: minutes as long as there are any, then hours. */
function addWhatIsLeft(
  buckets: Buckets,
  subject: Subject,
  file: DayReader | null,
  { fromUs, toUs }: Range,
  widthUs: number,
): void {
  const state = subject.rollup.prepare('SELECT minute_from FROM state').get()
  const minutesFromUs = Number(state?.minute_from) * MINUTE_US
  const middleUs = widthUs === HOUR_US ? toUs : Math.min(Math.max(fromUs, minutesFromUs), toUs)
  if (fromUs < middleUs) addRollups(buckets, subject, file, { fromUs, toUs: middleUs }, HOUR_US)
  if (middleUs < toUs) addRollups(buckets, subject, file, { fromUs: middleUs, toUs }, widthUs)
}

function addRollupRows(
  buckets: Buckets,
  { rollup, device, field, kind }: Subject,
  { fromUs, toUs }: Range,
  widthUs: number,
  isExcluded: (bucket: number, part: number) => boolean,
): void {
  const rows = rollup.prepare(`
    SELECT part, bucket, count, sum, min, max, last, last_us
    FROM series CROSS JOIN ${widthUs === HOUR_US ? 'hour' : 'minute'} USING (sid)
    WHERE device = ? AND field = ? AND kind = ? AND bucket >= ? AND bucket < ?`)
  rows.setReturnArrays(true)
  const from = Math.floor(fromUs / widthUs)
  const to = Math.ceil(toUs / widthUs)
  for (const row of rows.iterate(device, field, kind, from, to) as unknown as Iterable<RollupRow>) {
    const [part, bucket, count, sum, min, max, last, lastUs] = row
    if (isExcluded(bucket, part)) continue
    buckets
      .at(bucket * widthUs)
      .merge({ count, sum: sum ?? 0, min: min ?? Infinity, max: max ?? -Infinity, last, lastUs })
  }
}

type RollupRow = readonly [
  part: number,
  bucket: number,
  count: number,
  sum: number | null,
  min: number | null,
  max: number | null,
  last: number | string,
  lastUs: number,
]

/** At most `limit` rows in the order of time, and those that share the time of the last. */
function earliestRows(file: DayReader, { device, field, kind }: Subject, range: Range, limit: number): Row[] {
  const sids = file.sidsOf(device, field, kind)
  const rows = [...file.rows(kind, sids, range, limit + 1)].sort(([a], [b]) => a - b)
  const lastUs = rows[limit - 1]?.[0] ?? Infinity
  return rows.filter(([timeUs]) => timeUs <= lastUs)
}
