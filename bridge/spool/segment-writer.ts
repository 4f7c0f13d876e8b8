/**
 * Writes blocks at the end of the log. A file that saw a failed write or fdatasync is never written again: after a
 * failed fsync the kernel may have dropped the pages, and a second fsync would lie. Its tail is cut, durably, before
 * the block goes to a new file, so that no block stands in two.
 */

import { disk, type SpoolFile, type SpoolFiles } from './files.ts'
import type { SpoolPosition } from './position.ts'
import { encodeSegmentHeader, segmentPath } from './segment.ts'
import type { Segments } from './segments.ts'
import type { Totals } from './totals.ts'

export interface SegmentWriterOptions {
  readonly dir: string
  readonly nodeId: string
  readonly segmentBytes: number
  readonly segments: Segments
  readonly files?: SpoolFiles
}

interface OpenSegment {
  readonly first: number
  readonly file: SpoolFile
  /** Up to the end of the last block that is durable. */
  bytes: number
  isSpoilt: boolean
}

export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  readonly #files: SpoolFiles
  #current: OpenSegment | null = null

  constructor(options: SegmentWriterOptions) {
    this.#options = options
    this.#files = options.files ?? disk
  }

  /** Resolves when the block is on the disk: where it begins, and the position past it. */
  async write(
    block: number,
    bytes: Buffer,
    totals: Totals,
  ): Promise<{ start: number; position: SpoolPosition }> {
    const segment = this.#segmentFor(block, totals)
    const start = segment.bytes
    try {
      await segment.file.writeDurably(bytes, start)
    } catch (error) {
      segment.isSpoilt = true
      throw error
    }
    segment.bytes += bytes.length
    const known = this.#options.segments.last!
    known.bytes = segment.bytes
    known.lastBlock = block
    known.isSound = true
    return { start, position: { block, segment: segment.first, offset: segment.bytes } }
  }

  close(): void {
    this.#current?.file.close()
    this.#current = null
  }

  /** The segment that takes block `block`: the current one, or a new one when that is full or spoilt. */
  #segmentFor(block: number, totals: Totals): OpenSegment {
    const current = this.#current
    if (current !== null && !current.isSpoilt && current.bytes < this.#options.segmentBytes) return current
    if (current !== null) this.#leave(current)
    return this.#create(block, totals)
  }

  #create(first: number, totals: Totals): OpenSegment {
    const { dir, nodeId, segments } = this.#options
    const file = this.#files.create(segmentPath(dir, first))
    // Known from here on: should its beginning fail, the next attempt takes the file away.
    const segment: OpenSegment = { first, file, bytes: 0, isSpoilt: true }
    this.#current = segment
    segments.add({ first, bytes: 0, lastBlock: first - 1, isSound: false })
    const header = encodeSegmentHeader({ nodeId, firstBlock: first, createdMs: Date.now(), totals })
    file.writeNow(header, 0)
    this.#files.syncDirectory(dir)
    segment.bytes = header.length
    segment.isSpoilt = false
    segments.last!.bytes = header.length
    return segment
  }

  /** Throws when the disk does not even cut: the block must not go elsewhere before that. */
  #leave(segment: OpenSegment): void {
    const { dir, segments } = this.#options
    try {
      segment.file.close()
    } catch {
      // The descriptor may be the thing that is broken; the path decides.
    }
    if (segment.isSpoilt) {
      const path = segmentPath(dir, segment.first)
      if (segments.last!.lastBlock >= segment.first) {
        this.#files.cut(path, segment.bytes)
      } else {
        this.#files.remove(path)
        segments.removeLast()
      }
    }
    this.#current = null
  }
}
