/**
 * The segments on the disk, from the oldest that is kept to the one that is written: what waits, what is delivered and
 * kept for a while, what may go. A segment is unlinked only after the positions of all its readers are durable behind it.
 */

import type { SpoolFiles } from './files.ts'
import { segmentPath } from './segment.ts'

export interface KnownSegment {
  /** Number of its first block, and its name. */
  readonly first: number
  bytes: number
  lastBlock: number
  /** Its header is sound and on the disk: the account can go on from it. */
  isSound: boolean
}

export interface SegmentsOptions {
  readonly dir: string
  readonly files: SpoolFiles
  /** Delivered segments are kept this long, up to `keepBytes`: a store restored from a backup can be fed again. */
  readonly keepMs: number
  readonly keepBytes: number
}

export class Segments {
  readonly #options: SegmentsOptions
  readonly #known: KnownSegment[]
  /** Up to which block everything was delivered, and when: oldest first. */
  #released: { block: number; whenMs: number }[] = []

  constructor(known: KnownSegment[], options: SegmentsOptions) {
    this.#known = known
    this.#options = options
  }

  get last(): KnownSegment | null {
    return this.#known.at(-1) ?? null
  }

  /** Bytes of segments that the store has not wholly taken. */
  get waitingBytes(): number {
    const { delivered } = this
    return this.#known.reduce((sum, { lastBlock, bytes }) => (lastBlock > delivered ? sum + bytes : sum), 0)
  }

  /** Bytes of segments that it has, kept for another feeding. */
  get keptBytes(): number {
    const { delivered } = this
    return this.#known.reduce((sum, { lastBlock, bytes }) => (lastBlock <= delivered ? sum + bytes : sum), 0)
  }

  get delivered(): number {
    return this.#released.at(-1)?.block ?? 0
  }

  /** The oldest that waits and is complete; null: there is none but the one being written. */
  get oldestWaiting(): KnownSegment | null {
    const { delivered } = this
    return this.#known.slice(0, -1).find(({ lastBlock }) => lastBlock > delivered) ?? null
  }

  add(segment: KnownSegment): void {
    this.#known.push(segment)
  }

  removeLast(): void {
    this.#known.pop()
  }

  /** Every reader's position is durable at or behind `block`; before an earlier one when the store is fed again. */
  release(block: number): void {
    if (block < this.delivered) this.#released = []
    // By the clock that cannot be set: a jump of the other one must not end the keeping of everything at once.
    const nowMs = performance.now()
    const last = this.#released.at(-1)
    // A mark a second is fine enough for a retention of an hour, and keeps the list short.
    if (last !== undefined && nowMs - last.whenMs < 1000) last.block = Math.max(last.block, block)
    else if (last === undefined || block > last.block) this.#released.push({ block, whenMs: nowMs })
    this.#unlinkKept(nowMs, this.#options.keepMs, this.#options.keepBytes)
  }

  /** What is only kept makes room, as far as `block`: on a full disk, or because it was given up and not delivered. */
  giveUpKept(block = Number.POSITIVE_INFINITY): void {
    this.#unlinkKept(performance.now(), 0, 0, block)
  }

  #unlinkKept(nowMs: number, keepMs: number, keepBytes: number, upTo = Number.POSITIVE_INFINITY): void {
    const { dir, files } = this.#options
    const { delivered } = this
    while (this.#released.length > 1 && nowMs - this.#released[1]!.whenMs >= keepMs) this.#released.shift()
    const oldest = this.#released[0]
    const agedBlock = oldest !== undefined && nowMs - oldest.whenMs >= keepMs ? oldest.block : 0
    let { keptBytes } = this
    // The account lives on in the headers: the newest that is surely on the disk stays, with what follows it.
    for (let left = this.#known.findLastIndex(({ isSound }) => isSound); left > 0; left--) {
      const segment = this.#known[0]!
      const isDelivered = segment.lastBlock <= Math.min(delivered, upTo)
      if (!isDelivered || (segment.lastBlock > agedBlock && keptBytes <= keepBytes)) return
      try {
        files.remove(segmentPath(dir, segment.first))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return
      }
      keptBytes -= segment.bytes
      this.#known.shift()
    }
  }
}
