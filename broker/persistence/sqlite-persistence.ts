/**
 * What the broker remembers across restarts, also after kill -9: retained messages, sessions with their subscriptions
 * and queues, packet identifiers of QoS 2, wills. Memory answers, SQLite keeps the copy (saver.ts).
 *
 * When is it on the disk? Before the acknowledgement: subscriptions (SUBACK), the steps of QoS 2 (PUBREC, PUBREL,
 * PUBCOMP) and, by `prepare`, what an acknowledged publish leaves for sleeping clients and as retained message.
 * Within 10 ms or so otherwise: what is under way to connected subscribers, QoS 0 retained messages, wills, received
 * acknowledgements. A crash may have those sent again, or lose them where nothing was promised.
 *
 * The interface is Aedes': promises, and streams for what may be long. Answers come in the order of the calls.
 */

import { Readable } from 'node:stream'
import { readState } from './database.ts'
import { QueueStream } from './queue-stream.ts'
import { RetainedMessages } from './retained.ts'
import { Saver } from './saver.ts'
import type { Delivery, Grant, Session } from './session.ts'
import { type Match, type Outgoing, type SessionLimits, Sessions } from './sessions.ts'
import { type Will, Wills } from './wills.ts'

export interface PersistenceOptions {
  readonly path: string
  readonly retained: { readonly maxMessages: number; readonly maxBytes: number }
  readonly sessions: SessionLimits
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** Of Aedes, what is needed here. */
interface Host {
  readonly id: string
  readonly clients?: Readonly<Record<string, unknown>>
}

export interface Party {
  readonly id: string
  /** Of a connection: what it leaves ends with it. */
  readonly clean?: boolean
}

export interface Packet {
  readonly cmd?: string
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly brokerId?: string
  readonly brokerCounter?: number
  messageId?: number | undefined
}

type RetainedPacket = Packet & { readonly payload: Buffer }

/** What was done for a publish before Aedes came to it. */
export interface Prepared {
  /** Resolves when what it leaves for clients that are away, or as retained message, is on the disk. */
  readonly saved: Promise<void> | null
  readonly isRetained: boolean
  /** By client; null: it did not fit. */
  readonly deliveries: Map<string, Delivery | null>
}

/** Sessions age in steps of this, or smaller ones when they expire sooner. */
const SWEEP_MS = 60_000
/** Aedes asks of an incoming QoS 2 message only whether it is there: large ones are not kept in memory for that. */
const MAX_INCOMING_PAYLOAD_BYTES = 1024
/** Most messages are for nobody's queue: their answers cost nothing. */
const NOBODY: Promise<readonly Match[]> = Promise.resolve([])
const DONE = Promise.resolve()

export class SqlitePersistence {
  readonly #saver: Saver
  readonly #sessions: Sessions
  readonly #wills: Wills
  readonly #retained: RetainedMessages<RetainedPacket>
  readonly #clock: NodeJS.Timeout
  /** By the payload's identity: Aedes copies packets, but not payloads. */
  readonly #prepared = new WeakMap<object, Prepared>()
  #granted: ((subscription: Grant) => Grant | null) | null = null
  #host: Host = { id: '' }
  #destroyed: Promise<void> | null = null

