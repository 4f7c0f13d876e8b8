import type { Ledger } from './api.ts'

/** How long readings were at the bridge before they went out to pages, milliseconds: half of them, and 99 in 100. */
export interface Delays {
  readonly half: number
  readonly nearlyAll: number
}

const UNKNOWN: Delays = { half: Number.NaN, nearlyAll: Number.NaN }

/** Half an hour of looks every two seconds. */
const SAMPLES = 900

/** The course of the account: rates per second between two looks. Bounded; the oldest half leaves when it is full. */
export class Samples {
  length = 0
  readonly times = new Float64Array(SAMPLES)
  readonly received = new Float64Array(SAMPLES)
  readonly stored = new Float64Array(SAMPLES)
  readonly waiting = new Float64Array(SAMPLES)
  /** NaN: nothing went out, or nobody looked. */
  readonly halfDelay = new Float64Array(SAMPLES)
  readonly nearlyAllDelay = new Float64Array(SAMPLES)
  #before: { readonly timeMs: number; readonly ledger: Ledger } | null = null

  add(timeMs: number, account: Ledger, delays: Delays = UNKNOWN): void {
    const before = this.#before
    this.#before = { timeMs, ledger: account }
    if (!before || timeMs <= before.timeMs) return
    if (this.length === SAMPLES) this.#forgetOldest()
    const seconds = (timeMs - before.timeMs) / 1000
    const at = this.length++
    this.times[at] = timeMs
    // A restart with another data directory may count from nought again.
    this.received[at] = Math.max(0, account.received - before.ledger.received) / seconds
    this.stored[at] = Math.max(0, account.stored - before.ledger.stored) / seconds
    this.waiting[at] = account.waiting
    this.halfDelay[at] = delays.half
    this.nearlyAllDelay[at] = delays.nearlyAll
  }

  #forgetOldest(): void {
    const half = SAMPLES / 2
    const { times, received, stored, waiting, halfDelay, nearlyAllDelay } = this
    for (const column of [times, received, stored, waiting, halfDelay, nearlyAllDelay])
      column.copyWithin(0, half)
    this.length -= half
  }
}
