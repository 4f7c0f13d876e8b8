/** Finding a place in the spool by what is known of it: where the store's last run ended, a block, a time. */

import type { CursorState } from '../spool/cursor.ts'
import { disk, type SpoolFiles } from '../spool/files.ts'
import type { SpoolTail } from '../spool/position.ts'
import { listSegments, readSegmentHeader, scanSegment, segmentPath } from '../spool/segment.ts'

export interface StartOptions {
  readonly spoolDir: string
  readonly tail: SpoolTail
  /** What was saved last. */
  readonly saved: CursorState
  /** The last block that the store says it has; null where it does not keep that. */
  readonly storedBlock: number | null
  /** Counted messages behind a block that the quarantine has from the store. */
  readonly refusedBehind: (block: number) => number
  readonly files?: SpoolFiles
}

/** Never ahead of what the store has, and never an error, whatever the cursor says. */
export function startOf(options: StartOptions): CursorState {
  const { saved, tail, storedBlock } = options
  if (saved.block > tail.block || saved.messages > tail.messages) {
    // The spool was taken away and began anew: the old numbers say nothing about what the store has of it.
    return { ...tail, refused: 0, lost: 0, overflowed: 0, ahead: [] }
  }
  // Behind its position the store may have a part of a batch: what it has is written again, which changes nothing.
  if (storedBlock === null || storedBlock >= saved.block) return saved
  return rewind(placeBehind(options.spoolDir, storedBlock, options.files), options)
}

/** Everything from `place` on is delivered again, as far as it is kept: its messages wait once more. */
export function rewind(
  place: SpoolTail,
  { saved, refusedBehind }: Pick<StartOptions, 'saved' | 'refusedBehind'>,
): CursorState {
  const refused = Math.max(0, saved.refused - refusedBehind(place.block))
  return { ...saved, ...place, refused, ahead: [] }
}

/** Just past `block`, or the oldest place behind it that there is. */
export function placeBehind(spoolDir: string, block: number, files = disk): SpoolTail {
  const firsts = listSegments(spoolDir, files)
  const segment = firsts.findLast(first => first <= block + 1) ?? firsts[0]
  if (segment === undefined) return { block, segment: 0, offset: 0, messages: 0 }
  return placeIn(spoolDir, segment, header => header.block <= block, files)
}

/** Before the first block that arrived at `sinceMs` or later. */
export function placeAt(spoolDir: string, sinceMs: number, files = disk): SpoolTail | null {
  const firsts = listSegments(spoolDir, files)
  const segment =
    firsts.findLast(first => {
      const header = readSegmentHeader(segmentPath(spoolDir, first), files)
      return header !== null && header.createdMs <= sinceMs
    }) ?? firsts[0]
  if (segment === undefined) return null
  return placeIn(spoolDir, segment, header => header.arrivalMs < sinceMs, files)
}

/** Past the blocks at the beginning of a segment that `isBefore` holds for. */
function placeIn(
  spoolDir: string,
  segment: number,
  isBefore: (header: { readonly block: number; readonly arrivalMs: number }) => boolean,
  files: typeof disk,
): SpoolTail {
  const { header, blocks } = scanSegment(segmentPath(spoolDir, segment), files)
  const passed = blocks.filter(block => isBefore(block.header)).at(-1)?.header
  const messages =
    passed === undefined
      ? (header?.totals.messages ?? blocks[0]?.header.messagesBefore ?? 0)
      : passed.messagesBefore + passed.messages
  // The reader finds the block in its segment; an offset of 0 is its beginning, wherever the header ends.
  return { block: passed?.block ?? segment - 1, segment, offset: 0, messages }
}
