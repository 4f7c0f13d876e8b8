/** Where the spool ended, and when: tells what has been there for how long. */

/** Finer than this it need not be known. */
const EVERY_MS = 250

export class Arrivals {
  /** Oldest first. */
  readonly #marks: { readonly block: number; readonly atMs: number }[]

  /** `block` has been there since before the start. */
  constructor(block: number) {
    this.#marks = [{ block, atMs: Number.NEGATIVE_INFINITY }]
  }

  note(block: number, nowMs: number): void {
    if (nowMs - this.#marks.at(-1)!.atMs >= EVERY_MS) this.#marks.push({ block, atMs: nowMs })
  }

  /** The last block that had come `ageMs` ago; null: that is not known any more. */
  lastBefore(ageMs: number, nowMs: number): number | null {
    const marks = this.#marks
    while (marks.length > 1 && nowMs - marks[1]!.atMs >= ageMs) marks.shift()
    const { block, atMs } = marks[0]!
    return nowMs - atMs >= ageMs ? block : null
  }
}
