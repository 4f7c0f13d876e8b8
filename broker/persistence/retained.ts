/** The retained messages, one a topic, bounded by count and bytes. What does not fit is not kept, and counted. */

import { TopicTree } from './topic-tree.ts'

export interface Retained {
  readonly topic: string
  readonly payload: Buffer
}

export interface RetainedLimits {
  readonly maxMessages: number
  readonly maxBytes: number
}

/** What an entry costs beside topic and payload, roughly: a small payload is not free. */
const OVERHEAD_BYTES = 128

export class RetainedMessages<T extends Retained> {
  readonly #limits: RetainedLimits
  readonly #tree = new TopicTree<T>()
  #bytes = 0
  #refused = 0

  constructor(limits: RetainedLimits) {
    this.#limits = limits
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

  get(topic: string): T | undefined {
    return this.#tree.get(topic)
  }

  /** An empty payload clears the topic [MQTT-3.3.1-10]. False: nothing changed. */
  set(message: T): boolean {
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

  matching(filter: string): Generator<T> {
    return this.#tree.matchingTopics(filter)
  }
}

function sizeOf({ topic, payload }: Retained): number {
  return topic.length + payload.length + OVERHEAD_BYTES
}
