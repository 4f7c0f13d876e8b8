/** Waits for what a peer does, for as long as a busy machine may take. */

const PATIENCE_MS = 10_000

export class Patience {
  #waiting: (() => void)[] = []

  /** Something happened: whoever waits looks again. */
  wake(): void {
    for (const proceed of this.#waiting.splice(0)) proceed()
  }

  /** Throws what `isThere` throws, and when it is not there in time, an error that says `missing`. */
  async until(isThere: () => boolean, missing: () => string): Promise<void> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.wake()
    }, PATIENCE_MS)
    try {
      while (!isThere()) {
        if (isLate) throw new Error(missing())
        await new Promise<void>(resolve => this.#waiting.push(resolve))
      }
    } finally {
      clearTimeout(timer)
    }
  }
}
