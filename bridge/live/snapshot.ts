/** The last value of every field that a filter wants, as bytes. */

import { performance } from 'node:perf_hooks'
import type { AcceptedReading, Field } from '../telemetry/reading.ts'
import type { Series } from '../telemetry/series.ts'
import type { Filter } from './filter.ts'
import { type Body, bodyOf } from './frame.ts'
import { readingJson } from './reading-json.ts'

export interface Snapshot {
  /** What it holds is what was last after this seq. */
  readonly seq: number
  readonly body: Body
}

/** A snapshot that took t to make serves for 10 t: a herd of dashboards costs a tenth of the time at most. */
const REUSE_FACTOR = 10
const MAX_REMEMBERED = 64

export class Snapshots {
  readonly #lastReadings: () => Iterable<Series>
  readonly #recent = new Map<string, { snapshot: Snapshot; untilMs: number }>()

  constructor(lastReadings: () => Iterable<Series>) {
    this.#lastReadings = lastReadings
  }

  /** At `seq`, or a little before it but not before `atLeast`: the readings after `snapshot.seq` must follow. */
  of(filter: Filter, seq: number, atLeast = 0): Snapshot {
    const startMs = performance.now()
    const key = `${filter.version} ${filter.key}`
    const known = this.#recent.get(key)
    if (known && known.snapshot.seq >= atLeast && startMs < known.untilMs) return known.snapshot
    const snapshot = take(this.#lastReadings(), filter, seq)
    const endMs = performance.now()
    if (this.#recent.size >= MAX_REMEMBERED) this.#recent.clear()
    this.#recent.set(key, { snapshot, untilMs: endMs + REUSE_FACTOR * (endMs - startMs) })
    return snapshot
  }

  /** Drops what is no longer served: snapshots can be large. */
  forget(nowMs: number): void {
    for (const [key, { untilMs }] of this.#recent) if (untilMs < nowMs) this.#recent.delete(key)
  }

  clear(): void {
    this.#recent.clear()
  }
}

function take(all: Iterable<Series>, filter: Filter, seq: number): Snapshot {
  const json: string[] = []
  for (const series of all) {
    if (!filter.matches(series.device, series.topic)) continue
    for (const reading of readingsOf(series, filter)) json.push(readingJson(reading))
  }
  return { seq, body: bodyOf(json) }
}

/** Fields that were last told at the same time, as one reading. */
function readingsOf(series: Series, filter: Filter): AcceptedReading[] {
  const readings: AcceptedReading[] = []
  for (const [name, { value, timeUs, receivedUs }] of series.fields) {
    if (timeUs === 0 || !filter.matchesField(name)) continue
    const field: Field = { name, value }
    const same = readings.find(reading => reading.timeUs === timeUs && reading.receivedUs === receivedUs)
    if (same) (same.fields as Field[]).push(field)
    else {
      const { device, topic, tags } = series
      readings.push({ seq: 0, device, topic, tags, fields: [field], timeUs, receivedUs })
    }
  }
  return readings
}
