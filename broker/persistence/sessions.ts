/** All sessions: who subscribes to what, and what waits for whom, as far as there is room. Each change is noted for the disk. */

import type { Copy } from './copy.ts'
import type { SavedState } from './database.ts'
import type { Owners } from './owners.ts'
import { asBuffer } from './packet.ts'
import { isUnderWay, Room, type SessionLimits, sizeOf } from './room.ts'
import type { Saver } from './saver.ts'
import { type Delivery, type Grant, Session } from './session.ts'
import { SessionNotes } from './session-notes.ts'
import { isShared, SharedSubscriptions } from './shared-subscriptions.ts'
import { type Match, Subscriptions } from './subscriptions.ts'

/** A message to be queued; its payload is shared by all who get it. */
export interface Outgoing {
  readonly topic: string
  readonly payload: Buffer | string
  readonly brokerId: string | undefined
  readonly counter: number | null
  readonly properties: Buffer | null
  readonly expiresAtMs: number | null
}

/** The idle time of a session is saved this often: a restart may forget so much of it. */
const SAVE_IDLE_MS = 600_000

export class Sessions {
  readonly stats = {
    expired: 0,
    refused: 0,
    dropped: { 'queue-messages': 0, 'queue-bytes': 0, 'all-queues': 0, expired: 0 },
  }
  readonly #limits: SessionLimits
  /** For those who change what they were given. */
  readonly notes: SessionNotes
  readonly #room: Room
  readonly #owners: Owners
  readonly #onGone: (clientId: string) => void
  readonly #sessions = new Map<string, Session>()
  readonly #subscriptions = new Subscriptions()
  readonly shared = new SharedSubscriptions()
  #subscribers = 0
  #deliveries = 0
  #incoming = 0
  #lastId = 0

  /** `onGone`: nothing is left of a client's session. */
  constructor(limits: SessionLimits, saver: Saver, owners: Owners, onGone: (clientId: string) => void) {
    this.#limits = limits
    this.#onGone = onGone
    this.#room = new Room(limits)
    this.notes = new SessionNotes(saver, this.#sessions)
    this.#owners = owners
  }

  get count(): number {
    return this.#sessions.size
  }

  get queuedMessages(): number {
    return this.#deliveries
  }

  get queuedBytes(): number {
    return this.#room.queuedBytes
  }

  /** Subscriptions that queue, and clients that subscribe. */
  get subscriptions(): { readonly subsCount: number; readonly clientsCount: number } {
    return { subsCount: this.#subscriptions.count, clientsCount: this.#subscribers }
  }

  restore({ sessions, deliveries, incoming }: SavedState): void {
    for (const { client, idleMs, grants, expiryMs } of sessions) {
      const session = this.#add(client)
      session.idleMs = idleMs
      session.expiryMs = expiryMs
      for (const grant of JSON.parse(grants) as Grant[]) this.#setGrant(session, grant)
    }
    for (const { client, packetId } of incoming) {
      const session = this.#sessions.get(client) ?? this.#add(client)
      this.addIncoming(session, packetId, { cmd: 'publish', messageId: packetId }, false)
    }
    for (const { id, client, topic, payload, qos, packetId, isReleased, ...row } of deliveries) {
      const session = this.#sessions.get(client) ?? this.#add(client)
      this.#lastId = id
      this.#enqueue({
        id,
        session,
        topic,
        payload: asBuffer(payload),
        qos: qos as 1 | 2,
        bytes: sizeOf({ topic, payload, properties: row.properties }),
        isUnderWay: false,
        properties: asBuffer(row.properties),
        expiresAtMs: row.expiresAtMs,
        retain: row.retain,
        subscriptionIds: row.subscriptionIds?.split(',').map(Number) ?? null,
        share: row.share,
        brokerId: undefined,
        counter: null,
        packetId,
        isReleased,
        connection: packetId === null ? 0 : -1,
        isSaved: true,
      })
    }
  }

