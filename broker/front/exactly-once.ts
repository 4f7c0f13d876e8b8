/**
 * QoS 2 from a client (4.3.3): from PUBLISH to PUBREL, a packet identifier is the message. What is being taken belongs to
 * the session, not to the connection: a client that is back sooner than the disk finds it there.
 *
 *   unknown --PUBLISH--> settling: stored, then its identifier saved --> kept --PUBREL--> unknown
 *                           +-- not stored, or the connection lost before --> unknown: it comes again
 */

import type { BusPublication } from '../intake.ts'
import type { Persistence } from '../persistence/persistence.ts'
import type { Session, Settling } from '../persistence/session.ts'

export class ExactlyOnce {
  readonly #session: Session
  readonly #persistence: Persistence
  /** Of this connection, until they are answered. */
  #settling: Map<number, Settling> | null = null
  /** Of those, PUBREL has come already. */
  #released: Set<number> | null = null

  constructor(session: Session, persistence: Persistence) {
    this.#session = session
    this.#persistence = persistence
  }

  /** Messages between PUBLISH and PUBREL, of this connection and of earlier ones. */
  get underWay(): number {
    return this.#session.taking + this.#session.incoming.size
  }

  /** [MQTT-4.3.3-10]: until PUBREL, the same identifier is the same message. */
  has(packetId: number): boolean {
    return this.#session.incoming.has(packetId) || this.#session.settling?.has(packetId) === true
  }

  /** Its PUBLISH came on this connection, and is not answered yet. */
  isOurs(packetId: number): boolean {
    return this.#settling?.has(packetId) === true
  }

  /** PUBREL of one that is ours. */
  releaseLater(packetId: number): void {
    this.#released ??= new Set()
    this.#released.add(packetId)
  }

  /** PUBREC is sent. Whether it is to be released now. */
  answered(packetId: number): boolean {
    this.#settling?.delete(packetId)
    return this.#released?.delete(packetId) === true
  }

  isSettling(packetId: number): boolean {
    return this.#session.settling?.has(packetId) === true
  }

  /** Resolves when it is decided whether it is kept; at once, when it is. */
  settled(packetId: number): Promise<boolean> {
    return this.#session.settling?.get(packetId)?.done ?? Promise.resolve(true)
  }

  /**
   * Resolves with whether it is taken for good: it is to be published then, and acknowledged. Rejects when it could not be
   * stored, like `stored`.
   */
  take(packetId: number, publication: BusPublication, stored: Promise<void> | null): Promise<boolean> {
    const session = this.#session
    const settling: Settling = { done: Promise.resolve(false), isTaken: false }
    const settle = async () => {
      try {
        await stored
        if (settling.isTaken) return false
        await this.#keep(packetId, publication, settling)
        return true
      } finally {
        this.#forget(packetId, settling)
      }
    }
    session.taking++
    session.settling ??= new Map()
    session.settling.set(packetId, settling)
    this.#settling ??= new Map()
    this.#settling.set(packetId, settling)
    const taken = settle()
    settling.done = taken.catch(() => false)
    return taken
  }

  /** The connection is lost: what is not stored yet will come again. */
  lose(): void {
    for (const [packetId, settling] of this.#settling ?? [])
      if (!settling.isTaken) this.#forget(packetId, settling)
  }

  /** In one commit with what it leaves: a retransmission after a crash finds both or neither. */
  async #keep(packetId: number, publication: BusPublication, settling: Settling): Promise<void> {
    const session = this.#session
    this.#taken(settling)
    // Of a session that ended, a client that said goodbye has none that would send it again.
    if (session.isEnded) await this.#persistence.prepare(publication)?.saved
    else await this.#persistence.storeIncoming(session, packetId, publication)
  }

  #forget(packetId: number, settling: Settling): void {
    const { settling: all } = this.#session
    this.#taken(settling)
    if (all?.get(packetId) === settling) all.delete(packetId)
    this.#persistence.sessions.forgetIfEmpty(this.#session)
  }

  #taken(settling: Settling): void {
    if (settling.isTaken) return
    settling.isTaken = true
    this.#session.taking--
  }
}
