/**
 * How a message goes to one client: once, however many of its filters match [MQTT-3.3.4-2], at the best level that they
 * were granted, with the identifiers of all of them [MQTT-3.3.4-4].
 */

import type { Grant } from './session.ts'

export interface Copy {
  qos: 0 | 1 | 2
  retain: boolean
  subscriptionIds: number[] | null
}

/** What of a message counts here. */
export interface Original {
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly clientId?: string | undefined
}

/** `copy`: what other filters made of it; undefined: this is the first. Undefined again: this one does not count. */
export function addMatch(
  copy: Copy | undefined,
  { qos, nl, rap, subscriptionIdentifier }: Partial<Grant>,
  clientId: string,
  original: Original,
): Copy | undefined {
  // [MQTT-3.8.3-3]: not back to its sender.
  if (nl === true && original.clientId === clientId) return copy
  const level = Math.min(qos ?? 2, original.qos) as 0 | 1 | 2
  // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
  const retain = rap === true && original.retain
  if (copy === undefined) {
    return {
      qos: level,
      retain,
      subscriptionIds: subscriptionIdentifier === undefined ? null : [subscriptionIdentifier],
    }
  }
  if (level > copy.qos) copy.qos = level
  copy.retain ||= retain
  if (subscriptionIdentifier !== undefined) {
    copy.subscriptionIds ??= []
    copy.subscriptionIds.push(subscriptionIdentifier)
  }
  return copy
}
