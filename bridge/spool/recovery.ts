/** What a start makes of the files that the last run left, however it ended. Never fails for damage. */

import { join } from 'node:path'
import { BLOCK_HEADER_BYTES } from './block.ts'
import { disk, type SpoolFiles } from './files.ts'
import { RecentKeys } from './recent-keys.ts'
import { listSegments, type Scan, scanSegment, segmentPath } from './segment.ts'
import type { KnownSegment } from './segments.ts'
import { addChange, NO_TOTALS, type Totals } from './totals.ts'

export interface Recovered {
  readonly segments: KnownSegment[]
  readonly totals: Totals
  /** The last block that is there. */
  readonly lastBlock: number
  /** No block up to this number may be written again: it may have stood in a file that is damaged as a whole. */
  readonly burntBlock: number
  /** Of the last messages: their retransmissions may still come. */
  readonly recent: RecentKeys
  readonly cutBytes: number
  readonly damagedBytes: number
}

type Log = { warn(fields: object, text: string): void; error(fields: object, text: string): void }

/** The end of the log is scanned whole, with the segment before it for the keys of recent messages. */
const SCANNED_SEGMENTS = 2

/** Finds the end of the log: cuts the torn tail of the last segment, sets aside files that are none. */
export function recover(dir: string, log: Log, files: SpoolFiles = disk): Recovered {
  const scans: { first: number; scan: Scan }[] = []
  const older: KnownSegment[] = []
  let next = Number.POSITIVE_INFINITY
  let burntBlock = 0
  for (const first of listSegments(dir, files).toReversed()) {
    // The totals go on from a sound header, however far back that is.
    if (scans.length >= SCANNED_SEGMENTS && scans[0]!.scan.header !== null) {
      const bytes = files.size(segmentPath(dir, first))
      older.unshift({ first, bytes, lastBlock: next - 1, isSound: true })
    } else {
      const scan = scanSegment(segmentPath(dir, first), files)
      if (scan.header === null && scan.blocks.length === 0) {
        // It may have held blocks that were read, and whose numbers others remember.
        burntBlock = Math.max(burntBlock, first + Math.floor(scan.fileBytes / BLOCK_HEADER_BYTES))
        setAside(dir, first, scan.fileBytes, log, files)
        continue
      }
      reportDamage(first, scan, log)
      scans.unshift({ first, scan })
    }
    next = first
  }

  const end = scans.at(-1)
  const cutBytes = end === undefined ? 0 : cutTail(dir, end.first, end.scan, log, files)
  // What a process that was killed had not synced is read from the cache, and would be gone after a power cut: it is
  // delivered, and recognised in retransmissions, only once it is on the disk.
  for (const { first } of scans) syncFile(segmentPath(dir, first), files)
  if (scans.length > 0) files.syncDirectory(dir)
  const recent = new RecentKeys()
  for (const { scan } of scans) for (const { keys } of scan.blocks) for (const key of keys) recent.add(key)
  const scanned = scans.map(({ first, scan }) => ({
    first,
    bytes: scan.soundBytes,
    // A file that got its header and no block: its number is burnt, as its name is taken.
    lastBlock: scan.blocks.at(-1)?.header.block ?? first,
    isSound: scan.header !== null,
  }))
  return {
    segments: [...older, ...scanned],
    totals: totalsAfter(scans.map(({ scan }) => scan)),
    // Of all: a copy of an older file under a later name must not set the numbers back.
    lastBlock: Math.max(0, ...scanned.map(({ lastBlock }) => lastBlock)),
    burntBlock,
    recent,
    cutBytes,
    damagedBytes: scans.reduce((sum, { scan }) => sum + scan.damagedBytes, 0),
  }
}

/** From the last sound header of a file on; without any, from what the first block says of those before it. */
function totalsAfter(scans: readonly Scan[]): Totals {
  const before = scans[0]?.blocks[0]?.header.messagesBefore ?? 0
  let totals: Totals = { ...NO_TOTALS, received: before, messages: before }
  let lastBlock = 0
  for (const { header, blocks } of scans) {
    if (header !== null && header.totals.messages >= totals.messages) totals = header.totals
    for (const { header: block, ledger } of blocks) {
      if (block.block <= lastBlock) continue
      lastBlock = block.block
      // What damage took was received: the reader finds the same gap, and counts it as lost.
      const gap = Math.max(0, block.messagesBefore - totals.messages)
      const change = { received: block.received + gap, messages: block.messages + gap, ledger }
      totals = addChange(totals, change)
    }
  }
  return totals
}

function cutTail(dir: string, first: number, scan: Scan, log: Log, files: SpoolFiles): number {
  const bytes = scan.fileBytes - scan.soundBytes
  if (bytes === 0) return 0
  files.cut(segmentPath(dir, first), scan.soundBytes)
  log.warn({ segment: first, bytes }, 'spool: cut a torn tail, which nobody was told of')
  return bytes
}

function syncFile(path: string, files: SpoolFiles): void {
  const file = files.open(path, 'update')
  try {
    file.syncNow()
  } finally {
    file.close()
  }
}

function reportDamage(first: number, { damagedBytes }: Scan, log: Log): void {
  if (damagedBytes === 0) return
  log.error({ segment: first, bytes: damagedBytes }, 'spool: a segment is damaged; its sound blocks are used')
}

/** A crash between creation and header leaves an empty file; anything else is kept for a person to look at. */
function setAside(dir: string, first: number, bytes: number, log: Log, files: SpoolFiles): void {
  const path = segmentPath(dir, first)
  if (bytes === 0) {
    files.remove(path)
    return
  }
  files.makeDirectory(join(dir, 'damaged'))
  files.rename(path, join(dir, 'damaged', `${first}-${Date.now()}.seg`))
  log.warn({ segment: first, bytes }, 'spool: a file without sound blocks was set aside in damaged/')
}
