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
import { type Deliveries, Outbox, type Recipient, type SharedDelivery } from './outbox.ts'
import { type OwnerSource, Owners } from './owners.ts'
import { type Host, ownBytes, type Packet, type Party } from './packet.ts'
import { type Retained, RetainedMessages } from './retained.ts'
import { type ReviewReport, review } from './review.ts'
import { Saver } from './saver.ts'
import type { Grant, Session } from './session.ts'
import { type SessionLimits, Sessions } from './sessions.ts'
import { isShared } from './shared-subscriptions.ts'
import type { Match } from './subscriptions.ts'
import { type Will, Wills } from './wills.ts'

export interface PersistenceOptions {
  readonly path: string
  readonly retained: { readonly maxMessages: number; readonly maxBytes: number }
  readonly sessions: SessionLimits
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** What was done for a publish before Aedes came to it. */
export interface Prepared {
  /** Resolves when what it leaves for clients that are away, or as retained message, is on the disk. */
  readonly saved: Promise<void> | null
  readonly isRetained: boolean
  readonly deliveries: Deliveries
  readonly shared: readonly SharedDelivery[]
}

/** Sessions age in steps of this, or smaller ones when they expire sooner; MQTT 5 clients may name seconds. */
const SWEEP_MS = 1000
/** Aedes asks of an incoming QoS 2 message only whether it is there: large ones are not kept in memory for that. */
const MAX_INCOMING_PAYLOAD_BYTES = 1024
/** Most messages are for nobody's queue: their answers cost nothing. */
const NOBODY: Promise<readonly Match[]> = Promise.resolve([])
const DONE = Promise.resolve()
const NOTHING: Deliveries = new Map()
const NO_SHARES: readonly SharedDelivery[] = []

/** What is published, as far as it is to be kept for somebody. */
type Message = Pick<
  Retained,
  'topic' | 'payload' | 'qos' | 'retain' | 'clientId' | 'properties' | 'messageExpiry'
>

export class SqlitePersistence {
  readonly sessions: Sessions
  readonly wills: Wills
  readonly retained: RetainedMessages
  readonly owners: Owners
  readonly #saver: Saver
  readonly #outbox: Outbox
  readonly #clock: NodeJS.Timeout
  /** By the payload's identity: Aedes copies packets, but not payloads. */
  readonly #prepared = new WeakMap<object, Prepared>()
  #host: Host = { id: '' }
  #destroyed: Promise<void> | null = null

