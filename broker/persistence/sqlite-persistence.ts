/**
 * The interface that Aedes has for what it keeps: promises, and streams for what may be long. Answers come in the order of
 * the calls. As a bus, Aedes calls six of these: setup, storeRetained, subscriptionsByTopic, outgoingEnqueueCombi,
 * streamWill and delWill. What it would ask for clients of its own is there as well, for the tests that come with
 * aedes-persistence: by way of it they judge sessions, queues and retained messages, which the front uses directly.
 */

import { Readable } from 'node:stream'
import type { Deliveries, Recipient } from './outbox.ts'
import { type Host, ownBytes, type Packet, type Party } from './packet.ts'
import { Persistence } from './persistence.ts'
import type { Retained } from './retained.ts'
import type { Delivery, Grant, Session } from './session.ts'
import { isShared } from './shared-subscriptions.ts'
import type { Match } from './subscriptions.ts'
import type { Will } from './wills.ts'

/** Aedes asks of an incoming QoS 2 message only whether it is there: large ones are not kept in memory for that. */
const MAX_INCOMING_PAYLOAD_BYTES = 1024
/** Most messages are for nobody's queue: their answers cost nothing. */
const NOBODY: Promise<readonly Match[]> = Promise.resolve([])
const DONE = Promise.resolve()
const NOTHING: Deliveries = new Map()

export class SqlitePersistence extends Persistence {
  #host: Host = { id: '' }

  async setup(host: Host): Promise<void> {
    this.#host = host
  }

  /** Part of the interface: its tests rely on it. */
  get broker(): Host {
    return this.#host
  }

  async storeRetained(packet: Retained): Promise<void> {
    if (this.preparedFor(packet.payload)?.isRetained) return
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
    await this.saved()
  }

  async removeSubscriptions({ id }: Party, filters: readonly string[]): Promise<void> {
    const session = this.sessions.get(id)
    if (session === undefined) return
    this.sessions.revoke(session, filters)
    await this.saved()
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
    await this.saved()
  }

  async outgoingEnqueue(recipient: Recipient, packet: Packet): Promise<void> {
    await this.outgoingEnqueueCombi([recipient], packet)
  }

  outgoingEnqueueCombi(recipients: readonly Recipient[], packet: Packet): Promise<void> {
    const prepared = this.preparedFor(packet.payload)
    if (recipients.length > 0 || prepared !== undefined)
      this.outbox.enqueue(recipients, packet, prepared?.deliveries ?? NOTHING)
    return DONE
  }

  /** Before PUBLISH, whose identifier may change when another message holds it; and before PUBREL. */
  async outgoingUpdate({ id }: Party, packet: Packet): Promise<void> {
    const { cmd, brokerCounter = 0, messageId = 0 } = packet
    const session = this.sessions.get(id)
    const isReleased = cmd === 'pubrel'
    const delivery = isReleased ? session?.withPacketId(messageId) : session?.find(brokerCounter)
    if (session === undefined || delivery === undefined) return
    if (isReleased) delivery.isReleased = true
    else packet.messageId = session.markSent(delivery, messageId)
    await this.#save(delivery)
  }

  /** Resolves with what it was; undefined: there is no such packet. */
  async outgoingClearMessageId({ id }: Party, { messageId }: Packet): Promise<object | undefined> {
    const delivery = messageId === undefined ? undefined : this.sessions.get(id)?.withPacketId(messageId)
    if (delivery === undefined) return undefined
    const packet = this.#toPacket(delivery)
    this.sessions.remove(delivery)
    return packet
  }

  /** Everything that waits for a client that is back. */
  outgoingStream({ id }: Party): Readable {
    const waiting = [...(this.sessions.get(id)?.queue.values() ?? [])]
    return Readable.from(waiting.map(delivery => this.#toPacket(delivery)))
  }

  async incomingStorePacket({ id, clean = false }: Party, packet: Packet): Promise<void> {
    const session = this.#ensureSession(id)
    const { payload, messageId = 0 } = packet
    const kept = payload.length > MAX_INCOMING_PAYLOAD_BYTES ? Buffer.alloc(0) : ownBytes(payload)
    const { length: _, ...rest } = packet as Packet & { length?: number }
    this.sessions.addIncoming(session, messageId, { ...rest, payload: kept }, !clean)
    // In one commit with the identifier: a retransmission after a crash finds both or neither.
    const saved = typeof payload === 'string' ? null : this.prepare({ ...packet, payload })?.saved
    if (saved || !clean) await this.saved()
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
    if (!clean) await this.saved()
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

  /** Exactly once needs the identifier after a crash; at least once does not. */
  async #save(delivery: Delivery): Promise<void> {
    this.sessions.notes.delivery(delivery)
    if (delivery.qos === 2) await this.saved()
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
