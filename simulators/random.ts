/**
 * Seeded randomness: sfc32, seeded by a hash of text. Every piece of a simulation takes a fork of its own, named
 * after what it is for, so that adding a device does not change what the others say.
 */

export class Random {
  readonly #seed: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor(seed: number | string) {
    this.#seed = String(seed)
    this.#a = hash(this.#seed, 0x9e3779b9)
    this.#b = hash(this.#seed, 0x243f6a88)
    this.#c = hash(this.#seed, 0xb7e15162)
    for (let i = 0; i < 12; i++) this.next()
  }

  /** A generator of its own: depends on this one's seed and the name, not on what was drawn so far. */
  fork(name: string): Random {
    return new Random(`${this.#seed}/${name}`)
  }

  /** 0 <= x < 1. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t
    return (t >>> 0) / 0x1_0000_0000
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  integer(low: number, high: number): number {
    return Math.floor(this.between(low, high + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** Normally distributed, mean 0, standard deviation 1 (Irwin-Hall: bounded at 6, and no logarithm to differ). */
  gaussian(): number {
    let sum = -6
    for (let i = 0; i < 12; i++) sum += this.next()
    return sum
  }

  hex(digits: number): string {
    let text = ''
    for (let i = 0; i < digits; i++) text += this.integer(0, 15).toString(16)
    return text
  }

  /** One of the names, by weight. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const entries = Object.entries<number>(weights) as [Name, number][]
    const total = entries.reduce((sum, [, weight]) => sum + weight, 0)
    let left = this.next() * total
    for (const [name, weight] of entries) {
      left -= weight
      if (left < 0) return name
    }
    return entries[entries.length - 1]![0]
  }
}

/** FNV-1a with a final mix. */
export function hash(text: string, basis = 0x811c9dc5): number {
  let h = basis | 0
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
