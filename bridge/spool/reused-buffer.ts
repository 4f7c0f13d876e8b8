/**
 * Memory for what comes again and again in much the same size, one at a time. Given back to the allocator and taken anew
 * hundreds of times a second, it cost page faults, and collections of garbage that there was hardly any of.
 */
export class ReusedBuffer {
  readonly #keptBytes: number
  #buffer: Buffer = Buffer.alloc(0)

  /** Up to `keptBytes` stay; more is given back. */
  constructor(keptBytes: number) {
    this.#keptBytes = keptBytes
  }

  /** Not cleared, and another's with the next call. */
  take(bytes: number): Buffer {
    if (bytes > this.#keptBytes) return Buffer.allocUnsafeSlow(bytes)
    if (bytes > this.#buffer.length) {
      const grown = Math.min(Math.max(bytes, 2 * this.#buffer.length), this.#keptBytes)
      this.#buffer = Buffer.allocUnsafeSlow(grown)
    }
    return this.#buffer.subarray(0, bytes)
  }
}
