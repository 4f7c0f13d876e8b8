/**
 * What is kept for how long.
 *
 * Raw rows go a day at a time, by unlinking its file, once every roll-up of it is on disk and nothing has been
 * written to it for a while.
 *
 * A point that comes later than that is not lost: it gets a new file for its day, the next *part*. Roll-ups are
 * recomputed from the rows of a file, so those of a new part must not replace those of the file that is gone:
 * each part has series of its own, and a reader adds them up. The new file goes the same way as the first.
 */

import { transaction } from './database.ts'
import type { Files } from './files.ts'
import { rollUp } from './rollup.ts'
import type { RollupFile } from './rollup-file.ts'
import { DAY_US } from './units.ts'

export interface Retention {
  readonly rawMs: number
  readonly minuteMs: number
  readonly hourMs: number
}

const HOUR_MS = 3_600_000
const DAY_MS = DAY_US / 1000

/**
 * A part must not go while its points may still come again: a batch that is repeated into a new part would count
 * twice. Delivered spool segments are kept for an hour by default; this is twice that.
 */
const QUIET_MS = 2 * HOUR_MS

/** Roll-up rows are deleted series by series, so many in one transaction: some 10 ms. */
const SERIES_PER_STEP = 200

/** Unlinks the days that are past. Returns false when the roll-ups of one need more time than `budgetMs`. */
export function sweepDays(files: Files, rawMs: number, nowMs: number, budgetMs: number): boolean {
  for (const day of files.days()) {
    if ((day + 1) * DAY_MS > nowMs - rawMs) break
    const file = files.day(day)
    if (Math.abs(nowMs - file.writtenMs) < QUIET_MS) continue
    if (!rollUp(file, files.rollup, Infinity, budgetMs)) return false
    files.rollup.startNextPart(day)
    files.unlink(day)
  }
  return true
}

/** Deletes roll-ups that are past, a step at a time. Returns a function that takes a step and says if it was the last. */
export function sweepRollups(
  rollup: RollupFile,
  { minuteMs, hourMs }: Retention,
  nowMs: number,
): () => boolean {
  const hourFrom = Math.max(0, Math.floor((nowMs - hourMs) / HOUR_MS))
  const minuteFrom = Math.max(0, Math.floor((nowMs - minuteMs) / HOUR_MS)) * 60
  rollup.setHorizon(minuteFrom, hourFrom)
  const deletions = [
    { statement: rollup.db.prepare('DELETE FROM minute WHERE sid = ? AND bucket < ?'), from: minuteFrom },
    { statement: rollup.db.prepare('DELETE FROM hour WHERE sid = ? AND bucket < ?'), from: hourFrom },
  ]
  const sids = rollup.series.all()
  return () => {
    const step = sids.splice(0, SERIES_PER_STEP)
    transaction(rollup.db, () => {
      for (const sid of step) for (const { statement, from } of deletions) statement.run(sid, from)
    })
    if (sids.length > 0) return false
    rollup.db.exec('PRAGMA incremental_vacuum(1000)')
    return true
  }
}
