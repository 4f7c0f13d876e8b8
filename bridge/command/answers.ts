/**
 * Answers of devices that somebody waits for. They are picked from what passes through the pipeline, never by a
 * subscription, which a frozen client could hold up. While nobody waits this costs a comparison a message.
 */

import { shownPayload } from '../live/message-stream.ts'
import type { CommandAnswer } from '../live/protocol.ts'
import type { Message } from '../telemetry/message.ts'
import type { ExpectedAnswer } from './answer-topics.ts'

/** Begin before the command is sent: the answer may be faster than the broker's word that it was taken. */
export interface AwaitedAnswer {
  /** Null: none came until `ms` from now. */
  within(ms: number): Promise<CommandAnswer | null>
  /** Nobody waits any more. */
  cancel(): void
}

interface Waiting {
  readonly expected: ExpectedAnswer
  readonly answered: (answer: CommandAnswer | null) => void
}

export class Answers {
  readonly #byTopic = new Map<string, Set<Waiting>>()
  readonly stats = { answered: 0 }

  expect(expected: ExpectedAnswer): AwaitedAnswer {
    const { promise, resolve } = Promise.withResolvers<CommandAnswer | null>()
    const waiting: Waiting = {
      expected,
      answered: answer => {
        this.#forget(waiting)
        resolve(answer)
      },
    }
    for (const topic of expected.topics) {
      const others = this.#byTopic.get(topic)
      if (others === undefined) this.#byTopic.set(topic, new Set([waiting]))
      else others.add(waiting)
    }
    return {
      async within(ms) {
        const timer = setTimeout(() => waiting.answered(null), ms)
        return promise.finally(() => clearTimeout(timer))
      },
      cancel: () => waiting.answered(null),
    }
  }

  /** For every message of a device, as it comes. */
  offer(message: Message, receivedUs: number): void {
    if (this.#byTopic.size === 0) return
    for (const waiting of this.#byTopic.get(message.topic) ?? []) {
      if (waiting.expected.isAnswer?.(message) === false) continue
      this.stats.answered++
      const { topic, payload } = message
      waiting.answered({ topic, ...shownPayload(payload), time: receivedUs / 1000 })
    }
  }

  #forget(waiting: Waiting): void {
    for (const topic of waiting.expected.topics) {
      const others = this.#byTopic.get(topic)
      others?.delete(waiting)
      if (others?.size === 0) this.#byTopic.delete(topic)
    }
  }
}
