/**
 * Shared subscriptions (4.8.2): `$share/<name>/<filter>`. Of all sessions that hold one, each message goes to a single
 * one: to those that are connected in turn, and to one that sleeps only when no other is there.
 */

import type { Grant, Session } from './session.ts'
import { TopicTree } from './topic-tree.ts'

/** Who gets a message for a shared subscription. */
export interface Share {
  readonly session: Session
  readonly grant: Grant
}

interface Group {
  readonly members: Share[]
  turn: number
}

const PREFIX = '$share/'
const NONE: readonly Share[] = []

export class SharedSubscriptions {
  /** By filter, then by the whole subscription. */
  readonly #groups = new TopicTree<Map<string, Group>>()

  get isEmpty(): boolean {
    return this.#groups.size === 0
  }

  add(session: Session, grant: Grant): void {
    const filter = plainFilter(grant.topic)
    const groups = this.#groups.get(filter) ?? new Map<string, Group>()
    const group = groups.get(grant.topic) ?? { members: [], turn: 0 }
    group.members.push({ session, grant })
    groups.set(grant.topic, group)
    this.#groups.set(filter, groups)
  }

  remove(session: Session, { topic }: Grant): void {
    const filter = plainFilter(topic)
    const groups = this.#groups.get(filter)
    const group = groups?.get(topic)
    const at = group?.members.findIndex(member => member.session === session) ?? -1
    if (at === -1) return
    group!.members.splice(at, 1)
    if (group!.members.length === 0) groups!.delete(topic)
    if (groups!.size === 0) this.#groups.delete(filter)
  }

  /** One of each that the topic matches. `qos` 0: nobody who sleeps. */
  choose(topic: string, qos: number): readonly Share[] {
    if (this.isEmpty) return NONE
    const shares: Share[] = []
    for (const groups of this.#groups.matchingFilters(topic)) {
      for (const group of groups.values()) {
        const share = chooseMember(group, qos)
        if (share !== null) shares.push(share)
      }
    }
    return shares
  }

  /** Another for what its first receiver will not get any more. */
  chooseOf(subscription: string, qos: number): Share | null {
    const group = this.#groups.get(plainFilter(subscription))?.get(subscription)
    return group === undefined ? null : chooseMember(group, qos)
  }
}

export function isShared(filter: string): boolean {
  return filter.startsWith(PREFIX)
}

/** Null: it is none that can be [MQTT-4.8.2-1], [MQTT-4.8.2-2]. */
export function sharedFilter(subscription: string): string | null {
  const end = subscription.indexOf('/', PREFIX.length)
  const name = end === -1 ? '' : subscription.slice(PREFIX.length, end)
  const filter = subscription.slice(end + 1)
  return name === '' || filter === '' || /[+#]/.test(name) ? null : filter
}

/** What a subscription reads, shared or not. */
export function plainFilter(subscription: string): string {
  return isShared(subscription) ? (sharedFilter(subscription) ?? subscription) : subscription
}

/** In turn, of those that are connected the one with the least before it; else of those that sleep. */
function chooseMember(group: Group, qos: number): Share | null {
  const { members } = group
  let best: Share | null = null
  for (let i = 0; i < members.length; i++) {
    const member = members[(group.turn + i) % members.length]!
    const { session } = member
    const isAwake = session.subscriber !== null
    if (!isAwake && (session.isVolatile || session.isConnected || qos === 0 || member.grant.qos === 0))
      continue
    if (best === null || isBetter(session, best.session)) best = member
  }
  if (best !== null) group.turn = (members.indexOf(best) + 1) % members.length
  return best
}

function isBetter(session: Session, than: Session): boolean {
  const isAwake = session.subscriber !== null
  const wasAwake = than.subscriber !== null
  return isAwake === wasAwake ? session.waiting < than.waiting : isAwake
}
