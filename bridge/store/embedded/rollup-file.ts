/**
 * `rollup.db`: what outlives the days. Minute and hour roll-ups, the newest value of every series, and how far the
 * spool has been stored. Its transaction is the last of a batch: once it is on disk, so is everything else.
 */

import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Column } from './columns.ts'
import { BulkInsert, openForWriting, transaction } from './database.ts'
import type { DayFile } from './day-file.ts'
import type { ClockState } from './retention-clock.ts'
import { SERIES_SCHEMA, SeriesTable } from './series.ts'

/** `bucket` is the number of the minute or hour since the epoch. */
const rollupTable = (name: string) => `
  CREATE TABLE ${name} (
    sid INTEGER NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL, min REAL, max REAL,
    last NOT NULL, last_us INTEGER NOT NULL, PRIMARY KEY (sid, bucket)
  ) WITHOUT ROWID;
`

/**
 * `part` in `day` is the one that a file of that day has or gets. `minute_from` and `hour_from` in `state`: the first
 * buckets that retention has left.
 */
const SCHEMA = `
  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL,
    minute_from INTEGER NOT NULL, hour_from INTEGER NOT NULL
  );
  INSERT INTO state VALUES (1, 0, 0, 0);
  CREATE TABLE day (
    day INTEGER PRIMARY KEY, part INTEGER NOT NULL, position INTEGER NOT NULL, rollups INTEGER NOT NULL,
    is_dirty INTEGER NOT NULL
  );
  ${SERIES_SCHEMA}
  CREATE TABLE latest (sid INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, value NOT NULL);
  ${rollupTable('minute')}
  ${rollupTable('hour')}
`

/** Files of before it have none. */
const CLOCK_SCHEMA = `
  CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), time_ms REAL NOT NULL, ahead_ms REAL NOT NULL)
`

export function rollupPath(directory: string): string {
  return join(directory, 'rollup.db')
}

/** What is known here of a day's file. */
export type Day = Pick<DayFile, 'day' | 'part' | 'position' | 'rollups'>

export class RollupFile {
  readonly db: DatabaseSync
  readonly series: SeriesTable
  readonly minutes: BulkInsert
  position: number
  /** The first minute that retention has left. */
  minuteFrom: number
  readonly days = new Map<number, Day>()
  /** Days whose files hold dirty minutes. */
  readonly dirtyDays = new Set<number>()
  /** Null: not saved yet. */
  readonly clock: ClockState | null
  readonly #statements: Record<'position' | 'day' | 'clean' | 'latest' | 'hour', StatementSync>

