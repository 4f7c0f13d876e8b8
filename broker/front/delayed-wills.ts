/**
 * Wills (3.1.2.5, of MQTT 5 also 3.1.3.2.2): kept until the connection ends in peace, published otherwise, at once or
 * after their delay, but when the session ends at the latest [MQTT-3.1.2-8]. They are kept on the disk: after a crash,
 * the next start publishes them, with time for their clients to come back.
 */

import type { Will } from '../persistence/wills.ts'

export interface WillStore {
  get(clientId: string): Will | undefined
  keep(clientId: string, will: Will): void
  delete(clientId: string): void
  all(): Iterable<Will>
}

/** After a start, clients of before are given so long to come back. */
const RETURN_WITHIN_MS = 60_000
/** The longest that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1

export class DelayedWills {
  readonly #store: WillStore
  readonly #publish: (will: Will) => Promise<void>
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #sending = new Set<Promise<void>>()

  /** `publish` resolves when the will is done with; it rejects when it could not be stored. */
  constructor(store: WillStore, publish: (will: Will) => Promise<void>) {
    this.#store = store
    this.#publish = publish
    for (const will of store.all()) {
      const { clientId, delayMs = 0 } = will
      if (clientId !== undefined) this.#schedule(clientId, will, Math.max(delayMs, RETURN_WITHIN_MS))
    }
  }

  /** Of a client that connects; null: it has none. What an earlier connection left is settled by then. */
  connected(clientId: string, will: Will | null): void {
    this.#unschedule(clientId)
    // [MQTT-3.1.3-9]: back in time.
    if (will === null) this.#store.delete(clientId)
    else this.#store.keep(clientId, will)
  }

  /**
   * The session ends, now: its will is due, if it waits for that [MQTT-3.1.2-8]. One without a delay was not published
   * because it was us who were gone, and its client is back.
   */
  sessionEnded(clientId: string): Promise<void> {
    const will = this.#store.get(clientId)
    return will === undefined || (will.delayMs ?? 0) === 0 ? Promise.resolve() : this.#send(clientId, will)
  }

  /** [MQTT-3.14.4-3], [MQTT-3.1.2-10] */
  revoked(clientId: string): void {
    this.#unschedule(clientId)
    this.#store.delete(clientId)
  }

  /** The connection of `will` ended without a word of peace; its session lasts for `sessionMs` from now on. */
  lost(clientId: string, will: Will, sessionMs: number): Promise<void> {
    const dueMs = Math.min(will.delayMs ?? 0, sessionMs)
    if (dueMs <= 0) return this.#send(clientId, will)
    // A client of an older protocol that takes over has deleted it by now [MQTT-3.1.3-9].
    if (this.#store.get(clientId) === will) this.#schedule(clientId, will, dueMs)
    return Promise.resolve()
  }

  /** Resolves when what is being published is, or could not be. */
  async settled(): Promise<void> {
    await Promise.all(this.#sending)
  }

  /** What is still to come stays on the disk. */
  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #schedule(clientId: string, will: Will, dueMs: number): void {
    this.#unschedule(clientId)
    const whenDue = () => {
      if (this.#store.get(clientId) === will) void this.#send(clientId, will)
    }
    const timer = setTimeout(whenDue, Math.min(dueMs, MAX_TIMER_MS))
    timer.unref()
    this.#timers.set(clientId, timer)
  }

  #unschedule(clientId: string): void {
    clearTimeout(this.#timers.get(clientId))
    this.#timers.delete(clientId)
  }

  #send(clientId: string, will: Will): Promise<void> {
    this.#unschedule(clientId)
    const sending = this.#sendNow(clientId, will).finally(() => this.#sending.delete(sending))
    this.#sending.add(sending)
    return sending
  }

  /** When it cannot be stored, it stays: the next start tries again. */
  async #sendNow(clientId: string, will: Will): Promise<void> {
    const isDone = await this.#publish(will).then(
      () => true,
      () => false,
    )
    if (isDone && this.#store.get(clientId) === will) this.#store.delete(clientId)
  }
}
