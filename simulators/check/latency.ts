/** Latencies in an HDR histogram (Node's own): microseconds within three digits, whatever their range. */

import { createHistogram } from 'node:perf_hooks'

export interface LatencySummary {
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

export class Latency {
  readonly #histogram = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 })

  record(ms: number): void {
    this.#histogram.record(Math.max(1, Math.round(ms * 1000)))
  }

  /** In milliseconds; null when nothing was measured. */
  get summary(): LatencySummary | null {
    const histogram = this.#histogram
    if (histogram.count === 0) return null
    const at = (percentile: number): number => histogram.percentile(percentile) / 1000
    return {
      count: histogram.count,
      p50: at(50),
      p90: at(90),
      p99: at(99),
      p999: at(99.9),
      max: histogram.max / 1000,
    }
  }
}
