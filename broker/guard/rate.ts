/** A token bucket: how far somebody is above a rate, bursts of two seconds let through. */

const BURST_S = 2

export class Rate {
  readonly #perMs: number
  readonly #burst: number
  #left: number
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#burst = perSecond * BURST_S
    this.#left = this.#burst
    this.#atMs = nowMs
  }

  /** Returns for how many milliseconds there should be nothing more. */
  take(count: number, nowMs: number): number {
    const earned = (nowMs - this.#atMs) * this.#perMs
    this.#atMs = nowMs
    this.#left = Math.min(this.#burst, this.#left + earned) - count
    return this.#left >= 0 ? 0 : -this.#left / this.#perMs
  }
}
