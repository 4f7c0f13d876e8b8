/** How often a device speaks, learned from its own gaps; what follows from silence. Imports nothing; runs in a browser too. */

const GAPS = 8
const USUAL_SHARE = 0.95
/** Before so many gaps were heard, one of them says little. */
const LEAST_GAPS = 3
/** What comes closer together is one beat: many devices say their values one by one. */
const ONE_BEAT_MS = 1_000
/** A burst or a hiccup of the network is not lateness. */
const SHORTEST_DEADLINE_MS = 10_000
/** Doors, motion and leaks speak when something happens: that nothing did is no sign of anything. */
const SHORTEST_EVENT_DEADLINE_MS = 3_600_000
const INTERVALS_UNTIL_LATE = 3

export class Rhythm {
  readonly #gaps = new Float64Array(GAPS)
  #seen = 0
  #lastMs = 0
  #guessMs: number | null = null
  /** Undefined: to be worked out. */
  #intervalMs: number | null | undefined

  heard(timeMs: number): void {
    const gap = timeMs - this.#lastMs
    if (this.#lastMs > 0 && gap > ONE_BEAT_MS) {
      this.#gaps[this.#seen++ % GAPS] = gap
      this.#intervalMs = undefined
    }
    if (timeMs > this.#lastMs) this.#lastMs = timeMs
  }

  /** What the buckets of history say, until the device itself was heard often enough: its longest silence. */
  learnFrom(points: readonly { readonly time: number; readonly count: number }[], untilMs: number): void {
    const [first] = points
    const count = points.reduce((sum, point) => sum + point.count, 0)
    if (!first || count <= LEAST_GAPS) return
    const mean = (untilMs - first.time) / count
    const steps = points.slice(1).map((point, at) => point.time - points[at]!.time)
    steps.sort((a, b) => a - b)
    // One silence among many was an outage, not the rhythm.
    const usual = steps[Math.ceil(USUAL_SHARE * (steps.length - 1))] ?? 0
    // Side by side, buckets hide how long a silence was, but not how often something came.
    const longest = mean + usual - (steps[0] ?? 0)
    this.#guessMs = Math.max(mean, longest)
    this.#intervalMs = undefined
  }

  /**
   * The expected interval; null while it is unknown. The longest of the last gaps but one, so that what speaks
   * twice in a second and then not for a minute is not late after three seconds, and one outage is no rhythm.
   */
  intervalMs(): number | null {
    this.#intervalMs ??= this.#interval()
    return this.#intervalMs
  }

  #interval(): number | null {
    if (this.#seen < LEAST_GAPS) return this.#guessMs
    const gaps = this.#gaps.toSorted()
    // Until eight gaps are known, all count, and so does what history says.
    return this.#seen < GAPS ? Math.max(gaps.at(-1)!, this.#guessMs ?? 0) : gaps.at(-2)!
  }

  /** Silence longer than this is late; null while nothing can be said. */
  deadlineMs(speaksOfEvents = false): number | null {
    const interval = this.intervalMs()
    if (interval === null) return null
    const shortest = speaksOfEvents ? SHORTEST_EVENT_DEADLINE_MS : SHORTEST_DEADLINE_MS
    return Math.max(shortest, INTERVALS_UNTIL_LATE * interval)
  }
}
