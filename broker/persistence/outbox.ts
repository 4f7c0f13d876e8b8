/**
 * Messages on their way to clients with a session. Each is queued once, in the order in which messages come, before
 * its publish is acknowledged (`prepare`); when the bus has it, the queue is told under which number (`enqueue`); when
 * it is sent, under which packet identifier (`sent`); then it is released (PUBREC) and cleared (PUBACK, PUBCOMP).
 */

import { addMatch, type Copy } from './copy.ts'
import { type Host, ownBytes, type Packet, type Party } from './packet.ts'
import type { Saver } from './saver.ts'
import type { Delivery } from './session.ts'
import type { Outgoing, Sessions } from './sessions.ts'
import type { Share } from './shared-subscriptions.ts'
import type { Match } from './subscriptions.ts'

/** By client; null: it did not fit. */
export type Deliveries = ReadonlyMap<string, Delivery | null>

/** Of whom a message is for, what counts here. */
export type Recipient = Partial<Match> & { readonly clientId: string }

export interface SharedDelivery {
  readonly share: Share
  readonly delivery: Delivery | null
}

export class Outbox {
  readonly #sessions: Sessions
  readonly #saver: Saver
  readonly #host: () => Host

  constructor(sessions: Sessions, saver: Saver, host: () => Host) {
    this.#sessions = sessions
    this.#saver = saver
    this.#host = host
  }

  /** Once for each client, at the best of the levels that its filters were granted [MQTT-3.3.5-1]. */
  queue(recipients: readonly Recipient[], packet: Packet): Deliveries {
    const deliveries = new Map<string, Delivery | null>()
    if (recipients.length === 0) return deliveries
    const copies = new Map<string, Copy>()
    for (const match of recipients) {
      const { clientId } = match
      const copy = addMatch(copies.get(clientId), match, clientId, packet)
      if (copy !== undefined) copies.set(clientId, copy)
    }
    const outgoing = toOutgoing(packet)
    for (const [clientId, copy] of copies) {
      if (copy.qos === 0) continue
      const session = this.#sessions.ensure(clientId)
      deliveries.set(clientId, session === null ? null : this.#sessions.queue(session, copy, outgoing))
    }
    return deliveries
  }

  /** For shared subscriptions: each is a message of its own. Null: it is not queued. */
  queueShares(shares: readonly Share[], packet: Packet): SharedDelivery[] {
    if (shares.length === 0) return []
    const outgoing = toOutgoing(packet)
    return shares.map(share => {
      const { session, grant } = share
      const copy = addMatch(undefined, grant, session.clientId, packet)
      const isQueued = copy !== undefined && copy.qos > 0
      const delivery = isQueued ? this.#sessions.queue(session, copy, outgoing, grant.topic) : null
      return { share, delivery }
    })
  }

  /** The publish is not acknowledged after all: its sender will send it again. */
  cancel(deliveries: Iterable<Delivery | null>): void {
    for (const delivery of deliveries)
      if (delivery !== null && delivery.packetId === null) this.#sessions.remove(delivery)
  }

  /** The message is on the bus: what was queued before learns its number, and who came or went meanwhile counts. */
  enqueue(recipients: readonly Recipient[], packet: Packet, queued: Deliveries): void {
    const current = new Set(recipients.map(({ clientId }) => clientId))
    for (const [clientId, delivery] of queued) {
      if (delivery === null) continue
      if (current.has(clientId)) delivery.session.attach(delivery, packet.brokerCounter ?? 0)
      else if (delivery.packetId === null) this.#sessions.remove(delivery)
    }
    this.queue(
      recipients.filter(({ clientId }) => !queued.has(clientId)),
      packet,
    )
  }

  /** Before PUBLISH. May change the packet's identifier, when another message holds it. */
  async sent({ id }: Party, packet: Packet): Promise<void> {
    const session = this.#sessions.get(id)
    const delivery = session?.find(packet.brokerCounter ?? 0)
    if (session === undefined || delivery === undefined) return
    packet.messageId = session.markSent(delivery, packet.messageId ?? 0)
    await this.#save(delivery)
  }

  /** Before PUBREL. */
  async released({ id }: Party, { messageId = 0 }: Packet): Promise<void> {
    const delivery = this.#sessions.get(id)?.withPacketId(messageId)
    if (delivery === undefined) return
    delivery.isReleased = true
    await this.#save(delivery)
  }

  /** Returns what it was; undefined: there is no such packet, as for a retained message. */
  clear({ id }: Party, messageId: number): object | undefined {
    const delivery = this.#sessions.get(id)?.withPacketId(messageId)
    if (delivery === undefined) return undefined
    const packet = this.#toPacket(delivery)
    this.#sessions.remove(delivery)
    return packet
  }

  /** Everything that waits for a client that is back. */
  *waiting({ id }: Party): Generator<object> {
    for (const delivery of this.#sessions.get(id)?.queue.values() ?? []) yield this.#toPacket(delivery)
  }

  /** Exactly once needs the identifier after a crash; at least once does not. */
  async #save(delivery: Delivery): Promise<void> {
    this.#sessions.noteDelivery(delivery)
    if (delivery.qos === 2) await this.#saver.saved()
  }

  #toPacket(delivery: Delivery): object {
    const { id, session, topic, payload, qos, counter, packetId, isReleased, connection } = delivery
    const messageId = packetId ?? undefined
    if (isReleased) return { cmd: 'pubrel', messageId }
    return {
      cmd: 'publish',
      brokerId: delivery.brokerId ?? this.#host().id,
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

function toOutgoing(packet: Packet): Outgoing {
  const { topic, payload, brokerId, brokerCounter: counter = null, properties, messageExpiry } = packet
  return {
    topic,
    payload: ownBytes(payload),
    brokerId,
    counter,
    properties: properties === undefined ? null : ownBytes(properties),
    expiresAtMs: messageExpiry ?? null,
  }
}
