/** How much room there is for sessions and for what waits in them, and whose it is that is taken. */

import type { DeliveryRow } from './database.ts'
import type { Delivery, Session } from './session.ts'
import { Shares } from './shares.ts'

export interface SessionLimits {
  /** A new one beyond is refused, and its client's connection closed. */
  readonly maxSessions: number
  /** Without a connection for so long, a session ends. */
  readonly expiryMs: number
  /** For one client; what comes beyond is dropped. */
  readonly maxQueuedMessages: number
  readonly maxQueuedBytes: number
  /** For all clients together. */
  readonly maxTotalBytes: number
}

/** Which bound a message does not fit. */
export type Bound = 'queue-messages' | 'queue-bytes' | 'all-queues'

/** What an entry costs beside topic and payload, roughly. */
const OVERHEAD_BYTES = 200
/** Queued for a connection without a lasting session, beside the room that all have together. */
const MAX_UNDER_WAY_BYTES = 64 * 1024

export class Room {
  readonly #limits: SessionLimits
  readonly #sessions: Shares
  readonly #bytes: Shares
  /** Of messages that are under way to connections without a lasting session. */
  #underWayBytes = 0
  /** As of its beginning: of one that another identity takes over nothing stays. */
  readonly #ownerOf = new WeakMap<Session, string | null>()

  constructor(limits: SessionLimits) {
    this.#limits = limits
    this.#sessions = new Shares(limits.maxSessions)
    this.#bytes = new Shares(limits.maxTotalBytes)
  }

  get queuedBytes(): number {
    return this.#bytes.total + this.#underWayBytes
  }

  hasSession(owner: string | null): boolean {
    return this.#sessions.hasRoom(owner, 1)
  }

  begin(session: Session, owner: string | null): void {
    this.#ownerOf.set(session, owner)
    this.#sessions.take(owner, 1)
  }

  end(session: Session): void {
    this.#sessions.giveBack(this.#ownerOf.get(session) ?? null, 1)
  }

  /** Null: it fits. */
  whyNot(session: Session, bytes: number): Bound | null {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits
    if (session.waiting >= maxQueuedMessages) return 'queue-messages'
    if (session.queuedBytes + bytes > maxQueuedBytes) return 'queue-bytes'
    if (isUnderWay(session, bytes)) return null
    return this.#bytes.hasRoom(this.#ownerOf.get(session) ?? null, bytes) ? null : 'all-queues'
  }

  take({ session, isUnderWay, bytes }: Delivery): void {
    this.#count(session, isUnderWay, bytes)
  }

  giveBack({ session, isUnderWay, bytes }: Delivery): void {
    this.#count(session, isUnderWay, -bytes)
  }

  #count(session: Session, isUnderWay: boolean, bytes: number): void {
    if (isUnderWay) this.#underWayBytes += bytes
    else this.#bytes.take(this.#ownerOf.get(session) ?? null, bytes)
  }
}

/** To a client that is there, and reads: others, who sleep on full queues, are not to cost it that. */
export function isUnderWay(session: Session, bytes: number): boolean {
  return session.isVolatile && session.queuedBytes + bytes <= MAX_UNDER_WAY_BYTES
}

/** Of a message that waits, in bytes. */
export function sizeOf({
  topic,
  payload,
  properties,
}: Pick<DeliveryRow, 'topic' | 'properties'> & {
  readonly payload: Uint8Array | string
}): number {
  return topic.length + payload.length + (properties?.length ?? 0) + OVERHEAD_BYTES
}
