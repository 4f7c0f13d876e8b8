/**
 * Reads the spool from a position on, never past the tail that the writing side announced: bytes behind it may still be
 * on their way, and half of them may be seen. Damage is stepped over: the segment is copied to `damaged/` and what is
 * missing is counted by the gap in the blocks' message numbers.
 *
 * Calls wait for the disk: made for a thread of its own. They throw what the disk answers, but for a segment that is
 * not there; the position is then as it was, and the call can be repeated.
 */

import { join } from 'node:path'
import { BLOCK_HEADER_BYTES, type Block, blockBytes, decodeSections } from './block.ts'
import { disk, type SpoolFile, type SpoolFiles } from './files.ts'
import type { SpoolPosition } from './position.ts'
import { decodeSegmentHeader, findBlock, headerAt, listSegments, segmentPath } from './segment.ts'

const CHUNK_BYTES = 1024 * 1024
/** One read of many blocks: bounds memory when lines are long. */
const MAX_READ_BYTES = 8 * 1024 * 1024
/** Damaged segments kept for people to look at. */
const MAX_EVIDENCE = 16

export interface ReadBlock {
  readonly block: Block
  /** The position just past it. */
  readonly position: SpoolPosition
}

export class SpoolReader {
  readonly #dir: string
  readonly #files: SpoolFiles
  #position: SpoolPosition
  #file: SpoolFile | null = null
  #chunk: Buffer = Buffer.alloc(0)
  #chunkStart = 0
  /** Stretches of damage met so far, for the log and the metrics. */
  readonly damage: { segment: number; offset: number; bytes: number }[] = []

  constructor(dir: string, position: SpoolPosition, files: SpoolFiles = disk) {
    this.#dir = dir
    this.#files = files
    this.#position = position
  }

  get position(): SpoolPosition {
    return this.#position
  }

  /** The next blocks in order until they hold `maxLines` or MAX_READ_BYTES; at least one when there is one before `tail`. */
  read(tail: SpoolPosition, maxLines: number): ReadBlock[] {
    const blocks: ReadBlock[] = []
    for (let lines = 0, bytes = 0; lines < maxLines && bytes < MAX_READ_BYTES; ) {
      let next: Block | null = null
      try {
        next = this.#next(tail)
      } catch (error) {
        // What was read so far is not to be lost with it; the next call meets the error again.
        if (blocks.length === 0) throw error
      }
      if (next === null) break
      lines += next.header.lines
      bytes += blockBytes(next.header)
      blocks.push({ block: next, position: this.#position })
    }
    return blocks
  }

  /** One block at a known place; null when it is not there whole. */
  static readAt(dir: string, segment: number, start: number, files: SpoolFiles = disk): Block | null {
    const reader = new SpoolReader(dir, { block: 0, segment, offset: start }, files)
    try {
      return reader.#open() ? reader.#blockAt(start, reader.#file!.size()) : null
    } finally {
      reader.close()
    }
  }

  moveTo(position: SpoolPosition): void {
    this.close()
    this.#position = position
  }

  /** Gives up what the disk does not read any more: the rest of the segment, or what lies before `tail` in it. */
  skipSegment(tail: SpoolPosition): void {
    const { segment, offset } = this.#position
    this.damage.push({ segment, offset, bytes: 0 })
    if (segment === tail.segment || !this.#nextSegment(tail)) this.moveTo(tail)
  }

  close(): void {
    this.#file?.close()
    this.#file = null
  }

  #next(tail: SpoolPosition): Block | null {
    while (this.#position.block < tail.block) {
      if (!this.#open()) {
        if (!this.#nextSegment(tail)) return null
        continue
      }
      const { segment, offset } = this.#position
      const end = segment === tail.segment ? tail.offset : this.#file!.size()
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
    if (this.#file !== null) return true
    const { block, segment, offset } = this.#position
    try {
      this.#file = this.#files.open(segmentPath(this.#dir, segment), 'read')
    } catch (error) {
      // Anything else, such as too many open files, says nothing about the segment.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return false
    }
    this.#chunk = Buffer.alloc(0)
    if (offset === 0) {
      const end = Math.min(CHUNK_BYTES, this.#file.size())
      const header = decodeSegmentHeader(this.#bytes(0, end, end))
      // A header is written again after a crash at its creation: no chunk with its first state may stay.
      this.#chunk = Buffer.alloc(0)
      this.#position = { block, segment, offset: header?.headerBytes ?? 0 }
    }
    return true
  }

  /** Moves to the first segment behind the current one; false: there is none before the tail. */
  #nextSegment(tail: SpoolPosition): boolean {
    this.close()
    const next = listSegments(this.#dir, this.#files).find(
      first => first > this.#position.segment && first <= tail.segment,
    )
    if (next === undefined) return false
    this.#position = { block: this.#position.block, segment: next, offset: 0 }
    return true
  }

  #blockAt(offset: number, end: number): Block | null {
    const header = headerAt(this.#bytes(offset, Math.min(end, offset + BLOCK_HEADER_BYTES), end), 0)
    if (header === null) return null
    const size = blockBytes(header)
    if (offset + size > end) return null
    return decodeSections(header, this.#bytes(offset, offset + size, end), 0)
  }

  #stepOver(offset: number, end: number): void {
    const found = findBlock(this.#bytes(offset, end, end), 1)
    const bytes = found < 0 ? end - offset : found
    const { block, segment } = this.#position
    this.damage.push({ segment, offset, bytes })
    this.#keepEvidence(segment)
    this.#position = { block, segment, offset: offset + bytes }
  }

  #keepEvidence(segment: number): void {
    const dir = join(this.#dir, 'damaged')
    try {
      this.#files.makeDirectory(dir)
      const name = `${segment}.seg`
      const kept = this.#files.list(dir)
      if (kept.includes(name) || kept.length >= MAX_EVIDENCE) return
      this.#files.copy(segmentPath(this.#dir, segment), join(dir, name))
    } catch {
      // Evidence is for people; going on matters more, and the damage itself is reported by the caller.
    }
  }

  /** Bytes of the file from `start` up to `end`, from the chunk read before where it covers them; none behind `limit`. */
  #bytes(start: number, end: number, limit: number): Buffer {
    const from = start - this.#chunkStart
    if (from < 0 || from + (end - start) > this.#chunk.length) {
      const wanted = Math.min(Math.max(CHUNK_BYTES, end - start), limit - start)
      const chunk = Buffer.allocUnsafeSlow(wanted)
      this.#chunk = chunk.subarray(0, this.#file!.read(chunk, start))
      this.#chunkStart = start
      return this.#chunk.subarray(0, end - start)
    }
    return this.#chunk.subarray(from, from + end - start)
  }
}
