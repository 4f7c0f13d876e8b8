/**
 * The last stretch of one field, as a strip draws it: a ring of equal slots in time, each with the mean and
 * the last value of what fell into it. Its size is fixed, however fast a device talks.
 */

export const SLOTS = 240

export class Buckets {
  readonly slotMs: number
  /** Set once history was put in; what came live before that is kept. */
  isFilled = false
  /** Two readings further apart than this do not belong to one line. */
  widestBucketMs: number
  readonly #slot = new Float64Array(SLOTS).fill(-1)
  readonly #sum = new Float64Array(SLOTS)
  readonly #count = new Uint32Array(SLOTS)
  readonly #last = new Float64Array(SLOTS)

  constructor(rangeMs: number) {
    this.slotMs = rangeMs / SLOTS
    this.widestBucketMs = this.slotMs
  }

  add(timeMs: number, value: number): void {
    const index = this.#claim(timeMs)
    if (index < 0) return
    this.#sum[index]! += value
    this.#count[index]!++
    this.#last[index] = value
  }

  /** History: fills a slot only where nothing came live, so that no reading counts twice. */
  fill(timeMs: number, mean: number, last: number): void {
    const index = this.#claim(timeMs)
    if (index < 0 || this.#count[index] !== 0) return
    this.#sum[index] = mean
    this.#count[index] = 1
    this.#last[index] = last
  }

  /** Slots that hold something, oldest first, from `fromMs` on; `timeMs` is the middle of the slot. */
  each(fromMs: number, untilMs: number, visit: (timeMs: number, mean: number, last: number) => void): void {
    const until = Math.floor(untilMs / this.slotMs)
    for (let slot = Math.max(Math.ceil(fromMs / this.slotMs), until - SLOTS + 1); slot <= until; slot++) {
      const index = slot % SLOTS
      if (this.#slot[index] !== slot) continue
      visit((slot + 0.5) * this.slotMs, this.#sum[index]! / this.#count[index]!, this.#last[index]!)
    }
  }

  /** What it was at a time: of the newest slot at or before it, not further back than `reachMs`; NaN when there is none. */
  valueAt(timeMs: number, reachMs: number): number {
    const until = Math.floor(timeMs / this.slotMs)
    const from = Math.max(0, Math.floor((timeMs - reachMs) / this.slotMs), until - SLOTS + 1)
    for (let slot = until; slot >= from; slot--) {
      const index = slot % SLOTS
      if (this.#slot[index] === slot && this.#count[index]! > 0) return this.#sum[index]! / this.#count[index]!
    }
    return Number.NaN
  }

  /** The index of the slot for this time, emptied if it held an older round; -1 when the ring is past it. */
  #claim(timeMs: number): number {
    const slot = Math.floor(timeMs / this.slotMs)
    const index = slot % SLOTS
    if (this.#slot[index]! > slot) return -1
    if (this.#slot[index] !== slot) {
      this.#slot[index] = slot
      this.#sum[index] = 0
      this.#count[index] = 0
    }
    return index
  }
}
