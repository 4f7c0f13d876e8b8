/**
 * How one field went over a range: buckets from the store, then raw readings as they arrive. Columns of typed
 * arrays, because a chart walks all of them ten times a second.
 */

import type { HistoryPoint } from './api.ts'
import { numeric } from './fleet.ts'

/** With more raw readings than this behind the buckets, the range is asked for anew. */
const MAX_TAIL = 2000

export class Course {
  length = 0
  times = new Float64Array(512)
  mean = new Float64Array(512)
  low = new Float64Array(512)
  high = new Float64Array(512)
  /** Words of a field that is not a number; `mean` then holds an index into them. */
  readonly words: string[] = []
  /** Where buckets end and raw readings begin. */
  rawFromMs = Number.POSITIVE_INFINITY
  bucketMs = 0
  isLoaded = false
  #tail = 0

  get isFull(): boolean {
    return this.#tail > MAX_TAIL
  }

  /** Puts history in front; raw readings that are newer than it stay, up to `untilMs`. */
  load(points: readonly HistoryPoint[], bucketMs: number, untilMs = Number.POSITIVE_INFINITY): void {
    const kept = this.#rawAfter(points.at(-1)?.time ?? 0).filter(([time]) => time <= untilMs)
    this.length = 0
    this.#tail = 0
    this.bucketMs = bucketMs
    this.rawFromMs = points.length === 0 ? 0 : points.at(-1)!.time + bucketMs
    for (const { time, mean, min, max, last } of points) {
      const value = mean ?? this.#number(last)
      this.#push(time + bucketMs / 2, value, min ?? value, max ?? value)
    }
    for (const [time, value] of kept) this.#pushRaw(time, value)
    this.isLoaded = true
  }

  add(timeMs: number, value: number | boolean | string): void {
    this.#pushRaw(timeMs, this.#number(value))
  }

  word(index: number): string {
    return this.words[index] ?? ''
  }

  /** The point nearest to a time; -1 when there is none. */
  nearest(timeMs: number): number {
    if (this.length === 0) return -1
    const after = this.firstFrom(timeMs)
    if (after === 0) return 0
    if (after === this.length) return after - 1
    return timeMs - this.times[after - 1]! < this.times[after]! - timeMs ? after - 1 : after
  }

  /** Index of the first point at or after a time; `length` when there is none. */
  firstFrom(timeMs: number): number {
    let low = 0
    let high = this.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.times[middle]! < timeMs) low = middle + 1
      else high = middle
    }
    return low
  }

  #number(value: number | boolean | string): number {
    const number = numeric(value)
    if (!Number.isNaN(number) || typeof value !== 'string') return number
    const known = this.words.indexOf(value)
    return known >= 0 ? known : this.words.push(value) - 1
  }

  #rawAfter(timeMs: number): readonly (readonly [number, number])[] {
    const kept: [number, number][] = []
    for (let i = Math.max(0, this.length - this.#tail); i < this.length; i++) {
      if (this.times[i]! > timeMs) kept.push([this.times[i]!, this.mean[i]!])
    }
    return kept
  }

  #pushRaw(timeMs: number, value: number): void {
    // A late reading belongs to a place that is drawn already; the next load brings it.
    if (Number.isNaN(value) || (this.length > 0 && timeMs <= this.times[this.length - 1]!)) return
    this.#tail++
    this.#push(timeMs, value, value, value)
  }

  #push(timeMs: number, mean: number, low: number, high: number): void {
    if (this.length === this.times.length) this.#grow()
    this.times[this.length] = timeMs
    this.mean[this.length] = mean
    this.low[this.length] = low
    this.high[this.length] = high
    this.length++
  }

  #grow(): void {
    for (const column of ['times', 'mean', 'low', 'high'] as const) {
      const wider = new Float64Array(this[column].length * 2)
      wider.set(this[column])
      this[column] = wider
    }
  }
}
