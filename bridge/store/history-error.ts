/** Why a history could not answer. The store's own words are in `message`. */
export class HistoryError extends Error {
  /** `unavailable`: the store is away or broken; `too-slow`: it took too long; `too-large`: ask for less. */
  readonly code: 'unavailable' | 'too-slow' | 'too-large'

  constructor(code: HistoryError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Of one answer. */
export const MAX_BUCKETS = 100_000
/** Of one page: each may be tens of kilobytes long. */
export const MAX_TEXTS = 500
