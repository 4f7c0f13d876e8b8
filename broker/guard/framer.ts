/**
 * Cuts a client's bytes into packets. A packet is judged by its header, before a byte of it is kept; what is kept of an
 * unfinished one grows with what has come, never with what was announced.
 *
 *   | type, flags | remaining length, 1 to 4 bytes of 7 bits | ... |
 */

export type Found = 'packet' | 'more' | 'malformed' | 'too-large'

const NOTHING = Buffer.alloc(0)
const MAX_HEADER_BYTES = 5
/** Room for a small unfinished packet is made at once. */
const SMALL_BYTES = 4096

export class Framer {
  /** Of a packet with its header. */
  maxBytes: number
  /** What `next` found: a packet in `bytes` from `at` to `end`; its header ends before `body`. */
  bytes: Buffer = NOTHING
  at = 0
  body = 0
  end = 0
  #chunk: Buffer = NOTHING
  #position = 0
  #partial: Buffer = NOTHING
  #have = 0
  /** Bytes of the unfinished packet in all; 0: its header is unfinished, too. */
  #need = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get isEmpty(): boolean {
    return this.#position >= this.#chunk.length
  }

  /** Nothing has come, or all of it was read as whole packets. */
  get isFresh(): boolean {
    return this.isEmpty && this.#have === 0
  }

  push(chunk: Buffer): void {
    this.#chunk = this.isEmpty ? chunk : Buffer.concat([this.#chunk.subarray(this.#position), chunk])
    this.#position = 0
  }

  next(): Found {
    if (this.#have > 0) return this.#nextPartial()
    const chunk = this.#chunk
    const at = this.#position
    if (at >= chunk.length) return this.#drained()
    const found = this.#readHeader(chunk, at)
    if (found === 'more') return this.#keep(0)
    if (found !== 'packet') return found
    if (this.end > chunk.length) return this.#keep(this.end - at)
    this.bytes = chunk
    this.at = at
    this.#position = this.end
    return 'packet'
  }

  /** Sets `body` and `end`. */
  #readHeader(bytes: Buffer, at: number, limit = bytes.length): Found {
    let length = 0
    let unit = 1
    for (let position = at + 1; position < at + MAX_HEADER_BYTES; position++) {
      if (position >= limit) return 'more'
      const byte = bytes[position]!
      length += (byte & 0x7f) * unit
      unit *= 0x80
      if (byte < 0x80) {
        this.body = position + 1
        this.end = this.body + length
        return this.end - at > this.maxBytes ? 'too-large' : 'packet'
      }
    }
    return 'malformed'
  }

  /** Starts an unfinished packet with what is left of the chunk. */
  #keep(need: number): Found {
    const rest = this.#chunk.length - this.#position
    const room = need === 0 ? MAX_HEADER_BYTES : need <= SMALL_BYTES ? need : Math.min(need, 2 * rest)
    this.#partial = Buffer.allocUnsafeSlow(room)
    this.#chunk.copy(this.#partial, 0, this.#position)
    this.#have = rest
    this.#need = need
    return this.#drained()
  }

  #nextPartial(): Found {
    while (this.#need === 0) {
      if (this.isEmpty) return this.#drained()
      this.#partial[this.#have++] = this.#chunk[this.#position++]!
      const found = this.#readHeader(this.#partial, 0, this.#have)
      if (found === 'malformed' || found === 'too-large') return found
      if (found === 'packet') this.#need = this.end
    }
    const length = Math.min(this.#need - this.#have, this.#chunk.length - this.#position)
    this.#makeRoom(this.#have + length)
    this.#chunk.copy(this.#partial, this.#have, this.#position, this.#position + length)
    this.#have += length
    this.#position += length
    if (this.#have < this.#need) return this.#drained()
    this.#readHeader(this.#partial, 0)
    this.bytes = this.#partial
    this.at = 0
    this.#partial = NOTHING
    this.#have = 0
    this.#need = 0
    return 'packet'
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#partial.length) return
    const room = this.#need <= SMALL_BYTES ? this.#need : Math.min(this.#need, 2 * bytes)
    const grown = Buffer.allocUnsafeSlow(room)
    this.#partial.copy(grown, 0, 0, this.#have)
    this.#partial = grown
  }

  /** Lets go of what was read. */
  #drained(): Found {
    this.#chunk = NOTHING
    this.#position = 0
    return 'more'
  }
}
