/**
 * Who queues for which topics: the granted filters above QoS 0, of all sessions; and those of QoS 0 with a subscription
 * identifier, which is told with what another filter has queued [MQTT-3.3.4-4].
 */

import type { Grant } from './session.ts'
import { TopicTree } from './topic-tree.ts'

export interface Match extends Grant {
  readonly clientId: string
}

const NONE: readonly Match[] = []

export class Subscriptions {
  /** By filter, then by client. */
  readonly #filters = new TopicTree<Map<string, Match>>()
  #count = 0

  get count(): number {
    return this.#count
  }

  matching(topic: string): readonly Match[] {
    if (this.#count === 0) return NONE
    const found: Match[] = []
    for (const matches of this.#filters.matchingFilters(topic)) found.push(...matches.values())
    return found
  }

  add(clientId: string, grant: Grant): void {
    if (!isOfInterest(grant)) return
    const matches = this.#filters.get(grant.topic) ?? new Map<string, Match>()
    matches.set(clientId, { clientId, ...grant })
    this.#filters.set(grant.topic, matches)
    this.#count++
  }

  /** As it was added. */
  remove(clientId: string, grant: Grant): void {
    if (!isOfInterest(grant)) return
    const { topic } = grant
    const matches = this.#filters.get(topic)
    if (matches?.delete(clientId)) this.#count--
    if (matches?.size === 0) this.#filters.delete(topic)
  }
}

function isOfInterest({ qos, subscriptionIdentifier }: Grant): boolean {
  return qos > 0 || subscriptionIdentifier !== undefined
}