  /** Throws what SQLite throws. */
  constructor(directory: string) {
    this.db = openForWriting(rollupPath(directory), SCHEMA)
    this.db.exec(CLOCK_SCHEMA)
    const clock = this.db.prepare('SELECT time_ms AS timeMs, ahead_ms AS aheadMs FROM clock').get()
    this.clock = (clock as ClockState | undefined) ?? null
    const state = this.db.prepare('SELECT position, minute_from FROM state').get()
    this.position = Number(state?.position)
    this.minuteFrom = Number(state?.minute_from)
    for (const row of this.db.prepare('SELECT day, part, position, rollups, is_dirty FROM day').iterate()) {
      const day = row as unknown as Day & { is_dirty: number }
      this.days.set(day.day, day)
      if (day.is_dirty) this.dirtyDays.add(day.day)
    }
    this.series = new SeriesTable(this.db)
    this.minutes = new BulkInsert(this.db, 'minute', 8)
    this.#statements = {
      position: this.db.prepare('UPDATE state SET position = ?'),
      day: this.db.prepare('INSERT OR REPLACE INTO day VALUES (?, ?, ?, ?, ?)'),
      clean: this.db.prepare('UPDATE day SET is_dirty = 0 WHERE day = ?'),
      latest: this.db.prepare(`
        INSERT INTO latest VALUES (?, ?, ?) ON CONFLICT (sid) DO UPDATE
        SET time_us = excluded.time_us, value = excluded.value WHERE excluded.time_us >= time_us`),
      // From the minutes, which come from the rows: 60 of them instead of up to thousands of rows.
      hour: this.db.prepare(`
        INSERT OR REPLACE INTO hour
        SELECT sid, ?2, sum(count), sum(sum), min(min), max(max), newest.last, newest.last_us
        FROM minute, (
          SELECT last, last_us FROM minute
          WHERE sid = ?1 AND bucket >= ?2 * 60 AND bucket < ?2 * 60 + 60 ORDER BY bucket DESC LIMIT 1
        ) AS newest
        WHERE sid = ?1 AND bucket >= ?2 * 60 AND bucket < ?2 * 60 + 60`),
    }
  }

  /** The end of a batch: its rows are on disk in the files of `days`. */
  commit(days: ReadonlyMap<Day, readonly Column[]>, position: number): void {
    transaction(this.db, () => {
      for (const [day, columns] of days) {
        for (const column of columns) this.#updateLatest(column, day.part)
        this.setDay(day, true)
      }
      this.#statements.position.run(position)
    })
    this.position = position
  }

  setDay({ day, part, position, rollups }: Day, isDirty: boolean): void {
    this.#statements.day.run(day, part, position, rollups, Number(isDirty))
    this.days.set(day, { day, part, position, rollups })
    if (isDirty) this.dirtyDays.add(day)
    else this.dirtyDays.delete(day)
  }

  #updateLatest({ series, kind, timesUs, values }: Column, part: number): void {
    let newest = 0
    for (let i = 1; i < timesUs.length; i++) if (timesUs[i]! >= timesUs[newest]!) newest = i
    this.#statements.latest.run(this.series.sidOf(series, kind, part), timesUs[newest]!, values[newest]!)
  }

  /** Within a transaction, after the minutes. */
  recomputeHour(sid: number, hour: number): void {
    this.#statements.hour.run(sid, hour)
  }

  /** A file that this one does not know, or not all of: its newest values count. */
  adopt(file: DayFile): void {
    transaction(this.db, () => {
      for (const table of ['reading', 'reading_text']) {
        const newest = file.db.prepare(`SELECT sid, max(time_us) AS timeUs, value FROM ${table} GROUP BY sid`)
        for (const { sid, timeUs, value } of newest.iterate()) {
          this.#statements.latest.run(this.series.add(file.series.get(Number(sid))), timeUs!, value!)
        }
      }
      this.setDay(file, true)
    })
  }

  /** A file has lost what came after its position. */
  rewind(file: DayFile): void {
    const position = Math.min(this.position, file.position)
    transaction(this.db, () => {
      this.setDay(file, true)
      this.#statements.position.run(position)
    })
    this.position = position
  }

  /** All of a file's minutes so far: its own count follows. */
  countRollup(file: DayFile): void {
    this.setDay({ ...(this.days.get(file.day) ?? file), rollups: file.rollups + 1 }, true)
  }

  markClean(day: number): void {
    this.#statements.clean.run(day)
    this.dirtyDays.delete(day)
  }

  /** Before a day's file is unlinked: one made later is another part. */
  startNextPart(day: number): void {
    const part = (this.days.get(day)?.part ?? 0) + 1
    this.setDay({ day, part, position: 0, rollups: 0 }, false)
  }

  /** What lies before is no longer read, and may be deleted. Whole hours, so that they can stand in for minutes. */
  setHorizon(minuteFrom: number, hourFrom: number): void {
    this.db.prepare('UPDATE state SET minute_from = ?, hour_from = ?').run(minuteFrom, hourFrom)
    this.minuteFrom = minuteFrom
  }

  saveClock({ timeMs, aheadMs }: ClockState): void {
    this.db.prepare('INSERT OR REPLACE INTO clock VALUES (1, ?, ?)').run(timeMs, aheadMs)
  }

  close(): void {
    this.db.close()
  }
}
