/**
 * What a client missed, when it comes back. While it runs, messages that arrive join its end instead of being sent
 * from the bus, so that nothing new overtakes what is old.
 */

import { Readable } from 'node:stream'
import type { Delivery, Session } from './session.ts'
import type { Sessions } from './sessions.ts'

export class QueueStream extends Readable {
  readonly #session: Session
  readonly #sessions: Sessions
  readonly #toPacket: (delivery: Delivery) => object
  readonly #pending: Delivery[]
  #next = 0

  constructor(session: Session, sessions: Sessions, toPacket: (delivery: Delivery) => object) {
    super({ objectMode: true })
    this.#session = session
    this.#sessions = sessions
    this.#toPacket = toPacket
    this.#pending = [...session.queue.values()]
  }

  add(delivery: Delivery): void {
    this.#pending.push(delivery)
  }

  override _read(): void {
    while (this.#next < this.#pending.length) {
      const delivery = this.#pending[this.#next++]!
      if (!this.#session.queue.has(delivery.id)) continue
      if (this.#sessions.isStale(delivery)) {
        this.#sessions.dropStale(delivery)
        continue
      }
      if (this.#session.isFedBy(this)) this.#session.owed.add(delivery)
      this.push(this.#toPacket(delivery))
      return
    }
    this.#session.endStream(this)
    this.push(null)
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#session.endStream(this)
    done(error)
  }
}
