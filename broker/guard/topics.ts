/**
 * Topic names from their bytes, each checked once: clients repeat theirs with every message. The same name is the same
 * string, so that whoever looks it up compares pointers. A table of fixed size; a newer name takes an older one's slot.
 */

import { readTopic, type TopicLimits } from './text.ts'

const SLOTS = 16_384
/** Longer ones are rare, and are read each time. */
const MAX_BYTES = 256

export class Topics {
  readonly #limits: TopicLimits
  readonly #slots: (string | undefined)[] = new Array(SLOTS).fill(undefined)

  constructor(limits: TopicLimits) {
    this.#limits = limits
  }

  /** Null: no valid topic name. */
  read(bytes: Buffer, start: number, end: number): string | null {
    if (end - start > MAX_BYTES) return readTopic(bytes, start, end, this.#limits)
    let hash = 0x811c9dc5
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
    const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1)
    const known = this.#slots[slot]
    if (known !== undefined && isSame(known, bytes, start, end)) return known
    const topic = readTopic(bytes, start, end, this.#limits)
    // Compared by character: only where these are the bytes.
    if (topic !== null && topic.length === end - start) this.#slots[slot] = topic
    return topic
  }
}

function isSame(topic: string, bytes: Buffer, start: number, end: number): boolean {
  if (topic.length !== end - start) return false
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) !== bytes[start + i]) return false
  return true
}
