/**
 * Logins one after the other: after a power cut a whole house, or a whole plant, comes back at once, and each login is
 * work. So many begin in a second, and so many are under way at once; the rest wait in line, in the order in which
 * their CONNECT came. Those who say nothing take nobody's turn.
 */

/** Between looks at the line. */
const TICK_MS = 10
/** Under way at once: more would only time out together where logins are slow. */
const MAX_UNDER_WAY = 256
/** Places in the line that are empty, before it moves up. */
const MAX_PASSED = 1024

export class Turnstile {
  readonly stats = { delayed: 0 }
  readonly #perTick: number
  readonly #line: (() => boolean)[] = []
  #head = 0
  #underWay = 0
  #allowance: number
  #clock: NodeJS.Timeout | null = null

  constructor(perSecond: number) {
    this.#perTick = (perSecond * TICK_MS) / 1000
    this.#allowance = Math.max(1, this.#perTick)
  }

  /** `begin` returns false when the client has gone meanwhile; otherwise `done` must follow. */
  enter(begin: () => boolean): void {
    this.#clock ??= setInterval(() => this.#tick(), TICK_MS)
    if (this.#head === this.#line.length && this.#mayBegin()) {
      this.#begin(begin)
      return
    }
    this.stats.delayed++
    this.#line.push(begin)
  }

  /** A login is over, however it ended. */
  done(): void {
    this.#underWay--
  }

  close(): void {
    if (this.#clock !== null) clearInterval(this.#clock)
    this.#clock = null
    this.#line.length = 0
    this.#head = 0
  }

  #mayBegin(): boolean {
    return this.#allowance >= 1 && this.#underWay < MAX_UNDER_WAY
  }

  #begin(begin: () => boolean): void {
    if (!begin()) return
    this.#allowance--
    this.#underWay++
  }

  /** A tick that comes late lets in no more for it: the process has enough to do. */
  #tick(): void {
    this.#allowance = Math.min(this.#allowance + this.#perTick, Math.max(1, 2 * this.#perTick))
    while (this.#head < this.#line.length && this.#mayBegin()) this.#begin(this.#line[this.#head++]!)
    if (this.#head < this.#line.length) {
      if (this.#head > MAX_PASSED) {
        this.#line.splice(0, this.#head)
        this.#head = 0
      }
      return
    }
    this.#line.length = 0
    this.#head = 0
    if (this.#allowance < 2 * this.#perTick || this.#clock === null) return
    clearInterval(this.#clock)
    this.#clock = null
  }
}
