/** Repeatable decisions: the seed of a run that failed runs it again. */

import { seeded } from '../seeded.ts'

export class Chance {
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  is(probability: number): boolean {
    return this.#random() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)))
  }
}
