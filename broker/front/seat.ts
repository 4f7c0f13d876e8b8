/**
 * A connected client where Aedes lists clients, and those who count or look for them find it: one for each client id
 * [MQTT-3.1.4-3]. Aedes asks of a client that it did not make only what stands here; tests pin that.
 */

import type { Aedes } from 'aedes'

/** Aedes as it is at run time, beyond its types. */
interface Registry {
  readonly clients: Readonly<Record<string, { close(done: () => void): void } | undefined>>
  registerClient(seat: Seat): void
  unregisterClient(seat: Seat): void
}

export class Seat {
  readonly id: string
  /** Of the protocol, as CONNECT says. */
  readonly version: number
  connected = false
  closed = false
  /** By filter. */
  readonly subscriptions: Record<string, true> = Object.create(null)
  readonly #registry: Registry
  readonly #leave: () => void

  /** `leave`: another one takes its place, or the broker stops. */
  constructor(aedes: Aedes, id: string, version: number, leave: () => void) {
    this.id = id
    this.version = version
    this.#registry = aedes as unknown as Registry
    this.#leave = leave
  }

  /** Nobody has the client id. */
  get isFree(): boolean {
    return this.#registry.clients[this.id] === undefined
  }

  /** Resolves when whoever has the client id is closed; somebody else may have taken it meanwhile. */
  async free(): Promise<void> {
    const holder = this.#registry.clients[this.id]
    if (holder !== undefined) await new Promise<void>(resolve => holder.close(resolve))
  }

  take(): void {
    this.connected = true
    this.#registry.registerClient(this)
  }

  leave(): void {
    if (this.closed) return
    this.closed = true
    const wasThere = this.connected
    this.connected = false
    if (wasThere) this.#registry.unregisterClient(this)
  }

  /** For Aedes. */
  close(done?: () => void): void {
    this.#leave()
    done?.()
  }
}
