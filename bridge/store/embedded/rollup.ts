import { Aggregate } from '../aggregate.ts'
import { transaction } from './database.ts'
import type { DayFile } from './day-file.ts'
import type { RollupFile } from './rollup-file.ts'
import { type Kind, TEXT } from './series.ts'
import { MINUTE_US } from './units.ts'

/** What is recomputed in one transaction, some 50 ms: a batch does not wait for longer. */
const SLICE_MINUTES = 10
const SLICE_SERIES = 2000

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
      for (const sids of slices(file.dirtySids(minutes))) {
        if (performance.now() > deadline) return false
        transaction(into.db, () => recompute(minutes, sids))
        file.markSidsClean(minutes, sids)
      }
      into.countRollup(file)
      file.markClean(minutes)
    }
  }
  if (file.dirty.size === 0) into.markClean(file.day)
  return true
}

function* slices(sids: readonly number[]): Generator<readonly number[]> {
  for (let at = 0; at < sids.length; at += SLICE_SERIES) yield sids.slice(at, at + SLICE_SERIES)
}

type Recompute = (minutes: readonly number[], sids: readonly number[]) => void

/** For minutes of one hour. */
function recomputer(file: DayFile, into: RollupFile): Recompute {
  const numbers = file.db.prepare(
    'SELECT time_us, value FROM reading WHERE sid = ? AND time_us >= ? AND time_us < ?',
  )
  const texts = file.db.prepare(
    'SELECT time_us, value FROM reading_text WHERE sid = ? AND time_us >= ? AND time_us < ?',
  )
  numbers.setReturnArrays(true)
  texts.setReturnArrays(true)
  const targets = new Map<number, { readonly sid: number; readonly kind: Kind }>()

  function targetOf(sid: number) {
    let target = targets.get(sid)
    if (!target) {
      const series = file.series.get(sid)
      target = { sid: into.series.add(series), kind: series.kind }
      targets.set(sid, target)
    }
    return target
  }

  return (minutes, sids) => {
    const hour = Math.floor(minutes[0]! / 60)
    // The hour needs all its minutes: those that retention has taken come back from the rows.
    const isSwept = minutes[0]! < into.minuteFrom
    const fromUs = (isSwept ? hour * 60 : minutes[0]!) * MINUTE_US
    const toUs = (isSwept ? hour * 60 + 60 : minutes.at(-1)! + 1) * MINUTE_US
    const changed: number[] = []
    for (const sid of sids) {
      const target = targetOf(sid)
      const rows = (target.kind === TEXT ? texts : numbers).all(sid, fromUs, toUs) as unknown as Row[]
      if (rows.length === 0) continue
      changed.push(target.sid)
      for (const [minute, { count, sum, min, max, last, lastUs }] of aggregateByMinute(rows)) {
        if (target.kind === TEXT) into.minutes.add(target.sid, minute, count, null, null, null, last, lastUs)
        else into.minutes.add(target.sid, minute, count, sum, min, max, last, lastUs)
      }
    }
    into.minutes.flush()
    for (const sid of changed) into.recomputeHour(sid, hour)
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
