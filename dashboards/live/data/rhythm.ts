/** How often a device speaks, learned from its own gaps; what follows from silence. */

const GAPS = 8
/** A burst or a hiccup of the network is not lateness. */
const SHORTEST_DEADLINE_MS = 10_000
const INTERVALS_UNTIL_LATE = 3

export class Rhythm {
  readonly #gaps = new Float64Array(GAPS)
  #seen = 0
  #lastMs = 0
  #guessMs: number | null = null

  heard(timeMs: number): void {
    const gap = timeMs - this.#lastMs
    // Several fields of one moment are one beat.
    if (this.#lastMs > 0 && gap > 50) this.#gaps[this.#seen++ % GAPS] = gap
    if (timeMs > this.#lastMs) this.#lastMs = timeMs
  }

  /** What history says, until the device itself was heard often enough. */
  guess(intervalMs: number): void {
    this.#guessMs = intervalMs
  }

  /** The expected interval; null while it is unknown. The longest of the last gaps, so that a door that
   *  speaks twice in a second and then not for an hour is not late after three seconds. */
  intervalMs(): number | null {
    if (this.#seen < 3) return this.#guessMs
    return Math.max(...this.#gaps)
  }

  /** Silence longer than this is late; null while nothing can be said. */
  deadlineMs(): number | null {
    const interval = this.intervalMs()
    return interval === null ? null : Math.max(SHORTEST_DEADLINE_MS, INTERVALS_UNTIL_LATE * interval)
  }
}

export type DeviceState = 'reporting' | 'late' | 'offline' | 'alarm' | 'unknown'

export interface Signs {
  readonly isConnected: boolean
  /** What the device, its gateway or its will said; null when none of them spoke. */
  readonly available: boolean | null
  readonly hasAlarm: boolean
  readonly ageMs: number
  readonly deadlineMs: number | null
}

/** An alarm outlives everything: a leak sensor that fell silent while wet is still wet. */
export function stateOf(signs: Signs): DeviceState {
  if (signs.hasAlarm) return 'alarm'
  if (!signs.isConnected) return 'unknown'
  if (signs.available === false) return 'offline'
  if (signs.deadlineMs !== null && signs.ageMs > signs.deadlineMs) return 'late'
  return 'reporting'
}

export const STATE_WORDS: Readonly<Record<DeviceState, string>> = {
  reporting: 'reporting',
  late: 'late',
  offline: 'offline',
  alarm: 'alarm',
  unknown: 'unknown while reconnecting',
}
