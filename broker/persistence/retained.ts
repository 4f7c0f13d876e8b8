/** The retained messages, one a topic, bounded by count and bytes. What does not fit is not kept, and counted. */

import type { RetainedRow } from './database.ts'
import { asBuffer, ownBytes, type Packet } from './packet.ts'
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
  readonly #tree = new TopicTree<Retained>()
  #bytes = 0
  #refused = 0

  constructor(limits: RetainedLimits, saver: Saver) {
    this.#limits = limits
    this.#saver = saver
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
    for (const { topic, payload, qos } of rows)
      this.#set({ cmd: 'publish', topic, payload: asBuffer(payload), qos: qos as 0 | 1 | 2, retain: true })
  }

  keep(message: Retained): void {
    const { topic } = message
    if (!this.#set({ ...message, payload: ownBytes(message.payload) })) return
    this.#saver.note(`retained ${topic}`, {
      change: () => {
        const kept = this.#tree.get(topic)
        if (kept === undefined) return { kind: 'no-retained', topic }
        return { kind: 'retained', topic, payload: kept.payload, qos: kept.qos }
      },
    })
  }

  *matching(filters: readonly string[]): Generator<Retained> {
    for (const filter of filters) yield* this.#tree.matchingTopics(filter)
  }

  /** An empty payload clears the topic [MQTT-3.3.1-10]. False: nothing changed. */
  #set(message: Retained): boolean {
    const { topic, payload } = message
    const before = this.#tree.get(topic)
    const freed = before === undefined ? 0 : sizeOf(before)
    if (payload.length === 0) {
      if (before === undefined) return false
      this.#tree.delete(topic)
      this.#bytes -= freed
      return true
    }
    const bytes = this.#bytes - freed + sizeOf(message)
    const isFull = before === undefined && this.#tree.size >= this.#limits.maxMessages
    if (isFull || bytes > this.#limits.maxBytes) {
      this.#refused++
      return false
    }
    this.#tree.set(topic, message)
    this.#bytes = bytes
    return true
  }
}

function sizeOf({ topic, payload }: Retained): number {
  return topic.length + payload.length + OVERHEAD_BYTES
}
