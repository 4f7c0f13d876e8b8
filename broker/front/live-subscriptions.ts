/**
 * Which connected clients a message on the bus is for. Each gets it once [MQTT-3.3.4-2], whatever it matched;
 * for those with a session that lasts, a QoS 1 or 2 message is in the queue by now, and only its turn has come.
 */

import { addMatch, type Copy } from '../persistence/copy.ts'
import type { Persistence } from '../persistence/persistence.ts'
import type { Grant } from '../persistence/session.ts'
import { isShared } from '../persistence/shared-subscriptions.ts'
import { TopicTree } from '../persistence/topic-tree.ts'
import { type BusPacket, Message } from './message.ts'
import type { Outbound } from './outbound.ts'

export class LiveSubscriptions {
  readonly #persistence: Pick<Persistence, 'sharesOf' | 'sessions'>
  readonly #filters = new TopicTree<Map<Outbound, Grant>>()
  /** Another number whenever filters come or go. */
  version = 0

  constructor(persistence: Pick<Persistence, 'sharesOf' | 'sessions'>) {
    this.#persistence = persistence
  }

  add(subscriber: Outbound, grant: Grant): void {
    if (isShared(grant.topic)) return
    this.version++
    const grants = this.#filters.get(grant.topic) ?? new Map<Outbound, Grant>()
    grants.set(subscriber, grant)
    this.#filters.set(grant.topic, grants)
  }

  remove(subscriber: Outbound, filter: string): void {
    this.version++
    const grants = this.#filters.get(filter)
    grants?.delete(subscriber)
    if (grants?.size === 0) this.#filters.delete(filter)
  }

  get isEmpty(): boolean {
    return this.#filters.size === 0 && this.#persistence.sessions.shared.isEmpty
  }

  /** Whether any of them matches. */
  hears(topic: string): boolean {
    return this.#filters.matchingFilters(topic).length > 0
  }

  route(packet: BusPacket): void {
    if (this.isEmpty) return
    const shares = this.#persistence.sharesOf(packet)
    const matches = this.#filters.matchingFilters(packet.topic)
    if (matches.length === 0 && shares.length === 0) return
    const message = new Message(packet)
    for (const [subscriber, copy] of merge(matches, message)) subscriber.offer(message, copy)
    for (const { share, delivery } of shares) {
      const { subscriber } = share.session
      if (subscriber === null) continue
      if (delivery !== null) {
        subscriber.send(delivery)
        continue
      }
      const copy = addMatch(undefined, share.grant, share.session.clientId, message)
      if (copy?.qos === 0) (subscriber as Outbound).offer(message, copy)
    }
  }
}

function merge(
  matches: readonly ReadonlyMap<Outbound, Grant>[],
  message: Message,
): ReadonlyMap<Outbound, Copy> {
  const copies = new Map<Outbound, Copy>()
  for (const grants of matches) {
    for (const [subscriber, grant] of grants) {
      const copy = addMatch(copies.get(subscriber), grant, subscriber.clientId, message)
      if (copy !== undefined) copies.set(subscriber, copy)
    }
  }
  return copies
}
