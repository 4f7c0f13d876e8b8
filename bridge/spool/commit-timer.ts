/** When the next commit begins: the earliest that anybody wished for. */
export class CommitTimer {
  readonly #begin: () => void
  #dueMs = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | null = null

  constructor(begin: () => void) {
    this.#begin = begin
  }

  /** Milliseconds of the monotonic clock; what is past means now. */
  wish(dueMs: number): void {
    if (dueMs >= this.#dueMs) return
    this.clear()
    this.#dueMs = dueMs
    const waitMs = dueMs - performance.now()
    if (waitMs > 0) this.#timer = setTimeout(this.#begin, waitMs)
    // After this turn of the event loop, so that what one socket read brought shares a block.
    else setImmediate(this.#begin)
  }

  /** It has begun, or need not. */
  clear(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#dueMs = Number.POSITIVE_INFINITY
  }
}
