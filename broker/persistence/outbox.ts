/**
 * Messages on their way to clients with a session. Each is queued once, in the order in which messages come, before
 * its publish is acknowledged (`prepare`); when the bus has it, the queue is told under which number (`enqueue`); when
 * it is sent, under which packet identifier (`sent`); then it is released (PUBREC) and cleared (PUBACK, PUBCOMP).
 */

import { Readable } from 'node:stream'
import { addMatch, type Copy } from './copy.ts'
import { type Host, ownBytes, type Packet, type Party } from './packet.ts'
import { QueueStream } from './queue-stream.ts'
import type { Saver } from './saver.ts'
import type { Delivery, Session } from './session.ts'
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
  async sent(party: Party, packet: Packet): Promise<void> {
    if (isGone(party)) return
    const session = this.#sessions.get(party.id)
    const delivery = session?.find(packet.brokerCounter ?? 0)
    // A retained message, sent at SUBSCRIBE, has no place in the queue; nor has what did not fit.
    if (session === undefined || delivery === undefined) return
    const { messageId = 0 } = packet
    const { owed } = session
    const isNews = delivery.packetId !== messageId
    packet.messageId = session.markSent(delivery, messageId)
    await this.#saveStep(delivery, isNews)
    await this.#inTurn(session, delivery, owed)
  }

  /** Before PUBREL. */
  async released(party: Party, { messageId = 0 }: Packet): Promise<void> {
    if (isGone(party)) return
    const session = this.#sessions.get(party.id)
    const delivery = session?.withPacketId(messageId)
    if (session === undefined || delivery === undefined) return
    const { owed } = session
    const isNews = !delivery.isReleased
    delivery.isReleased = true
    await this.#saveStep(delivery, isNews)
    await this.#inTurn(session, delivery, owed)
  }

  /** Returns what it was; undefined: there is no such packet, as for a retained message. */
  clear(party: Party, messageId: number): object | undefined {
    if (isGone(party)) return undefined
    const delivery = this.#sessions.get(party.id)?.withPacketId(messageId)
    if (delivery === undefined) return undefined
    const packet = this.#toPacket(delivery)
    this.#sessions.remove(delivery)
    return packet
  }

  /** Everything that waits for a client that is back. */
  stream({ id }: Party): Readable {
    const session = this.#sessions.get(id)
    if (session === undefined) return Readable.from([])
    const stream = new QueueStream(session, this.#sessions, delivery => this.#toPacket(delivery))
    session.catchUp(stream)
    return stream
  }

  /**
   * Exactly once needs the identifier after a crash; at least once does not, but waits for it: messages are sent in the
   * order in which they would be sent again [MQTT-4.6.0-1].
   */
  async #saveStep(delivery: Delivery, isNews: boolean): Promise<void> {
    const { session, qos } = delivery
    if (isNews) this.#sessions.noteDelivery(delivery)
    if (isNews && qos === 2) session.sending = this.#saver.saved()
    const saved = session.sending
    if (saved === null) return
    await saved
    if (session.sending === saved) session.sending = null
  }

  /** Nothing from the bus overtakes what the stream gave; Aedes writes in the microtasks that follow. */
  async #inTurn(session: Session, delivery: Delivery, owed: Set<Delivery>): Promise<void> {
    await session.olderWritten(delivery, owed)
    if (owed.has(delivery)) setImmediate(() => session.written(delivery, owed))
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

/** Aedes goes on for a while with a connection that is gone: what it would send, or drop, is for the next one. */
function isGone({ closed = false }: Party): boolean {
  return closed
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
