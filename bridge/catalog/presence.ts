/**
 * Whether a device is there: by its own word (a birth, a last will, its gateway), or by its silence.
 *
 *   said that it is gone                              -> false
 *   silent for longer than it declared                -> false   `expire_after` and the like
 *   said that it is there                             -> true    its broker or gateway notices when it is not
 *   silent for three times its longest usual gap      -> false   from its own last gaps, at least 10 s, 1 h for events
 *   heard in time                                     -> true
 *   otherwise                                         -> null
 *
 * All of it by the clock that cannot be set: a jump of the wall clock makes nobody disappear. Silence counts from
 * when we were listening: a bridge that was stopped, or cut off from its broker, has heard nothing of anybody.
 */

import { Rhythm } from '../telemetry/rhythm.ts'

export interface Hearing {
  readonly nowMs: number
  readonly listeningSinceMs: number
}

export interface Availability {
  readonly available: boolean | null
  readonly availableBy: 'word' | 'silence' | null
}

/** For the way of a message, on top of what was declared. */
const SLACK_MS = 2_000

export class Presence {
  readonly #rhythm = new Rhythm()
  #said: boolean | null = null
  #declaredMs: number | null = null
  #heardAtMs: number | null = null
  /** What live clients were told last; undefined: nothing. */
  told: boolean | null | undefined

  say(available: boolean): void {
    this.#said = available
  }

  /** The longest that any of its fields declares: the others may speak more often. */
  declare(seconds: number): void {
    this.#declaredMs = Math.max(this.#declaredMs ?? 0, seconds * 1000)
  }

  /** Seconds; null: nothing was declared. */
  get declaredS(): number | null {
    return this.#declaredMs === null ? null : this.#declaredMs / 1000
  }

  heard(nowMs: number): void {
    this.#heardAtMs = nowMs
    this.#rhythm.heard(nowMs)
  }

  /** `speaksOfEvents` is asked only where it decides. */
  at(hearing: Hearing, speaksOfEvents: () => boolean): Availability {
    if (this.#said === false) return { available: false, availableBy: 'word' }
    const silentMs = hearing.nowMs - Math.max(this.#heardAtMs ?? 0, hearing.listeningSinceMs)
    if (this.#declaredMs !== null && silentMs > this.#declaredMs + SLACK_MS)
      return { available: false, availableBy: 'silence' }
    if (this.#said === true) return { available: true, availableBy: 'word' }
    if (this.#heardAtMs === null) return { available: null, availableBy: null }
    const deadlineMs = this.#declaredMs ?? this.#learnedDeadlineMs(silentMs, speaksOfEvents)
    if (deadlineMs === null) return { available: null, availableBy: null }
    return { available: silentMs <= deadlineMs + SLACK_MS, availableBy: 'silence' }
  }

  #learnedDeadlineMs(silentMs: number, speaksOfEvents: () => boolean): number | null {
    const deadlineMs = this.#rhythm.deadlineMs()
    if (deadlineMs === null || silentMs <= deadlineMs) return deadlineMs
    return this.#rhythm.deadlineMs(speaksOfEvents())
  }
}
