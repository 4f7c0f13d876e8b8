/**
 * A segment: one file of the spool, named by the number of its first block (20 digits, `.seg`).
 *
 *   0  8B   magic "TRESTLE1"
 *   8  u32  header length, a multiple of 8
 *  12  u32  length of the ledger text
 *  16  16B  node id
 *  32  u64  number of the first block
 *  40  u64  creation, ms since the epoch
 *  48  u64  messages in earlier segments
 *  56  u32  reserved, 0
 *  60  u32  crc32 of the header without this field
 *  64       ledger: JSON, the totals as they stood when the file was made; then blocks to the end
 */

import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import {
  BLOCK_HEADER_BYTES,
  type Block,
  type BlockHeader,
  blockBytes,
  decodeHeader,
  decodeSections,
} from './block.ts'
import { disk } from './files.ts'
import type { Totals } from './totals.ts'

const MAGIC = 'TRESTLE1'
const FIXED_BYTES = 64
const CRC_AT = 60
/** More than the reasons in a ledger come to. */
const MAX_HEADER_BYTES = 64 * 1024

export interface SegmentHeader {
  readonly headerBytes: number
  readonly nodeId: string
  readonly firstBlock: number
  readonly createdMs: number
  readonly totals: Totals
}

export function segmentName(firstBlock: number): string {
  return `${String(firstBlock).padStart(20, '0')}.seg`
}

/** First block numbers of the segments in `dir`, ascending. Other files are left alone. */
export function listSegments(dir: string, files = disk): number[] {
  return files
    .list(dir)
    .filter(name => /^\d{20}\.seg$/.test(name))
    .map(name => Number(name.slice(0, 20)))
    .sort((a, b) => a - b)
}

export function segmentPath(dir: string, firstBlock: number): string {
  return join(dir, segmentName(firstBlock))
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'headerBytes'>): Buffer {
  const ledger = Buffer.from(JSON.stringify(header.totals))
  const headerBytes = Math.ceil((FIXED_BYTES + ledger.length) / 8) * 8
  const buffer = Buffer.alloc(headerBytes)
  buffer.write(MAGIC, 0, 'latin1')
  buffer.writeUInt32LE(headerBytes, 8)
  buffer.writeUInt32LE(ledger.length, 12)
  buffer.write(header.nodeId, 16, 16, 'hex')
  buffer.writeBigUInt64LE(BigInt(header.firstBlock), 32)
  buffer.writeBigUInt64LE(BigInt(header.createdMs), 40)
  buffer.writeBigUInt64LE(BigInt(header.totals.messages), 48)
  buffer.set(ledger, FIXED_BYTES)
  buffer.writeUInt32LE(headerCrc(buffer), CRC_AT)
  return buffer
}

/** Null: `buffer` does not begin with a whole, sound header. */
export function decodeSegmentHeader(buffer: Buffer): SegmentHeader | null {
  if (buffer.length < FIXED_BYTES || buffer.toString('latin1', 0, 8) !== MAGIC) return null
  const headerBytes = buffer.readUInt32LE(8)
  const ledgerBytes = buffer.readUInt32LE(12)
  if (headerBytes > buffer.length || FIXED_BYTES + ledgerBytes > headerBytes) return null
  const header = buffer.subarray(0, headerBytes)
  if (headerCrc(header) !== buffer.readUInt32LE(CRC_AT)) return null
  return {
    headerBytes,
    nodeId: buffer.toString('hex', 16, 32),
    firstBlock: Number(buffer.readBigUInt64LE(32)),
    createdMs: Number(buffer.readBigUInt64LE(40)),
    totals: JSON.parse(buffer.toString('utf8', FIXED_BYTES, FIXED_BYTES + ledgerBytes)) as Totals,
  }
}

/** Null: the file is not there, or its header is damaged. */
export function readSegmentHeader(path: string, files = disk): SegmentHeader | null {
  try {
    const file = files.open(path, 'read')
    try {
      const buffer = Buffer.alloc(MAX_HEADER_BYTES)
      return decodeSegmentHeader(buffer.subarray(0, file.read(buffer, 0)))
    } finally {
      file.close()
    }
  } catch {
    return null
  }
}

export interface Scan {
  /** Null: the header itself is damaged. */
  readonly header: SegmentHeader | null
  readonly blocks: readonly Block[]
  /** Offset just past the last sound block; what lies behind it was never acknowledged. */
  readonly soundBytes: number
  readonly fileBytes: number
  /** Bytes between sound blocks that are no block: damage to what had been written whole. */
  readonly damagedBytes: number
}

/** Reads a whole segment, checks every block, and steps over damage to the next sound block. */
export function scanSegment(path: string, files = disk): Scan {
  const file = files.readWhole(path)
  const header = decodeSegmentHeader(file)
  const blocks: Block[] = []
  let at = header?.headerBytes ?? 0
  let soundBytes = at
  let damagedBytes = 0
  while (at < file.length) {
    const block = blockAt(file, at)
    if (block !== null) {
      damagedBytes += at - soundBytes
      at += blockBytes(block.header)
      soundBytes = at
      blocks.push(block)
    } else {
      const next = findBlock(file, at + 1)
      if (next < 0) break
      at = next
    }
  }
  return { header, blocks, soundBytes, fileBytes: file.length, damagedBytes }
}

/** Offset of the next sound block header at or after `from`; -1 when there is none. */
export function findBlock(buffer: Buffer, from: number): number {
  for (
    let at = buffer.indexOf('TBLK', from, 'latin1');
    at >= 0;
    at = buffer.indexOf('TBLK', at + 1, 'latin1')
  ) {
    if (decodeHeader(buffer, at) !== null) return at
  }
  return -1
}

export function headerAt(buffer: Buffer, offset: number): BlockHeader | null {
  return buffer.length - offset < BLOCK_HEADER_BYTES ? null : decodeHeader(buffer, offset)
}

function blockAt(file: Buffer, offset: number): Block | null {
  const header = headerAt(file, offset)
  return header === null ? null : decodeSections(header, file, offset)
}

function headerCrc(header: Buffer): number {
  return crc32(header.subarray(CRC_AT + 4), crc32(header.subarray(0, CRC_AT)))
}
