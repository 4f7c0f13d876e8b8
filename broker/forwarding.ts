/**
 * What the bus may send to a subscriber, and when.
 *
 * - The bus waits for nobody: Aedes has it wait until a subscriber has read, which lets one that is frozen stop all
 *   the others. What a subscriber has not read is bounded instead: beyond, QoS 0 is left out, and for QoS 1 and 2 the
 *   connection is closed; a session has them in its queue.
 * - Nothing is sent before CONNACK, twice, or ahead of what the session still has to send.
 * - A message goes at the best level that the client's filters were granted [MQTT-3.3.5-1], however many match.
 *
 * Leans on what Aedes 1.2.0 is inside (`deliver0`, `deliverQoS`, `subscriptions` of a client); the tests beside it tell
 * when that changes.
 */

import type { Duplex } from 'node:stream'
import type { AedesPublishPacket, Client } from 'aedes'
import type { SqlitePersistence } from './persistence/sqlite-persistence.ts'
import { matchesFilter } from './topic-filter.ts'

type Deliver = (packet: AedesPublishPacket, done: () => void) => void

interface Insides {
  deliver0: Deliver
  deliverQoS: Deliver
  readonly subscriptions: Readonly<Record<string, { readonly qos: 0 | 1 | 2 }>>
}

/** Unread by one subscriber: a burst fits, a frozen one is found out before it costs much. */
const MAX_UNREAD_BYTES = 1024 * 1024

export class Forwarding {
  readonly stats = { skipped: 0, slowClosed: 0 }
  readonly #persistence: Pick<SqlitePersistence, 'isDue'>
  readonly #greeted = new WeakSet<Client>()

  constructor(persistence: Pick<SqlitePersistence, 'isDue'>) {
    this.#persistence = persistence
  }

  /** Before the client subscribes to anything. */
  watch(client: Client): void {
    const insides = client as unknown as Insides
    const { deliver0, deliverQoS } = insides
    insides.deliver0 = (packet, done) => {
      // By another of its filters it is owed more than this one gives.
      if (packet.qos > 0 && bestGrant(client, packet.topic) > 0) {
        done()
        return
      }
      packet.qos = 0
      deliverFrom(packet, deliver0, done)
    }
    insides.deliverQoS = (packet, done) => deliverFrom(packet, deliverQoS, done)
  }

  /** CONNACK has been sent. */
  greeted(client: Client): void {
    this.#greeted.add(client)
  }

  /** For Aedes' authorizeForward; null: not now. */
  forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    // From the session's queue, or retained: these go one at a time, as the client reads.
    if (packet.messageId !== undefined) return packet
    if (!isFromBus(packet)) return atGrant(client, packet)
    if (!this.#greeted.has(client)) return null
    const isQueued = packet.qos > 0 && !client.clean
    if (isQueued && !this.#persistence.isDue(client.id, packet)) return null
    if ((client.conn as Duplex).writableLength > MAX_UNREAD_BYTES) {
      this.#tooSlow(client, packet)
      return null
    }
    if (packet.qos === 2) atGrant(client, packet)
    // DUP is between the publisher and us [MQTT-3.3.1-3].
    packet.dup = false
    return packet
  }

  #tooSlow({ conn }: Client, { qos }: AedesPublishPacket): void {
    if (qos === 0) {
      this.stats.skipped++
    } else if (!conn.destroyed) {
      this.stats.slowClosed++
      conn.destroy(new Error('the subscriber does not read'))
    }
  }
}

function deliverFrom(packet: AedesPublishPacket, deliver: Deliver, done: () => void): void {
  const isWaitedFor = !isFromBus(packet)
  deliver(packet, isWaitedFor ? done : () => undefined)
  if (!isWaitedFor) done()
}

/** Aedes takes the broker's id from retained messages before it sends them, so that they pass for no duplicates. */
function isFromBus({ brokerId }: AedesPublishPacket): boolean {
  return Boolean(brokerId)
}

/** Aedes lowers the level only for filters that are the topic itself. */
function atGrant(client: Client, packet: AedesPublishPacket): AedesPublishPacket {
  if (packet.qos > 0) packet.qos = Math.min(packet.qos, bestGrant(client, packet.topic)) as 0 | 1 | 2
  return packet
}

function bestGrant(client: Client, topic: string): 0 | 1 | 2 {
  const { subscriptions } = client as unknown as Insides
  let best: 0 | 1 | 2 = 0
  for (const filter in subscriptions) {
    const { qos } = subscriptions[filter]!
    if (qos > best && matchesFilter(filter, topic)) best = qos
  }
  return best
}
