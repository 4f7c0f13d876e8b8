/**
 * What clients publish, of whatever protocol version: judged, taken, kept for those who sleep, and told to those who
 * listen.
 *
 *   take --may it?--> accept (the spool) --on the disk--> its client's turn --> acknowledged --> publish --> bus
 *           +-- prepare: retained, and in the queues of sessions, on the disk before the acknowledgement as well
 */

import type { Aedes } from 'aedes'
import type { Access } from './access.ts'
import type { Audience } from './audience.ts'
import type { Accepted, Delivery } from './broker.ts'
import type { Prepared, SqlitePersistence } from './persistence/sqlite-persistence.ts'

/** Of MQTT 3.1 and 3.1.1. */
export type PlainDelivery = Omit<Delivery, 'properties'>

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

export interface IntakeParts {
  readonly aedes: Aedes
  readonly audience: Audience
  readonly persistence: SqlitePersistence
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

  /** Before anything is prepared: what is forbidden, for its topic or its payload, leaves nothing but its count. */
  take(access: Access | null, delivery: Delivery): Accepted {
    const { topic, payload, retain, identity } = delivery
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

  /** Null: it leaves nothing behind. */
  prepare(delivery: PlainDelivery): Prepared | null {
    return this.#parts.persistence.prepare(delivery)
  }

  /** It is not acknowledged after all. */
  cancel(prepared: Prepared): void {
    this.#parts.persistence.cancel(prepared)
  }

  /** Whether publishing it means something to anybody who is there, or will come; for sleepers, see `prepare`. */
  isHeard({ topic, retain }: Pick<Delivery, 'topic' | 'retain'>): boolean {
    const { audience, persistence } = this.#parts
    return retain || audience.hears(topic) || !persistence.sessions.shared.isEmpty
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
