/**
 * Devices that were taken out. What the store has of them until then is history, and no device; it stays theirs, so
 * where they were heard is kept: nobody else is to go on with it by taking the name.
 */

import { MAX_TOPICS_KEPT } from './device.ts'

export interface Departure {
  /** Microseconds since the epoch. */
  readonly untilUs: number
  /** Where it was heard, or the first of many; empty: that was not kept. */
  readonly topics: readonly string[]
  /** What it was called, unless that was its id. */
  readonly name?: string
}

const NO_TOPICS: readonly string[] = []

export class ForgottenDevices {
  /** Oldest first. */
  readonly #departures = new Map<string, Departure>()

  get size(): number {
    return this.#departures.size
  }

  /** 0: it was never forgotten. */
  untilUs(id: string): number {
    return this.#departures.get(id)?.untilUs ?? 0
  }

  topicsOf(id: string): readonly string[] {
    return this.#departures.get(id)?.topics ?? NO_TOPICS
  }

  nameOf(id: string): string | null {
    return this.#departures.get(id)?.name ?? null
  }

  /** Also once more, when it was back. A clock that was set back makes no time earlier. */
  add(id: string, untilUs: number, topics: readonly string[], name?: string): Departure {
    const calledLast = name ?? this.#departures.get(id)?.name
    const departure: Departure = {
      untilUs: Math.max(untilUs, this.untilUs(id)),
      topics: topics.length > 0 ? topics.slice(0, MAX_TOPICS_KEPT) : this.topicsOf(id),
      ...(calledLast !== undefined && { name: calledLast }),
    }
    this.#departures.delete(id)
    this.#departures.set(id, departure)
    return departure
  }

  /** Takes the oldest out. */
  shift(): string | undefined {
    const [oldest] = this.#departures.keys()
    if (oldest !== undefined) this.#departures.delete(oldest)
    return oldest
  }

  entries(): Iterable<readonly [id: string, departure: Departure]> {
    return this.#departures
  }
}
