/**
 * What clients publish, of whatever protocol version: judged, taken, kept for those who sleep, and told to those who
 * listen.
 *
 *   take --may it?--> accept (the spool) --on the disk--> its client's turn --> acknowledged --> publish --> bus
 */

import type { Aedes } from 'aedes'
import type { Access } from './access.ts'
import type { Audience } from './audience.ts'
import type { Accepted, Delivery } from './delivery.ts'
import { isTopicWelcome } from './front/filters.ts'
import type { TopicLimits } from './guard/text.ts'
import type { Persistence } from './persistence/persistence.ts'

/** On its way to subscribers. */
export interface BusPublication {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly clientId: string
  readonly properties?: Buffer | undefined
  readonly messageExpiry?: number | undefined
}

/** `forbidden` and `invalid` are counted, and will not get better. */
export type Taken = Accepted | 'invalid'

export interface IntakeParts {
  readonly aedes: Aedes
  readonly audience: Audience
  readonly persistence: Persistence
  readonly limits: TopicLimits
  readonly accept: (delivery: Delivery) => Accepted
  readonly refuse: (delivery: Delivery) => void
  readonly repeat: (delivery: Delivery) => Promise<void> | null
  readonly log: { error(fields: object, text: string): void }
}

/** Topics of the broker itself and of Trestle: not for clients to publish. Aedes acts on some `$SYS` messages. */
const RESERVED_TOPIC = /^(\$SYS|trestle)(\/|$)/

export class Intake {
  readonly stats = { forbidden: 0, received: 0 }
  readonly #parts: IntakeParts
  #lastAccepted: Promise<void> | null = null

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Resolves when what was taken is stored, or never will be. */
  async settled(): Promise<void> {
    await this.#lastAccepted?.catch(() => undefined)
  }

  /**
   * Before anything is prepared: what is forbidden, for its topic or its payload, leaves nothing but its count.
   * `isKnownTopic`: that it is within the limits is known.
   */
  take(access: Access | null, delivery: Delivery, isKnownTopic: boolean): Taken {
    const { topic, payload, retain, identity } = delivery
    if (!isKnownTopic && !isTopicWelcome(topic, this.#parts.limits)) {
      this.#parts.refuse(delivery)
      return 'invalid'
    }
    if (isReserved(topic) || access?.mayPublish(topic) !== true) {
      this.stats.forbidden++
      this.#parts.refuse(delivery)
      return 'forbidden'
    }
    this.stats.received++
    const accepted = this.#parts.accept(delivery)
    if (accepted === 'forbidden') return accepted
    if (retain) this.#parts.persistence.owners.publishes(payload, identity)
    if (accepted !== null) this.#lastAccepted = accepted
    return accepted
  }

  /** It was taken before, and comes again. */
  repeat(delivery: Delivery): Promise<void> | null {
    this.stats.received++
    return this.#parts.repeat(delivery)
  }

  /** Whether it means something to anybody who is there, sleeps, or will come. */
  isWanted(topic: string, retain: boolean): boolean {
    const { audience, persistence } = this.#parts
    const { sessions } = persistence
    return retain || audience.hears(topic) || !sessions.shared.isEmpty || sessions.matching(topic).length > 0
  }

  /** To the bus, in the order of the calls. */
  publish({ topic, payload, qos, retain, clientId, properties, messageExpiry }: BusPublication): void {
    const packet = {
      cmd: 'publish' as const,
      topic,
      payload,
      qos,
      retain,
      dup: false,
      clientId,
      ...(properties === undefined ? {} : { properties }),
      ...(messageExpiry === undefined ? {} : { messageExpiry }),
    }
    this.#parts.aedes.publish(packet as unknown as Parameters<Aedes['publish']>[0], error => {
      if (error) this.#parts.log.error({ err: error, topic }, 'mqtt: could not publish')
    })
  }
}

function isReserved(topic: string): boolean {
  const first = topic.charCodeAt(0)
  return (first === 0x24 || first === 0x74) && RESERVED_TOPIC.test(topic)
}
