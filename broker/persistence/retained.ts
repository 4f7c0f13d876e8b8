/** The retained messages, one a topic, bounded by count and bytes. What does not fit is not kept, and counted. */

import type { RetainedRow } from './database.ts'
import { OURSELVES, type Owners } from './owners.ts'
import { asBuffer, isExpired, ownBytes, type Packet } from './packet.ts'
import type { Saver } from './saver.ts'
import { TopicTree } from './topic-tree.ts'

export type Retained = Packet & { readonly payload: Buffer }

export interface RetainedLimits {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** What an entry costs beside topic and payload, roughly: a small payload is not free. */
const OVERHEAD_BYTES = 128

export class RetainedMessages {
  readonly #limits: RetainedLimits
  readonly #saver: Saver
  readonly #owners: Owners
  readonly #tree = new TopicTree<Retained>()
  #bytes = 0
  #refused = 0
  /** Topics of those that expire. */
  readonly #expiring = new Set<string>()

  constructor(limits: RetainedLimits, saver: Saver, owners: Owners) {
    this.#limits = limits
    this.#saver = saver
    this.#owners = owners
  }

  get count(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get refused(): number {
    return this.#refused
  }

  restore(rows: readonly RetainedRow[]): void {
    for (const { topic, payload, qos, properties, expiresAtMs } of rows) {
      this.#set({
        cmd: 'publish',
        topic,
        payload: asBuffer(payload),
        qos: qos as 0 | 1 | 2,
        retain: true,
        properties: asBuffer(properties) ?? undefined,
        messageExpiry: expiresAtMs ?? undefined,
      })
    }
  }

  keep(message: Retained): void {
    const { topic } = message
    const owner = this.#owners.publisherOf(message.payload)
    // Accepted before it was revoked, and come this far after.
    if (owner !== null && owner !== OURSELVES && this.#owners.accessOf(owner) === null) return
    const own = message.properties === undefined ? {} : { properties: ownBytes(message.properties) }
    if (!this.#set({ ...message, ...own, payload: ownBytes(message.payload) })) return
    // Status of the broker itself: another run has its own.
    if (topic.startsWith('$SYS/')) return
    this.#owners.keepTopic(topic, this.#tree.get(topic) === undefined ? null : owner)
    this.#note(topic)
  }

  topics(): Iterable<string> {
    return this.#tree.paths()
  }

  drop(topic: string): void {
    this.#remove(topic)
    this.#owners.keepTopic(topic, null)
    this.#note(topic)
  }

  *matching(filters: readonly string[]): Generator<Retained> {
    for (const filter of filters)
      for (const message of this.#tree.matchingTopics(filter)) if (!isExpired(message)) yield message
  }

  /** Forgets what nobody wants any more [MQTT-3.3.2-5]. */
  sweep(): void {
    for (const topic of this.#expiring) {
      if (!isExpired(this.#tree.get(topic)!)) continue
      this.drop(topic)
    }
  }

  #note(topic: string): void {
    this.#saver.note(`retained ${topic}`, {
      change: () => {
        const kept = this.#tree.get(topic)
        if (kept === undefined) return { kind: 'no-retained', topic }
        const { payload, qos, properties = null, messageExpiry: expiresAtMs = null } = kept
        return { kind: 'retained', topic, payload, qos, properties, expiresAtMs }
      },
    })
  }

  /** An empty payload clears the topic [MQTT-3.3.1-10]. False: nothing changed. */
  #set(message: Retained): boolean {
    const { topic, payload } = message
    const before = this.#tree.get(topic)
    const freed = before === undefined ? 0 : sizeOf(before)
    if (payload.length === 0) {
      if (before === undefined) return false
      this.#remove(topic)
      return true
    }
    const bytes = this.#bytes - freed + sizeOf(message)
    const isFull = before === undefined && this.#tree.size >= this.#limits.maxMessages
    if (isFull || bytes > this.#limits.maxBytes) {
      this.#refused++
      return false
    }
    if (before !== undefined) this.#remove(topic)
    this.#tree.set(topic, message)
    this.#bytes = bytes
    if (message.messageExpiry !== undefined) this.#expiring.add(topic)
    return true
  }

  #remove(topic: string): void {
    const message = this.#tree.get(topic)
    if (message === undefined) return
    this.#tree.delete(topic)
    this.#bytes -= sizeOf(message)
    this.#expiring.delete(topic)
  }
}

function sizeOf({ topic, payload, properties }: Retained): number {
  return topic.length + payload.length + (properties?.length ?? 0) + OVERHEAD_BYTES
}
