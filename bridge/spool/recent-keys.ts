/**
 * Recognises a retransmission: remembers the keys of the last messages in two open-addressed tables, the older
 * of which is given up when the newer one is half full. Fixed memory; the last `capacity` keys at least are known.
 * A Set of doubles took six times the memory and three times the time per insert.
 */
export class RecentKeys {
  readonly #slots: number
  #newer: Float64Array
  #older: Float64Array
  #count = 0

  /** `capacity` is a power of two. */
  constructor(capacity = 262_144) {
    this.#slots = capacity * 2
    this.#newer = new Float64Array(this.#slots)
    this.#older = new Float64Array(this.#slots)
  }

  /** `key` is a positive integer below 2^53. */
  add(key: number): void {
    if (this.#count * 2 >= this.#slots) {
      const reused = this.#older.fill(0)
      this.#older = this.#newer
      this.#newer = reused
      this.#count = 0
    }
    const at = this.#find(this.#newer, key)
    if (this.#newer[at] === key) return
    this.#newer[at] = key
    this.#count++
  }

  has(key: number): boolean {
    return (
      this.#newer[this.#find(this.#newer, key)] === key || this.#older[this.#find(this.#older, key)] === key
    )
  }

  #find(table: Float64Array, key: number): number {
    const mask = this.#slots - 1
    // The low word alone repeats for equal payloads under different packet ids; mix in the high one.
    let at = Math.imul((key | 0) ^ (key / 0x1_0000_0000), 0x9e3779b1) >>> 0
    for (at &= mask; table[at] !== 0 && table[at] !== key; at = (at + 1) & mask);
    return at
  }
}
