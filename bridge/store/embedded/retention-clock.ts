/**
 * The time by which retention goes. What it unlinks is gone, and a wall clock can be wrong: set by hand, by an empty
 * battery, by a bad server. So a clock that is suddenly ahead is believed only after it has stayed there for
 * BELIEVED_AFTER_MS of running time; until then, time passes here as the monotonic clock says. A clock that goes back is
 * believed at once: that keeps more.
 *
 * The price: a machine that was off for long keeps what has grown old meanwhile for a day more.
 */

/** Ahead by more is a jump. Days go as a whole anyway; one more or less is what a mistake may cost. */
const JUMP_MS = 86_400_000
const BELIEVED_AFTER_MS = 86_400_000

/** Kept on the disk: a restart must not make a jump pass for the truth. */
export interface ClockState {
  /** Milliseconds since the epoch. */
  readonly timeMs: number
  /** How long the wall clock has been ahead. */
  readonly aheadMs: number
}

export class RetentionClock {
  readonly #wallMs: () => number
  readonly #uptimeMs: () => number
  #timeMs: number
  #aheadMs: number
  #askedMs: number

  /** `saved` null: nothing is known of an earlier run. `uptimeMs` is monotonic. */
  constructor(saved: ClockState | null, wallMs: () => number, uptimeMs: () => number) {
    this.#wallMs = wallMs
    this.#uptimeMs = uptimeMs
    this.#timeMs = saved?.timeMs ?? wallMs()
    this.#aheadMs = saved?.aheadMs ?? 0
    this.#askedMs = uptimeMs()
  }

  get state(): ClockState {
    return { timeMs: this.#timeMs, aheadMs: this.#aheadMs }
  }

  /** Milliseconds since the epoch. */
  now(): number {
    const uptimeMs = this.#uptimeMs()
    const passedMs = uptimeMs - this.#askedMs
    this.#askedMs = uptimeMs
    const wallMs = this.#wallMs()
    const isAhead = wallMs > this.#timeMs + passedMs + JUMP_MS
    this.#aheadMs = isAhead ? this.#aheadMs + passedMs : 0
    if (isAhead && this.#aheadMs < BELIEVED_AFTER_MS) this.#timeMs += passedMs
    else this.#timeMs = wallMs
    return this.#timeMs
  }
}
