/**
 * The newest readings as they are sent, so that a client can go on where it was.
 *
 * Bytes outside the JavaScript heap: 131,072 readings kept as objects are over a million things for the garbage
 * collector to walk; kept as bytes they are a hundred buffers (25 MB at 195 bytes each), and what clients get
 * is a copy of a slice.
 *
 *     chunk   |{"device":...},{"device":...},{"device":...},      free      |
 *     ends                   ^              ^              ^     each entry ends with its comma
 *
 * The oldest chunk leaves as a whole, when the rest holds enough entries or all together are too many bytes.
 */

const MAX_CHUNK_BYTES = 256 * 1024
const MAX_CHUNK_ENTRIES = 4096

export interface RingSize {
  /** Kept at the least, while `maxBytes` allows. */
  readonly entries: number
  readonly maxBytes: number
}

/** Two minutes at 1,000 readings a second, up to 512 bytes each. */
export const RING_SIZE: RingSize = { entries: 131_072, maxBytes: 64 * 1024 * 1024 }

interface Chunk {
  readonly bytes: Buffer
  readonly ends: Uint32Array
  /** Bytes that the ring took before this chunk, ever. */
  base: number
  /** Seq just before its first entry. */
  before: number
  count: number
  used: number
}

export interface Slice {
  /** Entries with commas between them; views of the ring's own memory, to be copied before the next append. */
  readonly parts: readonly Buffer[]
  readonly count: number
  /** Seq of its last entry. */
  readonly upTo: number
}

export class Ring {
  readonly #size: RingSize
  readonly #chunkBytes: number
  readonly #chunkEntries: number
  readonly #chunks: Chunk[] = []
  #spare: Chunk | null = null
  #entries = 0
  #last: number

  constructor(size: RingSize = RING_SIZE, last = 0) {
    this.#size = size
    this.#chunkBytes = Math.min(MAX_CHUNK_BYTES, Math.ceil(size.maxBytes / 32))
    this.#chunkEntries = Math.min(MAX_CHUNK_ENTRIES, Math.ceil(size.entries / 8))
    this.#last = last
  }

  /** Seq of the newest entry, or of the one before the first that will come. */
  get last(): number {
    return this.#last
  }

  /** Readings after this seq are all here. */
  get reachesBackTo(): number {
    return this.#chunks[0]?.before ?? this.#last
  }

  get memoryBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0)
  }

  /** The entry gets the next seq. Returns its bytes. */
  append(json: string): number {
    // A UTF-16 unit is at most three bytes of UTF-8.
    const chunk = this.#room(json.length * 3 + 1)
    const { bytes } = chunk
    const start = chunk.used
    let end = start + bytes.write(json, start)
    bytes[end++] = 0x2c
    chunk.used = end
    chunk.ends[chunk.count++] = end
    this.#entries++
    this.#last++
    return end - start
  }

  /** Forgets everything; the next entry gets `last + 1`. */
  restart(last: number): void {
    // Setting a length is dear, and where nobody listens this is called with each message.
    if (this.#chunks.length > 0) this.#chunks.length = 0
    this.#entries = 0
    this.#last = last
  }

  /** Bytes of the entries after one seq up to another, both within the ring. */
  bytesBetween(after: number, upTo: number): number {
    return this.#offsetOf(upTo) - this.#offsetOf(after)
  }

  /** Entries from `after` (exclusive) to `upTo`, cut off past `maxBytes`; one at least. Both must be within. */
  slice(after: number, upTo: number, maxBytes = Infinity): Slice {
    const parts: Buffer[] = []
    let at = after
    let left = maxBytes
    for (let i = this.#indexOf(after + 1); at < upTo && left > 0; i++) {
      const chunk = this.#chunks[i]!
      const from = at - chunk.before
      const start = from === 0 ? 0 : chunk.ends[from - 1]!
      let to = Math.min(upTo - chunk.before, chunk.count)
      if (chunk.ends[to - 1]! - start > left) to = lastWithin(chunk.ends, from, to, start + left)
      const end = chunk.ends[to - 1]!
      parts.push(chunk.bytes.subarray(start, end))
      left -= end - start
      at = chunk.before + to
      if (to < chunk.count) break
    }
    const tail = parts.at(-1)
    if (tail) parts[parts.length - 1] = tail.subarray(0, -1)
    return { parts, count: at - after, upTo: at }
  }

  /** The text of one entry within the ring. */
  entry(seq: number): string {
    const chunk = this.#chunks[this.#indexOf(seq)]!
    const i = seq - chunk.before - 1
    return chunk.bytes.toString('utf8', i === 0 ? 0 : chunk.ends[i - 1]!, chunk.ends[i]! - 1)
  }

  #room(bytes: number): Chunk {
    const tail = this.#chunks.at(-1)
    if (tail && tail.bytes.length - tail.used >= bytes && tail.count < this.#chunkEntries) return tail
    this.#evict(bytes)
    const fits = bytes <= this.#chunkBytes
    const chunk =
      (fits ? this.#spare : null) ?? newChunk(Math.max(bytes, this.#chunkBytes), this.#chunkEntries)
    if (chunk === this.#spare) this.#spare = null
    chunk.base = tail ? tail.base + tail.used : 0
    chunk.before = this.#last
    chunk.count = 0
    chunk.used = 0
    this.#chunks.push(chunk)
    return chunk
  }

  #evict(bytesWanted: number): void {
    let bytes = this.memoryBytes + Math.max(bytesWanted, this.#chunkBytes)
    for (let head = this.#chunks[0]; head; head = this.#chunks[0]) {
      if (this.#entries - head.count < this.#size.entries && bytes <= this.#size.maxBytes) return
      this.#chunks.shift()
      this.#entries -= head.count
      bytes -= head.bytes.length
      if (head.bytes.length === this.#chunkBytes) this.#spare = head
    }
  }

  #offsetOf(seq: number): number {
    if (seq === this.reachesBackTo) return this.#chunks[0]?.base ?? 0
    const chunk = this.#chunks[this.#indexOf(seq)]!
    return chunk.base + chunk.ends[seq - chunk.before - 1]!
  }

  /** Index of the chunk that holds an entry. */
  #indexOf(seq: number): number {
    let low = 0
    let high = this.#chunks.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.#chunks[middle]!.before < seq) low = middle
      else high = middle - 1
    }
    return low
  }
}

function newChunk(bytes: number, entries: number): Chunk {
  return {
    bytes: Buffer.allocUnsafeSlow(bytes),
    ends: new Uint32Array(entries),
    base: 0,
    before: 0,
    count: 0,
    used: 0,
  }
}

/** How many of the entries in [from, to) end at or before `limit`, but one at least, as an index like `to`. */
function lastWithin(ends: Uint32Array, from: number, to: number, limit: number): number {
  let low = from + 1
  let high = to
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (ends[middle - 1]! <= limit) low = middle
    else high = middle - 1
  }
  return low
}
