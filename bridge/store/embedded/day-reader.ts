import type { DatabaseSync } from 'node:sqlite'
import { type Kind, TEXT } from './series.ts'
import { MINUTE_US } from './units.ts'

/** Microseconds: from inclusive, to exclusive. */
export interface Range {
  readonly fromUs: number
  readonly toUs: number
}

export type Row = readonly [timeUs: number, value: number | string]

/** One day's file, read beside its writer. Throws what SQLite throws. */
export class DayReader {
  readonly part: number
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
    this.part = Number(db.prepare('SELECT part FROM file').get()?.part)
  }

  /** What `read` reads belongs together, whatever is written meanwhile. */
  snapshot(read: () => void): void {
    this.#db.exec('BEGIN')
    try {
      read()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  sidsOf(device: string, field: string, kind: Kind): number[] {
    return this.#db
      .prepare('SELECT sid FROM series WHERE device = ? AND field = ? AND kind = ?')
      .all(device, field, kind)
      .map(({ sid }) => Number(sid))
  }

  /** The buckets whose roll-ups do not reflect the rows, as numbers since the epoch. */
  dirtyBuckets({ fromUs, toUs }: Range, widthUs: number): Set<number> {
    const minutesPerBucket = widthUs / MINUTE_US
    const from = Math.floor(fromUs / widthUs) * minutesPerBucket
    const to = Math.ceil(toUs / widthUs) * minutesPerBucket
    const dirty = this.#db.prepare('SELECT minute FROM dirty WHERE minute >= ? AND minute < ?').all(from, to)
    return new Set(dirty.map(({ minute }) => Math.floor(Number(minute) / minutesPerBucket)))
  }

  /** In the order of time within each series. */
  *rows(kind: Kind, sids: readonly number[], range: Range, limit = -1): Generator<Row> {
    const statement = this.#db.prepare(
      `SELECT time_us, value FROM ${kind === TEXT ? 'reading_text' : 'reading'}
       WHERE sid = ? AND time_us >= ? AND time_us < ? ORDER BY time_us LIMIT ?`,
    )
    statement.setReturnArrays(true)
    for (const sid of sids) {
      yield* statement.iterate(sid, range.fromUs, range.toUs, limit) as unknown as Iterable<Row>
    }
  }
}
