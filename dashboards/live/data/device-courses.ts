/** The courses of the fields that a device's chart shows: history first, then every reading as it comes. */

import type { LiveReading } from '../../../bridge/live/protocol.ts'
import { fetchHistory, type HistoryPoint } from './api.ts'
import { serverNow } from './clock.ts'
import { Course } from './course.ts'
import { type Device, type Field, listeners } from './fleet.ts'

/** A bucket is about two pixels wide. */
const POINTS = 300
/** Raw readings behind the buckets are folded into buckets after this share of the range. */
const RELOAD_SHARE = 20
const SOONEST_RELOAD_MS = 60_000

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

export class DeviceCourses {
  readonly courses = new Map<Field, Course>()
  /** Readings since the chart was held still. */
  newSince = 0
  readonly #device: Device
  readonly #changed: () => void
  readonly #abort = new AbortController()
  #span: Span = { fromMs: 0, toMs: 0 }
  #loadedMs = 0
  #isHeld = false

  constructor(device: Device, fields: readonly Field[], changed: () => void) {
    this.#device = device
    this.#changed = changed
    for (const field of fields) this.courses.set(field, new Course())
    listeners.add(this.#listen)
  }

  /** Asks for the whole span. What was drawn stays until the answer is there. One that is held takes nothing new. */
  load(span: Span, isHeld = false): void {
    this.#span = span
    this.#isHeld = isHeld
    this.#loadedMs = performance.now()
    for (const [field, course] of this.courses) void this.#loadField(field, course, span)
  }

  /** For a chart that follows now: from time to time, raw readings become buckets. */
  refreshIfDue(span: Span): void {
    const dueMs = Math.max(SOONEST_RELOAD_MS, (span.toMs - span.fromMs) / RELOAD_SHARE)
    const isFull = [...this.courses.values()].some(course => course.isFull)
    const ageMs = performance.now() - this.#loadedMs
    if (ageMs > dueMs || (isFull && ageMs > SOONEST_RELOAD_MS / 4)) this.load(span)
  }

  close(): void {
    listeners.delete(this.#listen)
    this.#abort.abort()
  }

  async #loadField(field: Field, course: Course, span: Span): Promise<void> {
    const query = { device: this.#device.id, field: field.name, ...span, points: POINTS }
    const answer = await fetchHistory(query, this.#abort.signal)
    // Another span was asked for meanwhile.
    if (!answer.ok || span !== this.#span) return
    course.load(answer.value, bucketOf(answer.value, span), this.#isHeld ? span.toMs : undefined)
    this.#device.rhythm.learnFrom(answer.value, span.toMs)
    this.#changed()
  }

  #listen = (reading: LiveReading, device: Device): void => {
    if (device !== this.#device) return
    this.newSince++
    if (this.#isHeld) return
    for (const name in reading.values) {
      const field = device.fields.get(name)
      const course = field && this.courses.get(field)
      if (course && reading.time <= serverNow() + 1000) course.add(reading.time, reading.values[name]!)
    }
    this.#changed()
  }
}

/** The store chooses a round width; it shows in the smallest step between two buckets. */
function bucketOf(points: readonly HistoryPoint[], span: Span): number {
  const asked = (span.toMs - span.fromMs) / POINTS
  let step = Number.POSITIVE_INFINITY
  for (let i = 1; i < points.length; i++) step = Math.min(step, points[i]!.time - points[i - 1]!.time)
  return Number.isFinite(step) ? Math.min(step, asked * 4) : asked
}
