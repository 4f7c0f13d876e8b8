/**
 * Reads the spool from a position on, never past the tail that the writing side announced. Damage is stepped over:
 * the segment is copied to `damaged/` and what is missing is counted by the gap in the blocks' message numbers.
 * Calls wait for the disk: made for a thread of its own.
 */

import { closeSync, copyFileSync, fstatSync, mkdirSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { BLOCK_HEADER_BYTES, type Block, blockBytes, decodeSections } from './block.ts'
import { decodeSegmentHeader, findBlock, headerAt, listSegments, segmentPath } from './segment.ts'
import type { SpoolPosition } from './spool.ts'

const CHUNK_BYTES = 1024 * 1024
/** One read of many blocks: bounds memory when lines are long. */
const MAX_READ_BYTES = 8 * 1024 * 1024

export interface ReadBlock {
  readonly block: Block
  /** The position just past it. */
  readonly position: SpoolPosition
}

export class SpoolReader {
  readonly #dir: string
  #position: SpoolPosition
  #fd: number | null = null
  #chunk: Buffer = Buffer.alloc(0)
  #chunkStart = 0
  /** Stretches of damage met so far, for the log and the metrics. */
  readonly damage: { segment: number; offset: number; bytes: number }[] = []

  constructor(dir: string, position: SpoolPosition) {
    this.#dir = dir
    this.#position = position
  }

  get position(): SpoolPosition {
    return this.#position
  }

  /** The next blocks in order until they hold `maxLines` or MAX_READ_BYTES; at least one when there is one before `tail`. */
  read(tail: SpoolPosition, maxLines: number): ReadBlock[] {
    const blocks: ReadBlock[] = []
    for (let lines = 0, bytes = 0; lines < maxLines && bytes < MAX_READ_BYTES; ) {
      const next = this.#next(tail)
      if (next === null) break
      lines += next.header.lines
      bytes += blockBytes(next.header)
      blocks.push({ block: next, position: this.#position })
    }
    return blocks
  }

  /** One block at a known place, without moving; null when it is not there whole. */
  static readAt(dir: string, segment: number, start: number): Block | null {
    const reader = new SpoolReader(dir, { block: 0, segment, offset: start })
    try {
      return reader.#open() ? reader.#blockAt(start, fstatSync(reader.#fd!).size) : null
    } finally {
      reader.close()
    }
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd)
    this.#fd = null
  }

  #next(tail: SpoolPosition): Block | null {
    while (this.#position.block < tail.block) {
      if (!this.#open()) {
        if (!this.#nextSegment(tail)) return null
        continue
      }
      const { segment, offset } = this.#position
      const end = segment === tail.segment ? tail.offset : fstatSync(this.#fd!).size
      if (offset >= end) {
        if (!this.#nextSegment(tail)) return null
        continue
      }
      const block = this.#blockAt(offset, end)
      if (block === null) {
        this.#stepOver(offset, end)
        continue
      }
      const isNew = block.header.block > this.#position.block
      this.#position = {
        block: isNew ? block.header.block : this.#position.block,
        segment,
        offset: offset + blockBytes(block.header),
      }
      if (isNew) return block
    }
    return null
  }

  /** Opens the segment of the position; false when it is not there. Begins behind the file's header. */
  #open(): boolean {
    if (this.#fd !== null) return true
    const { block, segment, offset } = this.#position
    try {
      this.#fd = openSync(segmentPath(this.#dir, segment), 'r')
    } catch {
      return false
    }
    this.#chunk = Buffer.alloc(0)
    if (offset === 0) {
      const header = decodeSegmentHeader(this.#bytes(0, Math.min(CHUNK_BYTES, fstatSync(this.#fd).size)))
      this.#position = { block, segment, offset: header?.headerBytes ?? 0 }
    }
    return true
  }

  /** Moves to the first segment behind the current one; false: there is none before the tail. */
  #nextSegment(tail: SpoolPosition): boolean {
    this.close()
    const next = listSegments(this.#dir).find(
      first => first > this.#position.segment && first <= tail.segment,
    )
    if (next === undefined) return false
    this.#position = { block: this.#position.block, segment: next, offset: 0 }
    return true
  }

  #blockAt(offset: number, end: number): Block | null {
    const header = headerAt(this.#bytes(offset, Math.min(end, offset + BLOCK_HEADER_BYTES)), 0)
    if (header === null) return null
    const size = blockBytes(header)
    if (offset + size > end) return null
    return decodeSections(header, this.#bytes(offset, offset + size), 0)
  }

  #stepOver(offset: number, end: number): void {
    const rest = this.#bytes(offset, end)
    const found = findBlock(rest, 1)
    const bytes = found < 0 ? end - offset : found
    const { block, segment } = this.#position
    this.damage.push({ segment, offset, bytes })
    this.#keepEvidence(segment)
    this.#position = { block, segment, offset: offset + bytes }
  }

  #keepEvidence(segment: number): void {
    const dir = join(this.#dir, 'damaged')
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      copyFileSync(segmentPath(this.#dir, segment), join(dir, `${segment}.seg`))
    } catch {
      // Evidence is for people; going on matters more, and the damage itself is reported by the caller.
    }
  }

  /** Bytes of the file from `start` up to `end`, from the chunk read before where it covers them. */
  #bytes(start: number, end: number): Buffer {
    const from = start - this.#chunkStart
    if (from >= 0 && from + (end - start) <= this.#chunk.length)
      return this.#chunk.subarray(from, from + end - start)
    const chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, end - start))
    let filled = 0
    while (filled < chunk.length) {
      const read = readSync(this.#fd!, chunk, filled, chunk.length - filled, start + filled)
      if (read === 0) break
      filled += read
    }
    this.#chunk = chunk.subarray(0, filled)
    this.#chunkStart = start
    return this.#chunk.subarray(0, end - start)
  }
}
