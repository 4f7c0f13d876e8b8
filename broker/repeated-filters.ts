/**
 * A SUBSCRIBE that names a filter twice is owed a code for each [MQTT-3.8.4-4] [MQTT-3.8.4-5]. Aedes joins filters that
 * are equal, so that later codes move up to places where they do not belong. As objects, no two filters are equal.
 */

import type { Client, Subscription } from 'aedes'

interface Insides {
  readonly _parser: {
    prependListener(
      event: 'packet',
      listen: (packet: { cmd: string; subscriptions?: Filter[] }) => void,
    ): void
  }
}

interface Filter {
  topic: string
}

/** Before the client has sent a SUBSCRIBE. */
export function keepRepeatedFilters(client: Client): void {
  const { _parser: parser } = client as unknown as Insides
  parser.prependListener('packet', ({ cmd, subscriptions }) => {
    if (cmd !== 'subscribe' || subscriptions === undefined) return
    const seen = new Set<string>()
    for (const subscription of subscriptions) {
      const { topic } = subscription
      if (seen.has(topic)) subscription.topic = Object(topic) as string
      seen.add(topic)
    }
  })
}

/** Afterwards they are text again. */
export function asText(subscription: Subscription): Subscription {
  if (typeof subscription.topic !== 'string') subscription.topic = String(subscription.topic)
  return subscription
}
