/**
 * A client with too many messages that wait for the disk is not read from until half of them are acknowledged: it
 * feels that by TCP. Aedes stops reading after a few, too, but forgets to when each comes in a packet of its own.
 */

import type { Client } from 'aedes'

/** Aedes has them; its types do not say so. */
interface Insides {
  /** Packets of the last read that are not done; it does not count down while paused. */
  _parsingBatch: number
  pause(): void
  resume(): void
}

/** Of one client. */
export interface Waiting {
  count: number
  isPaused: boolean
}

export class BackPressure {
  readonly stats = { paused: 0 }
  readonly #maxWaiting: number
  readonly #clients = new WeakMap<Client, Waiting>()

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  /** Returns what `remove` takes. */
  add(client: Client): Waiting {
    let waiting = this.#clients.get(client)
    if (waiting === undefined) {
      waiting = { count: 0, isPaused: false }
      this.#clients.set(client, waiting)
    }
    waiting.count++
    if (waiting.count >= this.#maxWaiting && !waiting.isPaused) {
      waiting.isPaused = true
      this.stats.paused++
      insidesOf(client).pause()
    }
    return waiting
  }

  /** The message is acknowledged, or never will be. */
  remove(client: Client, waiting: Waiting): void {
    waiting.count--
    if (!waiting.isPaused || waiting.count * 2 > this.#maxWaiting) return
    waiting.isPaused = false
    if (client.closed) return
    const insides = insidesOf(client)
    insides._parsingBatch = 0
    insides.resume()
  }
}

function insidesOf(client: Client): Insides {
  return client as unknown as Insides
}
