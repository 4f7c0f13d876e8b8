/**
 * What waits to be sent: while the bridge is out of reach messages are kept with the time that they were measured.
 * A message leaves only when it was acknowledged, which the bridge does when it is on disk.
 */

/** At ten a second a quarter of an hour. Beyond, the oldest leave, counted in `lost`. */
const MOST_WAITING = 10_000
/** Enough to fill the way there and back; a broker need not take more at once. */
const MOST_UNDER_WAY = 32

export interface Outgoing {
  readonly topic: string
  readonly payload: string
}

export class Outbox {
  sent = 0
  acknowledged = 0
  lost = 0
  /** Milliseconds from sending to the acknowledgement of the last one; null until there was one. */
  roundTripMs: number | null = null
  #waiting: Outgoing[] = []

  get waiting(): number {
    return this.#waiting.length
  }

  get underWay(): number {
    return this.sent - this.acknowledged
  }

  put(message: Outgoing): void {
    this.#waiting.push(message)
    if (this.#waiting.length <= MOST_WAITING) return
    this.#waiting.shift()
    this.lost++
  }

  /** Sends what may go; `publish` resolves when the bridge has acknowledged. */
  pump(publish: (message: Outgoing) => Promise<unknown>, nowMs: () => number): void {
    while (this.#waiting.length > 0 && this.underWay < MOST_UNDER_WAY) {
      const message = this.#waiting.shift()!
      const sentMs = nowMs()
      this.sent++
      publish(message).then(
        () => {
          this.acknowledged++
          this.roundTripMs = nowMs() - sentMs
        },
        () => {
          // Ended before it was acknowledged: it waits again, at the head, for the next connection.
          this.sent--
          this.#waiting.unshift(message)
        },
      )
    }
  }
}
