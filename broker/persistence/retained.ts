/** The retained messages, one a topic, bounded by count and bytes. What does not fit is not kept, and counted. */

import type { RetainedRow } from './database.ts'
import { OURSELVES, type Owners } from './owners.ts'
import { asBuffer, isExpired, ownBytes, type Packet } from './packet.ts'
import type { Saver } from './saver.ts'
import { Shares } from './shares.ts'
import { TopicTree } from './topic-tree.ts'

export type Retained = Packet & { readonly payload: Buffer }

export interface RetainedLimits {
  readonly maxMessages: number
  readonly maxBytes: number
}

interface Kept {
  readonly message: Retained
  readonly owner: string | null
}

/** What an entry costs beside topic and payload, roughly: a small payload is not free. */
const OVERHEAD_BYTES = 128

export class RetainedMessages {
  readonly #saver: Saver
  readonly #owners: Owners
  readonly #tree = new TopicTree<Kept>()
  readonly #messages: Shares
  readonly #bytes: Shares
  #refused = 0
  /** Topics of those that expire. */
  readonly #expiring = new Set<string>()

  constructor(limits: RetainedLimits, saver: Saver, owners: Owners) {
    this.#messages = new Shares(limits.maxMessages)
    this.#bytes = new Shares(limits.maxBytes)
    this.#saver = saver
    this.#owners = owners
  }

  get count(): number {
    return this.#tree.size
  }

  get bytes(): number {
    return this.#bytes.total
  }

  get refused(): number {
    return this.#refused
  }

  restore(rows: readonly RetainedRow[]): void {
    for (const { topic, payload, qos, properties, expiresAtMs } of rows) {
      const message = {
        cmd: 'publish' as const,
        topic,
        payload: asBuffer(payload),
        qos: qos as 0 | 1 | 2,
        retain: true,
        properties: asBuffer(properties) ?? undefined,
        messageExpiry: expiresAtMs ?? undefined,
      }
      this.#set({ message, owner: this.#owners.ofTopic(topic) })
    }
  }

  keep(message: Retained): void {
    const { topic } = message
    const owner = this.#owners.publisherOf(message.payload)
    // Accepted before it was revoked, and come this far after.
    if (owner !== null && owner !== OURSELVES && this.#owners.accessOf(owner) === null) return
    const own = message.properties === undefined ? {} : { properties: ownBytes(message.properties) }
    const kept = { ...message, ...own, payload: ownBytes(message.payload) }
    if (!this.#set({ message: kept, owner })) return
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
      for (const { message } of this.#tree.matchingTopics(filter)) if (!isExpired(message)) yield message
  }

  /** Forgets what nobody wants any more [MQTT-3.3.2-5]. */
  sweep(): void {
    for (const topic of this.#expiring) {
      if (!isExpired(this.#tree.get(topic)!.message)) continue
      this.drop(topic)
    }
  }

  #note(topic: string): void {
    this.#saver.note(`retained ${topic}`, {
      change: () => {
        const kept = this.#tree.get(topic)
        if (kept === undefined) return { kind: 'no-retained', topic }
        const { payload, qos, properties = null, messageExpiry: expiresAtMs = null } = kept.message
        return { kind: 'retained', topic, payload, qos, properties, expiresAtMs }
      },
    })
  }

  /** An empty payload clears the topic [MQTT-3.3.1-10]. False: nothing changed. */
  #set(kept: Kept): boolean {
    const { message, owner } = kept
    const { topic, payload } = message
    const before = this.#tree.get(topic)
    this.#remove(topic)
    if (payload.length === 0) return before !== undefined
    const bytes = sizeOf(message)
    if (!this.#messages.hasRoom(owner, 1) || !this.#bytes.hasRoom(owner, bytes)) {
      this.#refused++
      if (before !== undefined) this.#put(before)
      return false
    }
    this.#put(kept)
    return true
  }

  #put(kept: Kept): void {
    const { message, owner } = kept
    this.#tree.set(message.topic, kept)
    this.#messages.take(owner, 1)
    this.#bytes.take(owner, sizeOf(message))
    if (message.messageExpiry !== undefined) this.#expiring.add(message.topic)
  }

  #remove(topic: string): void {
    const kept = this.#tree.get(topic)
    if (kept === undefined) return
    this.#tree.delete(topic)
    this.#messages.giveBack(kept.owner, 1)
    this.#bytes.giveBack(kept.owner, sizeOf(kept.message))
    this.#expiring.delete(topic)
  }
}

function sizeOf({ topic, payload, properties }: Retained): number {
  return topic.length + payload.length + (properties?.length ?? 0) + OVERHEAD_BYTES
}
