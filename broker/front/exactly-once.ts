/**
 * QoS 2 from a client (4.3.3): from PUBLISH to PUBREL, a packet identifier is the message. What is being taken belongs to
 * the session, not to the connection: a client that said goodbye, and is back sooner than the disk, finds it there.
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
  /** Of this connection, until their PUBREC. */
  #ours: Map<number, Settling> | null = null
  /** How many PUBLISHes of an identifier wait for their PUBREC, repetitions among them. */
  #unanswered: Map<number, number> | null = null
  /** PUBREL came before that. */
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
    return this.#ours?.has(packetId) === true
  }

  /** A PUBLISH of it that is to be answered. */
  expectsAnswer(packetId: number): void {
    this.#unanswered ??= new Map()
    this.#unanswered.set(packetId, (this.#unanswered.get(packetId) ?? 0) + 1)
  }

  /** PUBREL came. Whether it is to be released now, or when each PUBLISH of it is answered. */
  noteRelease(packetId: number): boolean {
    if (this.#unanswered?.has(packetId) !== true) return true
    this.#released ??= new Set()
    this.#released.add(packetId)
    return false
  }

  /** PUBREC is sent, to the first one or to a repetition. Whether it is to be released now. */
  answered(packetId: number, isRepeated: boolean): boolean {
    if (!isRepeated) this.#ours?.delete(packetId)
    const unanswered = (this.#unanswered?.get(packetId) ?? 1) - 1
    if (unanswered > 0) this.#unanswered!.set(packetId, unanswered)
    else this.#unanswered?.delete(packetId)
    return unanswered === 0 && this.#released?.delete(packetId) === true
  }

  isSettling(packetId: number): boolean {
    return this.#session.settling?.has(packetId) === true
  }

  /** Of one that is known: resolves when it is decided whether it is kept; at once, when it is. */
  settled(packetId: number): Promise<boolean> {
    return this.#session.settling?.get(packetId)?.done ?? Promise.resolve(true)
  }

  /**
   * Resolves with whether it is taken for good: it is to be published then, and acknowledged. Rejects when it could not be
   * stored, like `stored`.
   */
  take(packetId: number, publication: BusPublication, stored: Promise<void> | null): Promise<boolean> {
    const session = this.#session
    const settling: Settling = { done: Promise.resolve(false), isDecided: false }
    const settle = async () => {
      try {
        await stored
        // Given up, with its connection.
        if (settling.isDecided) return false
        await this.#keep(packetId, publication, settling)
        return true
      } finally {
        this.#forget(packetId, settling)
      }
    }
    session.taking++
    session.settling ??= new Map()
    session.settling.set(packetId, settling)
    this.#ours ??= new Map()
    this.#ours.set(packetId, settling)
    this.expectsAnswer(packetId)
    const taken = settle()
    settling.done = taken.catch(() => false)
    return taken
  }

  /** The connection is lost: what is not stored yet will come again. */
  lose(): void {
    for (const [packetId, settling] of this.#ours ?? [])
      if (!settling.isDecided) this.#forget(packetId, settling)
  }

  /** In one commit with what it leaves: a retransmission after a crash finds both or neither. */
  async #keep(packetId: number, publication: BusPublication, settling: Settling): Promise<void> {
    const session = this.#session
    this.#decide(settling)
    // Of a session that ended, a client that said goodbye has none that would send it again.
    if (session.isEnded) await this.#persistence.prepare(publication)?.saved
    else await this.#persistence.storeIncoming(session, packetId, publication)
  }

  #forget(packetId: number, settling: Settling): void {
    const { settling: all } = this.#session
    this.#decide(settling)
    if (all?.get(packetId) === settling) all.delete(packetId)
    this.#persistence.sessions.forgetIfEmpty(this.#session)
  }

  #decide(settling: Settling): void {
    if (settling.isDecided) return
    settling.isDecided = true
    this.#session.taking--
  }
}
