/** How long readings were here before they went out to live clients: the last seconds, by quantile. */

/** Each bucket is a fifth wider than the one before: a figure read from them is as much too high at most. */
const GROWTH = 1.2
const FIRST_MS = 0.01
/** The last one begins at some 9 s. */
const BUCKETS = 76
const WINDOW_MS = 10_000

export class Delays {
  #counts = new Float64Array(BUCKETS)
  #before = new Float64Array(BUCKETS)
  #sinceMs: number

  constructor(nowMs: number) {
    this.#sinceMs = nowMs
  }

  note(delayMs: number, count: number, nowMs: number): void {
    this.#turn(nowMs)
    const bucket = Math.ceil(Math.log(Math.max(delayMs, FIRST_MS) / FIRST_MS) / Math.log(GROWTH))
    this.#counts[Math.min(bucket, BUCKETS - 1)]! += count
  }

  /** In milliseconds, of the last 10 to 20 s; NaN: nothing went out. */
  quantile(share: number, nowMs: number): number {
    this.#turn(nowMs)
    const total =
      this.#counts.reduce((sum, count) => sum + count, 0) +
      this.#before.reduce((sum, count) => sum + count, 0)
    if (total === 0) return Number.NaN
    let left = total * share
    let bucket = 0
    while (bucket < BUCKETS - 1) {
      left -= this.#counts[bucket]! + this.#before[bucket]!
      if (left <= 0) break
      bucket++
    }
    return FIRST_MS * GROWTH ** bucket
  }

  #turn(nowMs: number): void {
    const passedMs = nowMs - this.#sinceMs
    if (passedMs < WINDOW_MS) return
    this.#before = passedMs < 2 * WINDOW_MS ? this.#counts : new Float64Array(BUCKETS)
    this.#counts = new Float64Array(BUCKETS)
    this.#sinceMs = nowMs
  }
}
