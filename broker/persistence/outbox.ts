/**
 * Messages on their way to clients with a session. Each is queued once, in the order in which messages come, before
 * its publish is acknowledged (`prepare`); when the bus has it, the queue is told under which number (`enqueue`).
 */

import { addMatch, type Copy } from './copy.ts'
import { ownBytes, type Packet } from './packet.ts'
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

  constructor(sessions: Sessions) {
    this.#sessions = sessions
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
