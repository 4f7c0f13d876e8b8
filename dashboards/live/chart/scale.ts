/** The scale of one lane. While live it never jumps: it grows at once, and shrinks when it was too wide for a while. */

const SHRINK_AFTER_MS = 30_000

export class Scale {
  low = 0
  high = 1
  #isSet = false
  #tooWideSinceMs = 0

  fit(low: number, high: number, nowMs: number): void {
    const [nextLow, nextHigh] = padded(low, high)
    if (!this.#isSet || nextLow < this.low || nextHigh > this.high) {
      this.low = this.#isSet ? Math.min(this.low, nextLow) : nextLow
      this.high = this.#isSet ? Math.max(this.high, nextHigh) : nextHigh
      // A flat line knows nothing yet of how far it will go.
      this.#isSet = high > low
      this.#tooWideSinceMs = nowMs
      return
    }
    const isTooWide = nextHigh - nextLow < 0.8 * (this.high - this.low)
    if (!isTooWide) this.#tooWideSinceMs = nowMs
    else if (nowMs - this.#tooWideSinceMs > SHRINK_AFTER_MS) this.reset()
    if (!this.#isSet) this.fit(low, high, nowMs)
  }

  /** Another range: the next fit is taken as it is. */
  reset(): void {
    this.#isSet = false
  }
}

/** Room above and below; a flat line stands in the middle of something. */
function padded(low: number, high: number): [number, number] {
  const span = high - low
  if (span === 0) {
    const half = low === 0 ? 1 : Math.abs(low) * 0.02
    return [low - half, high + half]
  }
  // What is near zero begins at it: the eye compares heights.
  const from = low >= 0 && low < 0.25 * high ? 0 : low - 0.1 * span
  return [from, high + 0.1 * span]
}
