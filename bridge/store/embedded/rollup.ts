import { Aggregate } from './aggregate.ts'
import { transaction } from './database.ts'
import { type DayFile, MINUTE_US } from './day-file.ts'
import type { RollupFile } from './rollup-file.ts'
import { type Kind, TEXT } from './series.ts'

/** What one transaction recomputes: small enough not to keep a batch waiting when every series is dirty. */
const SLICE_MINUTES = 10

/**
 * Recomputes the roll-ups of a file's dirty minutes before `beforeMinute` from its rows, the oldest first.
 * Nothing is ever added to a roll-up: repeating this, after a crash or for late points, is safe.
 * Stops after `budgetMs`; returns whether it is done. Throws what SQLite throws.
 */
export function rollUp(file: DayFile, into: RollupFile, beforeMinute: number, budgetMs: number): boolean {
  const deadline = performance.now() + budgetMs
  const due = [...file.dirty.keys()].filter(minute => minute < beforeMinute).sort((a, b) => a - b)
  if (due.length > 0) {
    const recompute = recomputer(file, into)
    for (const minutes of Map.groupBy(due, minute => Math.floor(minute / SLICE_MINUTES)).values()) {
      if (performance.now() > deadline) return false
      transaction(into.db, () => {
        recompute(minutes)
        into.setDay({ ...(into.days.get(file.day) ?? file), rollups: file.rollups + 1 }, true)
      })
      file.markClean(minutes)
    }
  }
  if (file.dirty.size === 0) into.markClean(file.day)
  return true
}

function recomputer(file: DayFile, into: RollupFile): (minutes: readonly number[]) => void {
  const numbers = file.db.prepare(
    'SELECT time_us, value FROM reading WHERE sid = ? AND time_us >= ? AND time_us < ?',
  )
  const texts = file.db.prepare(
    'SELECT time_us, value FROM reading_text WHERE sid = ? AND time_us >= ? AND time_us < ?',
  )
  numbers.setReturnArrays(true)
  texts.setReturnArrays(true)
  const sids = new Map<number, { readonly target: number; readonly kind: Kind }>()

  function targetOf(sid: number) {
    let known = sids.get(sid)
    if (!known) {
      const series = file.series.get(sid)
      known = { target: into.series.add(series), kind: series.kind }
      sids.set(sid, known)
    }
    return known
  }

  return minutes => {
    const hour = Math.floor(minutes[0]! / 60)
    // The hour needs all its minutes: those that retention has taken come back from the rows.
    const isSwept = minutes[0]! < into.minuteFrom
    const fromUs = (isSwept ? hour * 60 : minutes[0]!) * MINUTE_US
    const toUs = (isSwept ? hour * 60 + 60 : minutes.at(-1)! + 1) * MINUTE_US
    const targets: number[] = []
    for (const sid of dirtySids(file, minutes)) {
      const { target, kind } = targetOf(sid)
      const rows = (kind === TEXT ? texts : numbers).all(sid, fromUs, toUs) as unknown as Row[]
      if (rows.length === 0) continue
      for (const [minute, { count, sum, min, max, last, lastUs }] of aggregateByMinute(rows)) {
        if (kind === TEXT) into.minutes.add(target, minute, count, null, null, null, last, lastUs)
        else into.minutes.add(target, minute, count, sum, min, max, last, lastUs)
      }
      targets.push(target)
    }
    into.minutes.flush()
    for (const target of targets) into.recomputeHour(target, hour)
  }
}

type Row = readonly [timeUs: number, value: number | string]

function aggregateByMinute(rows: readonly Row[]): Map<number, Aggregate> {
  const minutes = new Map<number, Aggregate>()
  let minute = -1
  let aggregate = new Aggregate()
  for (const [timeUs, value] of rows) {
    const current = Math.floor(timeUs / MINUTE_US)
    if (current !== minute) {
      minute = current
      aggregate = new Aggregate()
      minutes.set(minute, aggregate)
    }
    aggregate.add(timeUs, value)
  }
  return minutes
}

function dirtySids(file: DayFile, minutes: readonly number[]): Iterable<number> {
  const sids = new Set<number>()
  for (const minute of minutes) {
    const dirty = file.dirty.get(minute)
    if (!dirty) return file.series.all()
    for (const sid of dirty) sids.add(sid)
  }
  return [...sids].sort((a, b) => a - b)
}