  all(): Iterable<Session> {
    return this.#sessions.values()
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId)
  }

  /** Null: there are too many. */
  ensure(clientId: string): Session | null {
    const known = this.#sessions.get(clientId)
    if (known !== undefined) return known
    return this.#hasRoomForOneOf(clientId) ? this.#add(clientId) : null
  }

  /**
   * For a client that connects, with its session of before, if there is one (`isPresent`). `expiryMs` 0: a session of
   * this connection only; so it is, too, when there are too many that last. Null: it is one as soon as there is
   * something to keep, see `adopt`.
   */
  open(
    clientId: string,
    isCleanStart: boolean,
    expiryMs: number | null,
  ): { session: Session; isPresent: boolean } {
    const known = this.#sessions.get(clientId)
    known?.age()
    // [MQTT-3.1.2-4], [MQTT-4.1.0-2]
    const isOver = known !== undefined && (isCleanStart || this.#isExpired(known))
    if (isOver) this.end(known)
    if (known !== undefined && !isOver) return { session: known, isPresent: true }
    if (expiryMs === null) return { session: new Session(clientId), isPresent: false }
    const lasting = expiryMs > 0 ? this.ensure(clientId) : null
    return { session: lasting ?? new Session(clientId, true), isPresent: false }
  }

  /** Before a session of a connected client is given something to keep. False: there are too many. */
  adopt(session: Session): boolean {
    const { clientId, isVolatile, isEnded } = session
    if (isVolatile || this.#sessions.get(clientId) === session) return true
    if (isEnded) return false
    if (!this.#hasRoomForOneOf(clientId)) return false
    session.isConnected = true
    this.#list(session)
    return true
  }

  /** Its client is gone, and may come back. */
  left(session: Session): void {
    if (this.#sessions.get(session.clientId) !== session) return
    this.forgetIfEmpty(session)
    this.notes.session(session)
  }

  grant(session: Session, grants: readonly Grant[]): void {
    for (const grant of grants) this.#setGrant(session, grant)
    this.notes.session(session)
  }

  revoke(session: Session, filters: readonly string[]): void {
    for (const filter of filters) this.#removeGrant(session, filter)
    this.notes.session(session)
    this.forgetIfEmpty(session)
  }

  end(session: Session): void {
    session.isEnded = true
    session.expiryMs = null
    for (const filter of [...session.grants.keys()]) this.#removeGrant(session, filter)
    const left = [...session.queue.values()]
    for (const delivery of left) this.remove(delivery)
    for (const packetId of [...session.incoming.keys()]) this.removeIncoming(session, packetId, true)
    this.#delete(session)
    this.notes.session(session)
    for (const delivery of left) this.#passOn(delivery)
  }

  /** Subscriptions for which a message on `topic` is queued. */
  matching(topic: string): readonly Match[] {
    return this.#subscriptions.matching(topic)
  }

  *subscribersOf(filter: string): Generator<string> {
    for (const { clientId, grants } of this.#sessions.values()) if (grants.has(filter)) yield clientId
  }

  /** Null: it does not fit, which is counted. */
  queue(session: Session, copy: Copy, message: Outgoing, share: string | null = null): Delivery | null {
    const bytes = sizeOf(message)
    const reason = this.#room.whyNot(session, bytes)
    if (reason !== null) {
      this.stats.dropped[reason]++
      return null
    }
    const { topic, payload, brokerId, counter, properties, expiresAtMs } = message
    const { qos, retain, subscriptionIds } = copy
    const delivery: Delivery = {
      id: ++this.#lastId,
      session,
      topic,
      payload,
      qos,
      bytes,
      isUnderWay: isUnderWay(session, bytes),
      properties,
      expiresAtMs,
      retain,
      subscriptionIds,
      share,
      brokerId,
      counter,
      packetId: null,
      isReleased: false,
      connection: 0,
      isSaved: false,
    }
    this.#enqueue(delivery)
    this.notes.delivery(delivery)
    return delivery
  }

  /** Nobody wants it any more [MQTT-3.3.2-5]. What was sent goes on to its end [MQTT-4.3.3-7]. */
  isStale({ packetId, expiresAtMs }: Delivery): boolean {
    return packetId === null && expiresAtMs !== null && expiresAtMs <= Date.now()
  }

  dropStale(delivery: Delivery): void {
    this.stats.dropped.expired++
    this.remove(delivery)
  }

  remove(delivery: Delivery): void {
    const { session } = delivery
    if (!session.queue.has(delivery.id)) return
    session.remove(delivery)
    this.#deliveries--
    this.#room.giveBack(delivery)
    this.notes.delivery(delivery)
    this.forgetIfEmpty(session)
  }

  /** Not released by their clients. */
  get incoming(): number {
    return this.#incoming
  }

  /** `lasts`: beyond the connection. */
  addIncoming(session: Session, packetId: number, packet: unknown, lasts: boolean): void {
    if (!session.incoming.has(packetId)) this.#incoming++
    session.incoming.set(packetId, packet)
    if (lasts) this.notes.incoming(session, packetId)
  }

  removeIncoming(session: Session, packetId: number, lasts: boolean): void {
    if (session.incoming.delete(packetId)) this.#incoming--
    if (lasts) this.notes.incoming(session, packetId)
    this.forgetIfEmpty(session)
  }

  /** Lets time pass for clients that are away. */
  age(): void {
    for (const session of this.#sessions.values()) {
      if (session.isConnected) continue
      const before = session.idleMs
      session.age()
      if (this.#isExpired(session)) {
        this.stats.expired++
        this.end(session)
      } else if (Math.floor(before / SAVE_IDLE_MS) !== Math.floor(session.idleMs / SAVE_IDLE_MS)) {
        this.notes.session(session)
      }
    }
  }

  #isExpired({ expiryMs, idleMs }: Session): boolean {
    return idleMs > Math.min(expiryMs ?? Number.POSITIVE_INFINITY, this.#limits.expiryMs)
  }

  /** What its receiver will not get any more goes to another of the shared subscription, as far as it may (4.8.2). */
  #passOn({ share, qos, packetId, session, ...message }: Delivery): void {
    // [MQTT-4.8.2-5]: a QoS 2 message that was begun goes to nobody else.
    if (share === null || (qos === 2 && packetId !== null)) return
    const next = this.shared.chooseOf(share, qos)
    if (next === null || next.session === session) return
    const { subscriptionIdentifier } = next.grant
    const subscriptionIds = subscriptionIdentifier === undefined ? null : [subscriptionIdentifier]
    const copy = { qos: Math.min(qos, next.grant.qos) as 1 | 2, retain: message.retain, subscriptionIds }
    const delivery = this.queue(next.session, copy, message, share)
    if (delivery !== null) next.session.subscriber?.send(delivery)
  }

  forgetIfEmpty(session: Session): void {
    if (session.isEmpty) this.#delete(session)
  }

  #delete(session: Session): void {
    const { clientId } = session
    if (this.#sessions.get(clientId) !== session) return
    this.#sessions.delete(clientId)
    this.#room.end(session)
    this.#onGone(clientId)
  }

  #hasRoomForOneOf(clientId: string): boolean {
    const hasRoom = this.#room.hasSession(this.#owners.ownerNow(clientId))
    if (hasRoom) this.#owners.keepClient(clientId)
    else this.stats.refused++
    return hasRoom
  }

  #add(clientId: string): Session {
    const session = new Session(clientId)
    this.#list(session)
    return session
  }

  #list(session: Session): void {
    const { clientId } = session
    this.#sessions.set(clientId, session)
    this.#room.begin(session, this.#owners.ofClient(clientId))
  }

  #enqueue(delivery: Delivery): void {
    delivery.session.add(delivery)
    this.#deliveries++
    this.#room.take(delivery)
  }

  #setGrant(session: Session, grant: Grant): void {
    this.#removeGrant(session, grant.topic)
    if (session.grants.size === 0 && !session.isVolatile) this.#subscribers++
    session.grants.set(grant.topic, grant)
    if (isShared(grant.topic)) this.shared.add(session, grant)
    else if (!session.isVolatile) this.#subscriptions.add(session.clientId, grant)
  }

  #removeGrant(session: Session, filter: string): void {
    const grant = session.grants.get(filter)
    if (grant === undefined) return
    session.grants.delete(filter)
    if (session.grants.size === 0 && !session.isVolatile) this.#subscribers--
    if (isShared(filter)) this.shared.remove(session, grant)
    else if (!session.isVolatile) this.#subscriptions.remove(session.clientId, grant)
  }
}
