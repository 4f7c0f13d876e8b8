/** All sessions: who subscribes to what, what waits for whom, and the limits on it. Each change is noted for the disk. */

import type { Copy } from './copy.ts'
import type { DeliveryRow, SavedState } from './database.ts'
import type { Owners } from './owners.ts'
import { asBuffer } from './packet.ts'
import type { Saver } from './saver.ts'
import { type Delivery, type Grant, Session } from './session.ts'
import { isShared, SharedSubscriptions } from './shared-subscriptions.ts'
import { Shares } from './shares.ts'
import { type Match, Subscriptions } from './subscriptions.ts'

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

/** A message to be queued; its payload is shared by all who get it. */
export interface Outgoing {
  readonly topic: string
  readonly payload: Buffer | string
  readonly brokerId: string | undefined
  readonly counter: number | null
  readonly properties: Buffer | null
  readonly expiresAtMs: number | null
}

/** What an entry costs beside topic and payload, roughly. */
const OVERHEAD_BYTES = 200
/** Queued for a connection without a lasting session, beside the room that all have together. */
const MAX_UNDER_WAY_BYTES = 64 * 1024
/** The idle time of a session is saved this often: a restart may forget so much of it. */
const SAVE_IDLE_MS = 600_000

export class Sessions {
  readonly stats = {
    expired: 0,
    refused: 0,
    dropped: { 'queue-messages': 0, 'queue-bytes': 0, 'all-queues': 0, expired: 0 },
  }
  readonly #limits: SessionLimits
  readonly #saver: Saver
  readonly #owners: Owners
  readonly #onGone: (clientId: string) => void
  readonly #sessions = new Map<string, Session>()
  readonly #subscriptions = new Subscriptions()
  readonly shared = new SharedSubscriptions()
  #subscribers = 0
  #deliveries = 0
  /** Of those that are under way to connections without a lasting session. */
  #underWayBytes = 0
  #incoming = 0
  readonly #shares: { readonly sessions: Shares; readonly bytes: Shares }
  /** As of its beginning: of one that another identity takes over nothing stays. */
  readonly #ownerOf = new WeakMap<Session, string | null>()
  #lastId = 0

  /** `onGone`: nothing is left of a client's session. */
  constructor(limits: SessionLimits, saver: Saver, owners: Owners, onGone: (clientId: string) => void) {
    this.#limits = limits
    this.#onGone = onGone
    this.#shares = { sessions: new Shares(limits.maxSessions), bytes: new Shares(limits.maxTotalBytes) }
    this.#saver = saver
    this.#owners = owners
  }

  get count(): number {
    return this.#sessions.size
  }

  get queuedMessages(): number {
    return this.#deliveries
  }

  get queuedBytes(): number {
    return this.#shares.bytes.total + this.#underWayBytes
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
    this.noteSession(session)
  }

  grant(session: Session, grants: readonly Grant[]): void {
    for (const grant of grants) this.#setGrant(session, grant)
    this.noteSession(session)
  }

  revoke(session: Session, filters: readonly string[]): void {
    for (const filter of filters) this.#removeGrant(session, filter)
    this.noteSession(session)
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
    this.noteSession(session)
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
    const reason = this.#whyNot(session, bytes)
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
    this.noteDelivery(delivery)
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
    this.#count(delivery, -delivery.bytes)
    this.noteDelivery(delivery)
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
    if (lasts) this.#noteIncoming(session, packetId)
  }

  removeIncoming(session: Session, packetId: number, lasts: boolean): void {
    if (session.incoming.delete(packetId)) this.#incoming--
    if (lasts) this.#noteIncoming(session, packetId)
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
        this.noteSession(session)
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

  noteSession(session: Session): void {
    if (session.isVolatile) return
    const client = session.clientId
    this.#saver.note(`session ${client}`, {
      change: () => {
        const now = this.#sessions.get(client)
        if (now === undefined || (now.grants.size === 0 && now.expiryMs === null))
          return { kind: 'no-session', client }
        return {
          kind: 'session',
          client,
          idleMs: now.idleMs,
          grants: JSON.stringify([...now.grants.values()]),
          expiryMs: now.expiryMs,
        }
      },
    })
  }

  noteDelivery(delivery: Delivery): void {
    const { id, session, topic, payload, qos, retain, share, properties, expiresAtMs } = delivery
    if (session.isVolatile) return
    this.#saver.note(`delivery ${id}`, {
      change: () => {
        const { packetId, isReleased, isSaved } = delivery
        if (!session.queue.has(id)) return isSaved ? { kind: 'no-delivery', id } : null
        if (isSaved) return { kind: 'sent', id, packetId, isReleased }
        const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
        return {
          kind: 'delivery',
          id,
          client: session.clientId,
          topic,
          payload: bytes,
          qos,
          packetId,
          isReleased,
          retain,
          subscriptionIds: delivery.subscriptionIds?.join(',') ?? null,
          share,
          properties,
          expiresAtMs,
        }
      },
      saved: () => {
        delivery.isSaved = true
      },
    })
  }

  forgetIfEmpty(session: Session): void {
    if (session.isEmpty) this.#delete(session)
  }

  #delete(session: Session): void {
    const { clientId } = session
    if (this.#sessions.get(clientId) !== session) return
    this.#sessions.delete(clientId)
    this.#shares.sessions.giveBack(this.#ownerOf.get(session) ?? null, 1)
    this.#onGone(clientId)
  }

  #hasRoomForOneOf(clientId: string): boolean {
    const hasRoom = this.#shares.sessions.hasRoom(this.#owners.ownerNow(clientId), 1)
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
    const owner = this.#owners.ofClient(clientId)
    this.#sessions.set(clientId, session)
    this.#ownerOf.set(session, owner)
    this.#shares.sessions.take(owner, 1)
  }

  #enqueue(delivery: Delivery): void {
    delivery.session.add(delivery)
    this.#deliveries++
    this.#count(delivery, delivery.bytes)
  }

  #count({ session, isUnderWay }: Delivery, bytes: number): void {
    if (isUnderWay) this.#underWayBytes += bytes
    else this.#shares.bytes.take(this.#ownerOf.get(session) ?? null, bytes)
  }

  #whyNot(session: Session, bytes: number): keyof Sessions['stats']['dropped'] | null {
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits
    if (session.waiting >= maxQueuedMessages) return 'queue-messages'
    if (session.queuedBytes + bytes > maxQueuedBytes) return 'queue-bytes'
    if (isUnderWay(session, bytes)) return null
    return this.#shares.bytes.hasRoom(this.#ownerOf.get(session) ?? null, bytes) ? null : 'all-queues'
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

  #noteIncoming({ clientId: client, isVolatile }: Session, packetId: number): void {
    if (isVolatile) return
    this.#saver.note(`incoming ${packetId} ${client}`, {
      change: () => {
        const isKnown = this.#sessions.get(client)?.incoming.has(packetId) === true
        return { kind: isKnown ? 'incoming' : 'no-incoming', client, packetId }
      },
    })
  }
}

/** To a client that is there, and reads: others, who sleep on full queues, are not to cost it that. */
function isUnderWay(session: Session, bytes: number): boolean {
  return session.isVolatile && session.queuedBytes + bytes <= MAX_UNDER_WAY_BYTES
}

function sizeOf({
  topic,
  payload,
  properties,
}: Pick<DeliveryRow, 'topic' | 'properties'> & {
  readonly payload: Uint8Array | string
}): number {
  return topic.length + payload.length + (properties?.length ?? 0) + OVERHEAD_BYTES
}
