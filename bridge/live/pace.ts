/**
 * When to flush. While deliveries (clients times readings) are few, at the end of the event loop's turn: a
 * reading is on its way within tens of microseconds. From about 10,000 deliveries a second on, once per tick:
 * then one frame carries many readings, at a fifth of the cost per reading and a delay of half a tick.
 */

import { performance } from 'node:perf_hooks'

export interface PaceOptions {
  readonly tickMs: number
  readonly immediatePerSecond: number
}

export const PACE: PaceOptions = { tickMs: 20, immediatePerSecond: 10_000 }

export class Pace {
  readonly #flush: () => number
  readonly #tickMs: number
  readonly #perMs: number
  /** Deliveries that may still go at once; never further from zero than one tick's worth. */
  #allowance: number
  #lastFlushMs = 0
  #immediate: NodeJS.Immediate | null = null
  #timer: NodeJS.Timeout | null = null

  /** `flush` returns how many deliveries it made. */
  constructor(flush: () => number, options: PaceOptions = PACE) {
    this.#flush = flush
    this.#tickMs = options.tickMs
    this.#perMs = options.immediatePerSecond / 1000
    this.#allowance = this.#perMs * this.#tickMs
  }

  /** There is something to send. */
  request(): void {
    if (this.#immediate || this.#timer) return
    const nowMs = performance.now()
    const sinceMs = nowMs - this.#lastFlushMs
    if (sinceMs >= this.#tickMs || this.#allowance + sinceMs * this.#perMs > 0) {
      this.#immediate = setImmediate(this.run)
    } else {
      this.#timer = setTimeout(this.run, this.#tickMs - sinceMs)
    }
  }

  readonly run = (): void => {
    this.stop()
    const nowMs = performance.now()
    const most = this.#perMs * this.#tickMs
    const earned = (nowMs - this.#lastFlushMs) * this.#perMs
    this.#lastFlushMs = nowMs
    const allowance = Math.min(most, this.#allowance + earned) - this.#flush()
    this.#allowance = Math.max(-most, allowance)
  }

  stop(): void {
    if (this.#immediate) clearImmediate(this.#immediate)
    if (this.#timer) clearTimeout(this.#timer)
    this.#immediate = null
    this.#timer = null
  }
}
