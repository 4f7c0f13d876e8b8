/** Lets a few pieces of work run at once; others wait in order, and past a bound they are turned away. */
export class Turns {
  readonly #maxRunning: number
  readonly #maxWaiting: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor({ maxRunning, maxWaiting }: { readonly maxRunning: number; readonly maxWaiting: number }) {
    this.#maxRunning = maxRunning
    this.#maxWaiting = maxWaiting
  }

  get isFull(): boolean {
    return this.#waiting.length >= this.#maxWaiting
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#maxRunning) this.#running++
    else await new Promise<void>(resolve => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The turn is handed over, or given back.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }
}
