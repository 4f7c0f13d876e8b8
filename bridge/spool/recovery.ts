/** What a start makes of the files that the last run left, however it ended. Never fails for damage. */

import { mkdirSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { cutFile } from './files.ts'
import { RecentKeys } from './recent-keys.ts'
import { listSegments, type Scan, scanSegment, segmentPath } from './segment.ts'
import { addChange, NO_TOTALS, type Totals } from './totals.ts'

export interface KnownSegment {
  readonly first: number
  bytes: number
  lastBlock: number
}

export interface Recovered {
  readonly segments: KnownSegment[]
  readonly totals: Totals
  readonly lastBlock: number
  /** Of the last messages: their retransmissions may still come. */
  readonly recent: RecentKeys
  readonly cutBytes: number
  readonly damagedBytes: number
}

type Log = { warn(fields: object, text: string): void; error(fields: object, text: string): void }

/** The end of the log is scanned whole, with the segment before it for the keys of recent messages. */
const SCANNED_SEGMENTS = 2

/** Finds the end of the log: cuts the torn tail of the last segment, sets aside files that are none. */
export function recover(dir: string, log: Log): Recovered {
  const scans: { first: number; scan: Scan }[] = []
  const older: KnownSegment[] = []
  let next = Number.POSITIVE_INFINITY
  for (const first of listSegments(dir).toReversed()) {
    if (scans.length === SCANNED_SEGMENTS) {
      older.unshift({ first, bytes: statSync(segmentPath(dir, first)).size, lastBlock: next - 1 })
    } else {
      const scan = scanSegment(segmentPath(dir, first))
      if (scan.header === null && scan.blocks.length === 0) {
        setAside(dir, first, scan.fileBytes, log)
        continue
      }
      reportDamage(first, scan, log)
      scans.unshift({ first, scan })
    }
    next = first
  }

  const end = scans.at(-1)
  const cutBytes = end === undefined ? 0 : cutTail(dir, end.first, end.scan, log)
  const recent = new RecentKeys()
  for (const { scan } of scans) for (const { keys } of scan.blocks) for (const key of keys) recent.add(key)
  const scanned = scans.map(({ first, scan }) => ({
    first,
    bytes: scan.soundBytes,
    // A file that got its header and no block: its number is burnt, as its name is taken.
    lastBlock: scan.blocks.at(-1)?.header.block ?? first,
  }))
  return {
    segments: [...older, ...scanned],
    totals: totalsAfter(scans.map(({ scan }) => scan)),
    lastBlock: scanned.at(-1)?.lastBlock ?? 0,
    recent,
    cutBytes,
    damagedBytes: scans.reduce((sum, { scan }) => sum + scan.damagedBytes, 0),
  }
}

/** From the last sound header of a file on; without any, from what the first block says of those before it. */
function totalsAfter(scans: readonly Scan[]): Totals {
  const before = scans[0]?.blocks[0]?.header.messagesBefore ?? 0
  let totals: Totals = { ...NO_TOTALS, received: before, messages: before }
  for (const { header, blocks } of scans) {
    if (header !== null) totals = header.totals
    for (const { header: block, ledger } of blocks) {
      totals = addChange(totals, { received: block.received, messages: block.messages, ledger })
    }
  }
  return totals
}

function cutTail(dir: string, first: number, scan: Scan, log: Log): number {
  const bytes = scan.fileBytes - scan.soundBytes
  if (bytes === 0) return 0
  cutFile(segmentPath(dir, first), scan.soundBytes)
  log.warn({ segment: first, bytes }, 'spool: cut a torn tail, which nobody was told of')
  return bytes
}

function reportDamage(first: number, { damagedBytes }: Scan, log: Log): void {
  if (damagedBytes === 0) return
  log.error({ segment: first, bytes: damagedBytes }, 'spool: a segment is damaged; its sound blocks are used')
}

/** A crash between creation and header leaves an empty file; anything else is kept for a person to look at. */
function setAside(dir: string, first: number, bytes: number, log: Log): void {
  const path = segmentPath(dir, first)
  if (bytes === 0) {
    unlinkSync(path)
    return
  }
  mkdirSync(join(dir, 'damaged'), { recursive: true, mode: 0o700 })
  renameSync(path, join(dir, 'damaged', `${first}-${Date.now()}.seg`))
  log.error({ segment: first, bytes }, 'spool: a file without sound blocks was set aside in damaged/')
}