  /** Throws when the file cannot be opened. */
  constructor({ path, retained, sessions, log }: PersistenceOptions) {
    const { state, damaged } = readState(path)
    if (damaged !== null)
      log.error({ damaged }, 'mqtt: sessions and retained messages were damaged; starting without')
    this.#saver = new Saver({ path, log })
    this.#sessions = new Sessions(sessions, this.#saver)
    this.#sessions.restore(state)
    this.#wills = new Wills(this.#saver)
    this.#wills.restore(state.wills)
    this.#retained = new RetainedMessages(retained)
    for (const { topic, payload, qos } of state.retained)
      this.#retained.set({
        cmd: 'publish',
        topic,
        payload: asBuffer(payload),
        qos: qos as 0 | 1 | 2,
        retain: true,
      })
    let lastMs = performance.now()
    this.#clock = setInterval(
      () => {
        const nowMs = performance.now()
        this.#sessions.age(nowMs - lastMs)
        lastMs = nowMs
      },
      Math.min(SWEEP_MS, sessions.expiryMs / 10),
    )
    this.#clock.unref()
  }

  get stats() {
    const { count, queuedMessages, queuedBytes, stats } = this.#sessions
    return {
      sessions: count,
      queuedMessages,
      queuedBytes,
      sessionsExpired: stats.expired,
      sessionsRefused: stats.refused,
      dropped: { ...stats.dropped, retained: this.#retained.refused },
      retained: this.#retained.count,
      retainedBytes: this.#retained.bytes,
      commits: this.#saver.stats.commits,
      changes: this.#saver.stats.changes,
      failures: this.#saver.stats.failures,
    }
  }

  // for our broker

  /** Only what this returns is stored of a SUBSCRIBE: Aedes hands over what it denied, too. */
  storeOnly(granted: (subscription: Grant) => Grant | null): void {
    this.#granted = granted
  }

  connected(clientId: string): void {
    this.#sessions.get(clientId)?.connect()
  }

  disconnected(clientId: string): void {
    this.#sessions.get(clientId)?.disconnect()
  }

  /**
   * Before a publish is acknowledged: keeps it as retained message, and queues it in the order in which messages
   * come, whoever sleeps or wakes meanwhile. Null: it leaves nothing.
   */
  prepare(packet: Pick<RetainedPacket, 'topic' | 'payload' | 'qos' | 'retain'>): Prepared | null {
    const { topic, payload, qos, retain } = packet
    if (qos === 0) return null
    const subscriptions = this.#sessions.matching(topic)
    if (subscriptions.length === 0 && !retain) return null
    if (retain) this.#keepRetained({ cmd: 'publish', topic, payload, qos, retain })
    const deliveries: Prepared['deliveries'] = new Map()
    this.#queueForAll(subscriptions, packet, (clientId, delivery) => deliveries.set(clientId, delivery))
    const isAwaited = retain || subscriptions.some(({ clientId }) => !this.#isConnected(clientId))
    const prepared = { saved: isAwaited ? this.#saver.saved() : null, isRetained: retain, deliveries }
    this.#prepared.set(payload, prepared)
    return prepared
  }

  /** The publish is not acknowledged after all: its sender will send it again. */
  cancel({ deliveries }: Prepared): void {
    for (const delivery of deliveries.values())
      if (delivery !== null && delivery.packetId === null) this.#sessions.remove(delivery)
  }

  /**
   * Whether the bus is to send a message to a connected client now. Not what its session lost for want of room, or
   * has sent already, and not while it still sends what was missed: then the queue brings it.
   */
  isDue(clientId: string, { brokerCounter = 0 }: Pick<Packet, 'brokerCounter'>): boolean {
    const session = this.#sessions.get(clientId)
    if (session === undefined) return true
    const delivery = session.find(brokerCounter)
    return delivery !== undefined && delivery.packetId === null && !session.isCatchingUp
  }

  // for Aedes

  async setup(host: Host): Promise<void> {
    this.#host = host
  }

  /** Part of the interface: its tests rely on it. */
  get broker(): Host {
    return this.#host
  }

  async storeRetained(packet: RetainedPacket): Promise<void> {
    if (this.#prepared.get(packet.payload)?.isRetained) return
    this.#keepRetained(packet)
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter])
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#retainedMatching(filters))
  }

  async addSubscriptions({ id }: Party, subscriptions: readonly Grant[]): Promise<void> {
    const grants = subscriptions
      .map(subscription => (this.#granted === null ? subscription : this.#granted(subscription)))
      .filter(grant => grant !== null)
      .map(copyGrant)
    if (grants.length === 0) return
    this.#sessions.grant(this.#ensureSession(id), grants)
    await this.#saver.saved()
  }

  async removeSubscriptions({ id }: Party, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    this.#sessions.revoke(session, filters)
    await this.#saver.saved()
  }

  async subscriptionsByClient({ id }: Party): Promise<Grant[]> {
    return [...(this.#sessions.get(id)?.grants.values() ?? [])].map(copyGrant)
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return this.#sessions.subscriptions
  }

  subscriptionsByTopic(topic: string): Promise<readonly Match[]> {
    const found = this.#sessions.matching(topic)
    return found.length === 0 ? NOBODY : Promise.resolve(found)
  }

  /** A clean session begins [MQTT-3.1.2-6]: the queue goes with the subscriptions. */
  async cleanSubscriptions({ id }: Party): Promise<void> {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    this.#sessions.end(session)
    await this.#saver.saved()
  }

  async outgoingEnqueue(subscription: Partial<Match> & { clientId: string }, packet: Packet): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet)
  }

  outgoingEnqueueCombi(
    subscriptions: readonly (Partial<Match> & { clientId: string })[],
    packet: Packet,
  ): Promise<void> {
    const prepared =
      typeof packet.payload === 'string' ? undefined : this.#prepared.get(packet.payload)?.deliveries
    if (prepared === undefined) {
      this.#queueForAll(subscriptions, packet, () => undefined)
      return DONE
    }
    const current = new Set(subscriptions.map(({ clientId }) => clientId))
    for (const [clientId, delivery] of prepared) {
      // Who unsubscribed meanwhile gets it no more.
      if (delivery === null) continue
      if (current.has(clientId)) delivery.session.attach(delivery, packet.brokerCounter ?? 0)
      else this.#sessions.remove(delivery)
    }
    const others = subscriptions.filter(({ clientId }) => !prepared.has(clientId))
    this.#queueForAll(others, packet, () => undefined)
    return DONE
  }

  /** May change the packet's identifier, when another message holds it. */
  async outgoingUpdate({ id }: Party, packet: Packet): Promise<void> {
    const session = this.#sessions.get(id)
    const { cmd, messageId = 0, brokerCounter = 0 } = packet
    const isRelease = cmd === 'pubrel'
    const delivery = isRelease ? session?.withPacketId(messageId) : session?.find(brokerCounter)
    // A retained message, sent at SUBSCRIBE, has no place in the queue; nor has what did not fit.
    if (session === undefined || delivery === undefined) return
    const isNews = isRelease ? !delivery.isReleased : delivery.packetId !== messageId
    if (isRelease) delivery.isReleased = true
    else packet.messageId = session.markSent(delivery, messageId)
    if (isNews) {
      this.#sessions.noteDelivery(delivery)
      // Exactly once needs the identifier after a crash; at least once does not.
      if (delivery.qos === 2) await this.#saver.saved()
    }
    await session.olderWritten(delivery)
    // Aedes writes it in the microtasks that follow.
    if (session.owed.has(delivery)) setImmediate(() => session.written(delivery))
  }

  /** Aedes also asks for packets without an identifier, when one message matched twice: those are not acknowledged. */
  async outgoingClearMessageId({ id }: Party, { messageId }: Packet): Promise<object | undefined> {
    const session = this.#sessions.get(id)
    const delivery = messageId === undefined ? undefined : session?.withPacketId(messageId)
    if (session === undefined || delivery === undefined) return undefined
    const packet = this.#toPacket(delivery)
    this.#sessions.remove(delivery)
    return packet
  }

  outgoingStream({ id }: Party): Readable {
    const session = this.#sessions.get(id)
    if (session === undefined) return Readable.from([])
    const stream = new QueueStream(session, delivery => this.#toPacket(delivery))
    session.catchUp(stream)
    return stream
  }

  async incomingStorePacket({ id, clean = false }: Party, packet: Packet): Promise<void> {
    const session = this.#ensureSession(id)
    const { payload, messageId = 0 } = packet
    const kept = payload.length > MAX_INCOMING_PAYLOAD_BYTES ? Buffer.alloc(0) : ownBytes(payload)
    const { length: _, ...rest } = packet as Packet & { length?: number }
    this.#sessions.addIncoming(session, messageId, { ...rest, payload: kept }, !clean)
    // In one commit with the identifier: a retransmission after a crash finds both or neither.
    const saved = typeof payload === 'string' ? null : this.prepare({ ...packet, payload })?.saved
    // One that need not wait must not overtake one that does.
    const stored = saved || !clean ? this.#saver.saved() : session.storing
    session.storing = stored
    await stored
    if (session.storing === stored) session.storing = null
  }

  async incomingGetPacket({ id }: Party, { messageId = 0 }: Packet): Promise<unknown> {
    const packet = this.#sessions.get(id)?.incoming.get(messageId)
    if (packet === undefined) throw new Error('no such packet')
    return packet
  }

  async incomingDelPacket({ id, clean = false }: Party, { messageId = 0 }: Packet): Promise<void> {
    const session = this.#sessions.get(id)
    if (session === undefined || !session.incoming.has(messageId)) throw new Error('no such packet')
    this.#sessions.removeIncoming(session, messageId, !clean)
    if (!clean) await this.#saver.saved()
  }

  async cleanIncoming({ id }: Party): Promise<void> {
    const session = this.#sessions.get(id)
    for (const messageId of [...(session?.incoming.keys() ?? [])])
      this.#sessions.removeIncoming(session!, messageId, true)
  }

  async putWill({ id }: Party, will: Will): Promise<void> {
    will.brokerId = this.#host.id
    will.clientId = id
    this.#wills.set(id, will)
  }

  async getWill({ id }: Party): Promise<Will | undefined> {
    return this.#wills.get(id)
  }

  async delWill({ id }: Party): Promise<Will | undefined> {
    return this.#wills.delete(id)
  }

  streamWill(brokers: Readonly<Record<string, number>> = {}): Readable {
    return Readable.from(this.#wills.orphans(brokerId => brokers[brokerId] !== undefined))
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.#sessions.subscribersOf(filter))
  }

  /** What was noted reaches the disk first. */
  destroy(): Promise<void> {
    clearInterval(this.#clock)
    this.#destroyed ??= this.#saver.close()
    return this.#destroyed
  }

  #ensureSession(id: string): Session {
    const session = this.#sessions.ensure(id)
    if (session === null) throw new Error('too many sessions')
    if (this.#isConnected(id)) session.isConnected = true
    return session
  }

  #isConnected(clientId: string): boolean {
    return this.#host.clients?.[clientId] !== undefined
  }

  #keepRetained(packet: RetainedPacket): void {
    const { topic } = packet
    if (!this.#retained.set({ ...packet, payload: ownBytes(packet.payload) })) return
    this.#saver.note(`retained ${topic}`, {
      change: () => {
        const kept = this.#retained.get(topic)
        if (kept === undefined) return { kind: 'no-retained', topic }
        return { kind: 'retained', topic, payload: kept.payload, qos: kept.qos }
      },
    })
  }

  *#retainedMatching(filters: readonly string[]): Generator<Packet> {
    for (const filter of filters) yield* this.#retained.matching(filter)
  }

  /** Once for each client, at the best of the levels that its filters were granted [MQTT-3.3.5-1]. */
  #queueForAll(
    subscriptions: readonly (Partial<Match> & { clientId: string })[],
    packet: Packet,
    visit: (clientId: string, delivery: Delivery | null) => void,
  ): void {
    if (subscriptions.length === 0) return
    const granted = new Map<string, number>()
    for (const { clientId, qos = 2 } of subscriptions)
      granted.set(clientId, Math.max(qos, granted.get(clientId) ?? 0))
    const { topic, brokerId, brokerCounter: counter = null } = packet
    const outgoing: Outgoing = { topic, payload: ownBytes(packet.payload), brokerId, counter }
    for (const [clientId, qos] of granted) {
      const session = this.#sessions.ensure(clientId)
      if (session === null) continue
      visit(clientId, this.#sessions.queue(session, Math.min(qos, packet.qos) as 1 | 2, outgoing))
    }
  }

  #toPacket(delivery: Delivery): object {
    const { id, session, topic, payload, qos, counter, packetId, isReleased, connection } = delivery
    const messageId = packetId ?? undefined
    if (isReleased) return { cmd: 'pubrel', messageId }
    return {
      cmd: 'publish',
      brokerId: delivery.brokerId ?? this.#host.id,
      brokerCounter: counter ?? -id,
      topic,
      payload,
      qos,
      // To one who subscribed before, it is news [MQTT-3.3.1-9].
      retain: false,
      dup: connection !== 0 && connection !== session.connection,
      messageId,
    }
  }
}

/** Of its own memory: a payload from a socket would hold, and drag to the saver's thread, the whole chunk it came in. */
function ownBytes<T extends Buffer | string>(payload: T): T {
  if (typeof payload === 'string') return payload
  const own = Buffer.allocUnsafeSlow(payload.length)
  payload.copy(own)
  return own as T
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function copyGrant({ topic, qos, rh, rap, nl, subscriptionIdentifier }: Grant): Grant {
  const grant = { topic, qos, rh, rap, nl }
  return subscriptionIdentifier === undefined ? grant : { ...grant, subscriptionIdentifier }
}
