/** The message stream as the page keeps it: the newest few, and a count of all. */

import { signal } from '@preact/signals'
import type { LiveMessage } from '../../../bridge/live/protocol.ts'
import { type Outcome, outcomeOf, type Payload, payloadOf } from '../words/message.ts'
import { live } from './connection.ts'

const MOST_KEPT = 200
const MAX_HZ = 4
/** Seconds that the rate shows. */
export const RATE_SECONDS = 60

export interface ListedMessage {
  readonly key: number
  readonly message: LiveMessage
  readonly outcome: Outcome
  readonly payload: Payload
  readonly size: number
}

export type OutcomeFilter = 'all' | Outcome['kind']

export class MessageList {
  /** Newest first. */
  readonly shown = signal<readonly ListedMessage[]>([])
  readonly newSince = signal(0)
  readonly refusal = signal('')
  /** Messages in each of the last seconds; the newest is the last. */
  readonly perSecond = new Uint32Array(RATE_SECONDS)
  outcomes: OutcomeFilter = 'all'
  #isPaused = false
  #all: readonly ListedMessage[] = []
  #nextKey = 1
  #second = 0
  #subscription: { close(): void } | null = null

  follow(filter: string): void {
    this.close()
    this.#all = []
    this.shown.value = []
    this.newSince.value = 0
    this.refusal.value = ''
    this.#subscription = live.subscribeMessages({
      topics: [filter],
      maxHz: MAX_HZ,
      onMessages: (messages, frame) => this.#take(messages, frame.skipped),
      onError: error => {
        this.refusal.value = error.message
      },
    })
  }

  /** The list stands still; what comes is counted. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
    if (!isPaused) this.refresh()
  }

  refresh(): void {
    this.newSince.value = 0
    this.shown.value = this.#all.filter(({ outcome }) => this.outcomes === 'all' || outcome.kind === this.outcomes)
  }

  close(): void {
    this.#subscription?.close()
    this.#subscription = null
  }

  #take(messages: readonly LiveMessage[], skipped: number): void {
    this.#count(messages.length + skipped)
    const news = messages.slice(-MOST_KEPT).map(message => {
      const payload = payloadOf(message)
      const size = message.cutFrom ?? payload.bytes.length
      return { key: this.#nextKey++, message, outcome: outcomeOf(message.result), payload, size }
    })
    this.#all = [...news.reverse(), ...this.#all].slice(0, MOST_KEPT)
    if (this.#isPaused) this.newSince.value += messages.length + skipped
    else this.refresh()
  }

  /** Moves the seconds on; also called when nothing comes. */
  #count(messages: number): void {
    this.turn()
    this.perSecond[RATE_SECONDS - 1]! += messages
  }

  turn(): void {
    const second = Math.floor(performance.now() / 1000)
    const passed = Math.min(RATE_SECONDS, second - this.#second)
    if (passed <= 0) return
    this.#second = second
    this.perSecond.copyWithin(0, passed)
    this.perSecond.fill(0, RATE_SECONDS - passed)
  }
}