  /** Throws when the file cannot be opened. */
  constructor({ path, retained, sessions, log }: PersistenceOptions) {
    const { state, damaged } = readState(path)
    if (damaged !== null)
      log.error({ damaged }, 'mqtt: sessions and retained messages were damaged; starting without')
    this.#saver = new Saver({ path, log })
    this.owners = new Owners(this.#saver)
    this.owners.restore(state.owners)
    this.sessions = new Sessions(sessions, this.#saver, this.owners)
    this.sessions.restore(state)
    this.wills = new Wills(this.#saver, this.owners)
    this.wills.restore(state.wills)
    this.retained = new RetainedMessages(retained, this.#saver, this.owners)
    this.retained.restore(state.retained)
    this.#outbox = new Outbox(this.sessions, this.#saver, () => this.#host)
    this.#clock = setInterval(
      () => {
        for (const clientId of this.sessions.age()) this.disown(clientId)
        this.retained.sweep()
      },
      Math.min(SWEEP_MS, sessions.expiryMs / 10),
    )
    this.#clock.unref()
  }

  get stats() {
    const { count, queuedMessages, queuedBytes, incoming, stats } = this.sessions
    return {
      sessions: count,
      queuedMessages,
      queuedBytes,
      incoming,
      sessionsExpired: stats.expired,
      sessionsRefused: stats.refused,
      dropped: { ...stats.dropped, retained: this.retained.refused },
      retained: this.retained.count,
      retainedBytes: this.retained.bytes,
      commits: this.#saver.stats.commits,
      changes: this.#saver.stats.changes,
      failures: this.#saver.stats.failures,
    }
  }

  // for our broker

  connected(clientId: string): void {
    this.sessions.get(clientId)?.connect()
  }

  /** Resolves when what was changed until now is on the disk. */
  saved(): Promise<void> {
    return this.#saver.saved()
  }

  disconnected(clientId: string): void {
    this.sessions.get(clientId)?.disconnect()
    this.disown(clientId)
  }

  /** If nothing is left of it. */
  disown(clientId: string): void {
    if (this.sessions.get(clientId) === undefined && this.wills.get(clientId) === undefined)
      this.owners.forgetClient(clientId)
  }

  /** From now on, what is kept is kept for somebody. */
  belongTo(source: OwnerSource): void {
    this.owners.belongTo(source)
  }

  /** The identity of a session; undefined: there is none. */
  sessionOwner(clientId: string): string | null | undefined {
    return this.sessions.get(clientId) === undefined ? undefined : this.owners.ofClient(clientId)
  }

  /** Resolves when it is gone for good. */
  async endSession(clientId: string): Promise<void> {
    const session = this.sessions.get(clientId)
    if (session !== undefined) this.sessions.end(session)
    this.wills.delete(clientId)
    this.owners.forgetClient(clientId)
    await this.#saver.saved()
  }

  /** What identities may do has changed. Resolves when what they may not have is gone, also from the disk. */
  async review(): Promise<ReviewReport> {
    const report = review(this)
    await this.#saver.saved()
    return report
  }

  /**
   * Before a publish is acknowledged: keeps it as retained message, and queues it in the order in which messages
   * come, whoever sleeps or wakes meanwhile. Null: it leaves nothing.
   */
  prepare(packet: Message): Prepared | null {
    const { topic, payload, qos, retain, properties, messageExpiry } = packet
    if (qos === 0) return null
    const subscriptions = this.sessions.matching(topic)
    const shares = this.sessions.shared.choose(topic, qos)
    if (subscriptions.length === 0 && shares.length === 0 && !retain) return null
    if (retain) this.retained.keep({ cmd: 'publish', topic, payload, qos, retain, properties, messageExpiry })
    const deliveries = this.#outbox.queue(subscriptions, packet)
    const shared = this.#outbox.queueShares(shares, packet)
    const isAwaited =
      retain ||
      subscriptions.some(({ clientId }) => !this.#isConnected(clientId)) ||
      shares.some(({ session }) => session.subscriber === null)
    const prepared = { saved: isAwaited ? this.#saver.saved() : null, isRetained: retain, deliveries, shared }
    this.#prepared.set(payload, prepared)
    return prepared
  }

  /** The publish is not acknowledged after all: its sender will send it again. */
  cancel({ deliveries, shared }: Prepared): void {
    this.#outbox.cancel(deliveries.values())
    this.#outbox.cancel(shared.map(({ delivery }) => delivery))
  }

  /** To whom of each shared subscription a message on the bus goes: decided when it was prepared, or now. */
  sharesOf(packet: Packet): readonly SharedDelivery[] {
    if (this.sessions.shared.isEmpty) return NO_SHARES
    const prepared = typeof packet.payload === 'string' ? undefined : this.#prepared.get(packet.payload)
    if (prepared !== undefined) return prepared.shared
    return this.#outbox.queueShares(this.sessions.shared.choose(packet.topic, packet.qos), packet)
  }

  /** A QoS 2 message, in one commit with its identifier; null: nothing is to be awaited. */
  storeIncoming(session: Session, packetId: number, packet: Message): Promise<void> | null {
    this.sessions.addIncoming(session, packetId, true, !session.isVolatile)
    const prepared = this.prepare(packet)
    return session.isVolatile ? (prepared?.saved ?? null) : this.#saver.saved()
  }

  // for Aedes

  async setup(host: Host): Promise<void> {
    this.#host = host
  }

  /** Part of the interface: its tests rely on it. */
  get broker(): Host {
    return this.#host
  }

  async storeRetained(packet: Retained): Promise<void> {
    if (this.#prepared.get(packet.payload)?.isRetained) return
    this.retained.keep(packet)
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter])
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.retained.matching(filters))
  }

  async addSubscriptions({ id }: Party, subscriptions: readonly Grant[]): Promise<void> {
    this.sessions.grant(this.#ensureSession(id), subscriptions.map(copyGrant))
    await this.#saver.saved()
  }

  async removeSubscriptions({ id }: Party, filters: readonly string[]): Promise<void> {
    const session = this.sessions.get(id)
    if (session === undefined) return
    this.sessions.revoke(session, filters)
    await this.#saver.saved()
  }

  async subscriptionsByClient({ id }: Party): Promise<Grant[]> {
    const grants = [...(this.sessions.get(id)?.grants.values() ?? [])]
    return grants.filter(({ topic }) => !isShared(topic)).map(copyGrant)
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return this.sessions.subscriptions
  }

  subscriptionsByTopic(topic: string): Promise<readonly Match[]> {
    const found = this.sessions.matching(topic)
    return found.length === 0 ? NOBODY : Promise.resolve(found)
  }

  /** A clean session begins [MQTT-3.1.2-6]: the queue goes with the subscriptions. */
  async cleanSubscriptions({ id }: Party): Promise<void> {
    const session = this.sessions.get(id)
    if (session === undefined) return
    this.sessions.end(session)
    await this.#saver.saved()
  }

  async outgoingEnqueue(recipient: Recipient, packet: Packet): Promise<void> {
    await this.outgoingEnqueueCombi([recipient], packet)
  }

  outgoingEnqueueCombi(recipients: readonly Recipient[], packet: Packet): Promise<void> {
    const { payload } = packet
    const prepared = typeof payload === 'string' ? undefined : this.#prepared.get(payload)
    if (recipients.length > 0 || prepared !== undefined)
      this.#outbox.enqueue(recipients, packet, prepared?.deliveries ?? NOTHING)
    return DONE
  }

  outgoingUpdate(party: Party, packet: Packet): Promise<void> {
    return packet.cmd === 'pubrel' ? this.#outbox.released(party, packet) : this.#outbox.sent(party, packet)
  }

  /** Aedes also asks for packets without an identifier, when one message matched twice: those are not acknowledged. */
  async outgoingClearMessageId(party: Party, { messageId }: Packet): Promise<object | undefined> {
    return messageId === undefined ? undefined : this.#outbox.clear(party, messageId)
  }

  outgoingStream(party: Party): Readable {
    return Readable.from(this.#outbox.waiting(party))
  }

  async incomingStorePacket({ id, clean = false }: Party, packet: Packet): Promise<void> {
    const session = this.#ensureSession(id)
    const { payload, messageId = 0 } = packet
    const kept = payload.length > MAX_INCOMING_PAYLOAD_BYTES ? Buffer.alloc(0) : ownBytes(payload)
    const { length: _, ...rest } = packet as Packet & { length?: number }
    this.sessions.addIncoming(session, messageId, { ...rest, payload: kept }, !clean)
    // In one commit with the identifier: a retransmission after a crash finds both or neither.
    const saved = typeof payload === 'string' ? null : this.prepare({ ...packet, payload })?.saved
    if (saved || !clean) await this.#saver.saved()
  }

  async incomingGetPacket({ id }: Party, { messageId = 0 }: Packet): Promise<unknown> {
    const packet = this.sessions.get(id)?.incoming.get(messageId)
    if (packet === undefined) throw new Error('no such packet')
    return packet
  }

  async incomingDelPacket({ id, clean = false }: Party, { messageId = 0 }: Packet): Promise<void> {
    const session = this.sessions.get(id)
    if (session === undefined || !session.incoming.has(messageId)) throw new Error('no such packet')
    this.sessions.removeIncoming(session, messageId, !clean)
    if (!clean) await this.#saver.saved()
  }

  async cleanIncoming({ id }: Party): Promise<void> {
    const session = this.sessions.get(id)
    for (const messageId of [...(session?.incoming.keys() ?? [])])
      this.sessions.removeIncoming(session!, messageId, true)
  }

  async putWill({ id }: Party, will: Will): Promise<void> {
    will.brokerId = this.#host.id
    will.clientId = id
    this.wills.set(id, will)
  }

  async getWill({ id }: Party): Promise<Will | undefined> {
    return this.wills.get(id)
  }

  async delWill({ id }: Party): Promise<Will | undefined> {
    const will = this.wills.delete(id)
    if (!this.#isConnected(id)) this.disown(id)
    return will
  }

  streamWill(brokers: Readonly<Record<string, number>> = {}): Readable {
    return Readable.from(this.wills.orphans(brokerId => brokers[brokerId] !== undefined))
  }

  getClientList(filter: string): Readable {
    return Readable.from(this.sessions.subscribersOf(filter))
  }

  /** What was noted reaches the disk first. */
  destroy(): Promise<void> {
    clearInterval(this.#clock)
    this.#destroyed ??= this.#saver.close()
    return this.#destroyed
  }

  #ensureSession(id: string): Session {
    const session = this.sessions.ensure(id)
    if (session === null) throw new Error('too many sessions')
    if (this.#isConnected(id)) session.isConnected = true
    return session
  }

  #isConnected(clientId: string): boolean {
    return this.#host.clients?.[clientId] !== undefined
  }
}

function copyGrant({ topic, qos, rh, rap, nl, subscriptionIdentifier }: Grant): Grant {
  const grant = { topic, qos, rh, rap, nl }
  return subscriptionIdentifier === undefined ? grant : { ...grant, subscriptionIdentifier }
}
