/**
 * The raw values of one UTC day: `history-YYYYMMDD.db`. One file per day, because an unlink is the only cheap way
 * to give space back.
 *
 * `dirty` holds the minutes whose roll-ups do not yet reflect the rows. It is written in the same transaction as
 * the rows and emptied after the roll-ups are committed: a crash in between only repeats work, and a reader that
 * finds a minute there takes the rows instead.
 */

import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Column } from './columns.ts'
import { BulkInsert, openForWriting, transaction } from './database.ts'
import { SERIES_SCHEMA, SeriesTable, TEXT } from './series.ts'
import { DAY_US, MINUTE_US } from './units.ts'

const SCHEMA = `
  CREATE TABLE file (
    id INTEGER PRIMARY KEY CHECK (id = 1), part INTEGER NOT NULL, position INTEGER NOT NULL, written_ms INTEGER NOT NULL,
    rollups INTEGER NOT NULL
  );
  ${SERIES_SCHEMA}
  CREATE TABLE reading (
    sid INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL NOT NULL, PRIMARY KEY (sid, time_us)
  ) WITHOUT ROWID;
  CREATE TABLE reading_text (
    sid INTEGER NOT NULL, time_us INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (sid, time_us)
  ) WITHOUT ROWID;
  CREATE TABLE dirty (minute INTEGER PRIMARY KEY);
`

export function dayFilePath(directory: string, day: number): string {
  const date = new Date((day * DAY_US) / 1000).toISOString().slice(0, 10).replaceAll('-', '')
  return join(directory, `history-${date}.db`)
}

/** The day of a file name, or null when it is another file. */
export function dayOfFileName(name: string): number | null {
  const match = /^history-(\d{4})(\d{2})(\d{2})\.db$/.exec(name)
  return match ? Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / (DAY_US / 1000) : null
}

/** The sids to recompute in a dirty minute; null: any may have changed (known only from the file). */
export type DirtySids = Set<number> | null

/** Past so many (minute, sid) pairs they cost more memory than they save work: the minutes alone are kept. */
const MAX_DIRTY_SIDS = 3_000_000

export class DayFile {
  readonly day: number
  readonly path: string
  readonly part: number
  /** Of the last batch with rows in this file. */
  position: number
  writtenMs: number
  /** How often roll-ups of this file were committed: `rollup.db` counts too, and knows less if it lost its end. */
  rollups: number
  readonly dirty = new Map<number, DirtySids>()
  readonly db: DatabaseSync
  readonly series: SeriesTable
  readonly #numbers: BulkInsert
  readonly #texts: BulkInsert
  readonly #statements: Record<'update' | 'addDirty' | 'removeDirty' | 'countRollup', StatementSync>
  #dirtySids = 0

  /** `part` counts if the file is new. Throws what SQLite throws. */
  constructor(directory: string, day: number, part: number) {
    this.day = day
    this.path = dayFilePath(directory, day)
    this.db = openForWriting(this.path, `${SCHEMA}; INSERT INTO file VALUES (1, ${part}, 0, 0, 0)`)
    const file = this.db.prepare('SELECT part, position, written_ms, rollups FROM file').get()
    this.part = Number(file?.part)
    this.position = Number(file?.position)
    this.writtenMs = Number(file?.written_ms)
    this.rollups = Number(file?.rollups)
    this.#loadDirty()
    this.series = new SeriesTable(this.db)
    this.#numbers = new BulkInsert(this.db, 'reading', 3)
    this.#texts = new BulkInsert(this.db, 'reading_text', 3)
    this.#statements = {
      update: this.db.prepare('UPDATE file SET position = ?, written_ms = ?'),
      addDirty: this.db.prepare('INSERT OR IGNORE INTO dirty VALUES (?)'),
      removeDirty: this.db.prepare('DELETE FROM dirty WHERE minute = ?'),
      countRollup: this.db.prepare('UPDATE file SET rollups = ?'),
    }
  }

  /**
   * Writing the same columns again changes nothing. All of it is on disk when it returns; after an error the
   * file must be closed and opened again.
   */
  write(columns: Iterable<Column>, position: number, nowMs: number): void {
    transaction(this.db, () => {
      const sorted = Array.from(columns, column => ({
        sid: this.series.sidOf(column.series, column.kind, this.part),
        column,
      }))
      // In the order of the primary key pages are filled one after the other: five times faster.
      sorted.sort((a, b) => a.sid - b.sid)
      for (const { sid, column } of sorted) this.#insert(sid, column)
      this.#numbers.flush()
      this.#texts.flush()
      this.writtenMs = nowMs
      this.position = position
      this.#statements.update.run(position, this.writtenMs)
    })
    if (this.#dirtySids > MAX_DIRTY_SIDS) this.#forgetDirtySids()
  }

  #insert(sid: number, column: Column): void {
    const into = column.kind === TEXT ? this.#texts : this.#numbers
    const { timesUs, values } = sortedByTime(column)
    let lastMinute = -1
    for (let i = 0; i < timesUs.length; i++) {
      const timeUs = timesUs[i]!
      into.add(sid, timeUs, values[i]!)
      const minute = Math.floor(timeUs / MINUTE_US)
      if (minute === lastMinute) continue
      lastMinute = minute
      this.#markDirty(minute, sid)
    }
  }

  #markDirty(minute: number, sid: number): void {
    let sids = this.dirty.get(minute)
    if (sids === undefined) {
      sids = new Set()
      this.dirty.set(minute, sids)
      this.#statements.addDirty.run(minute)
    }
    if (!sids || sids.has(sid)) return
    sids.add(sid)
    this.#dirtySids++
  }

  /** The series whose roll-ups of these minutes are to be computed. */
  dirtySids(minutes: readonly number[]): number[] {
    const sids = new Set<number>()
    for (const minute of minutes) {
      const dirty = this.dirty.get(minute) ?? this.#assumeAllDirty(minute)
      for (const sid of dirty) sids.add(sid)
    }
    return [...sids].sort((a, b) => a - b)
  }

  #assumeAllDirty(minute: number): Set<number> {
    const sids = new Set(this.series.all())
    this.dirty.set(minute, sids)
    this.#dirtySids += sids.size
    return sids
  }

  /** Some are done, the minutes are not: a crash begins them anew. */
  markSidsClean(minutes: readonly number[], sids: readonly number[]): void {
    for (const minute of minutes) {
      const dirty = this.dirty.get(minute)
      for (const sid of sids) if (dirty?.delete(sid)) this.#dirtySids--
    }
  }

  /** Call it once the roll-ups of these minutes are on disk. */
  markClean(minutes: readonly number[]): void {
    transaction(this.db, () => {
      for (const minute of minutes) this.#statements.removeDirty.run(minute)
      this.#statements.countRollup.run(this.rollups + 1)
    })
    this.rollups++
    for (const minute of minutes) {
      this.#dirtySids -= this.dirty.get(minute)?.size ?? 0
      this.dirty.delete(minute)
    }
  }

  markAllDirty(): void {
    this.db.exec(`
      INSERT OR IGNORE INTO dirty SELECT DISTINCT time_us / ${MINUTE_US} FROM reading
      UNION SELECT DISTINCT time_us / ${MINUTE_US} FROM reading_text`)
    this.#loadDirty()
  }

  #loadDirty(): void {
    this.dirty.clear()
    for (const { minute } of this.db.prepare('SELECT minute FROM dirty').iterate())
      this.dirty.set(Number(minute), null)
    this.#dirtySids = 0
  }

  #forgetDirtySids(): void {
    for (const minute of this.dirty.keys()) this.dirty.set(minute, null)
    this.#dirtySids = 0
  }

  close(): void {
    this.db.close()
  }
}

/** Stable: of two values at one time the later one is written later, and stays. */
function sortedByTime(column: Column): Pick<Column, 'timesUs' | 'values'> {
  const { timesUs, values } = column
  if (timesUs.every((timeUs, i) => i === 0 || timeUs >= timesUs[i - 1]!)) return column
  const order = Array.from(timesUs, (_, i) => i).sort((a, b) => timesUs[a]! - timesUs[b]!)
  return { timesUs: order.map(i => timesUs[i]!), values: order.map(i => values[i]!) }
}
