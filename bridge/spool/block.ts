/**
 * A block: what one group commit wrote. All numbers little-endian.
 *
 *   0  u32  magic "TBLK"
 *   4  u16  format version            6  u16  header length
 *   8  u64  block number: +1 per block since the data directory was made, never used twice
 *  16  u64  arrival of its first message, ms since the epoch
 *  24  16B  node id
 *  40  u64  messages in earlier blocks, since the data directory was made
 *  48  u32  messages: those that count as stored once this block is
 *  52  u32  lines (readings)
 *  56  u32  received: messages that arrived into this block, whatever became of them
 *  60  u32  bytes of section 1, ledger: JSON, how the counts below `messages` changed; empty when they did not
 *  64  u32  bytes of section 2, keys: f64 each, recognise a retransmission after a crash
 *  68  u32  bytes of section 3, index: u32 a message, the length of its lines; the top bit is set for a message
 *           that does not count in `messages`, because a part of it went to the quarantine
 *  72  u32  bytes of section 4, lines: line protocol, ready to send
 *  76  u32  bytes of section 5, held: [u32 length, bytes]*, what goes to the quarantine
 *  80  u32  crc32 of the sections   84  u32  crc32 of bytes 0..84 of this header
 *
 * The header has its own checksum, so that a reader can walk from block to block without reading the sections.
 */

import { crc32 } from 'node:zlib'

export const BLOCK_MAGIC = 0x4b4c4254
export const BLOCK_HEADER_BYTES = 88
/** Top bit of an entry of the index. */
export const UNCOUNTED = 0x8000_0000
const FORMAT_VERSION = 1
const HEADER_CRC_AT = 84

export interface BlockHeader {
  readonly block: number
  readonly arrivalMs: number
  readonly nodeId: string
  readonly messagesBefore: number
  readonly messages: number
  readonly lines: number
  readonly received: number
  readonly ledgerBytes: number
  readonly keyBytes: number
  readonly indexBytes: number
  readonly lineBytes: number
  readonly heldBytes: number
  readonly sectionsCrc: number
}

export interface BlockContent {
  readonly ledger: LedgerChange
  readonly keys: readonly number[]
  readonly messageLengths: readonly number[]
  readonly lines: Uint8Array
  readonly held: readonly Uint8Array[]
}

/** Messages that are not `stored` or on their way there, by what became of them; a replay takes from `quarantined`. */
export interface LedgerChange {
  quarantined: number
  readonly ignored: Record<string, number>
  readonly dropped: Record<string, number>
}

export interface Block {
  readonly header: BlockHeader
  /** Length of the whole block. */
  readonly bytes: number
  readonly ledger: LedgerChange
  readonly keys: Float64Array
  readonly messageLengths: Uint32Array
  readonly lines: Buffer
  readonly held: readonly Buffer[]
}

export type HeaderFields = Pick<
  BlockHeader,
  'block' | 'arrivalMs' | 'nodeId' | 'messagesBefore' | 'messages' | 'lines' | 'received'
>

/** The block's bytes in one buffer, so that one write call takes it to the disk. `allocate` need not clear it. */
export function encodeBlock(
  fields: HeaderFields,
  content: BlockContent,
  allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
): Buffer {
  const ledger = isEmpty(content.ledger) ? '' : JSON.stringify(content.ledger)
  const ledgerBytes = Buffer.byteLength(ledger)
  const keyBytes = content.keys.length * 8
  const indexBytes = content.messageLengths.length * 4
  const lineBytes = content.lines.length
  let heldBytes = 0
  for (const entry of content.held) heldBytes += 4 + entry.length

  const sectionBytes = ledgerBytes + keyBytes + indexBytes + lineBytes + heldBytes
  const buffer = allocate(BLOCK_HEADER_BYTES + sectionBytes)
  let at = BLOCK_HEADER_BYTES
  at += buffer.write(ledger, at)
  for (const key of content.keys) at = buffer.writeDoubleLE(key, at)
  for (const length of content.messageLengths) at = buffer.writeUInt32LE(length, at)
  buffer.set(content.lines, at)
  at += lineBytes
  for (const entry of content.held) {
    at = buffer.writeUInt32LE(entry.length, at)
    buffer.set(entry, at)
    at += entry.length
  }

  buffer.writeUInt32LE(BLOCK_MAGIC, 0)
  buffer.writeUInt16LE(FORMAT_VERSION, 4)
  buffer.writeUInt16LE(BLOCK_HEADER_BYTES, 6)
  buffer.writeBigUInt64LE(BigInt(fields.block), 8)
  buffer.writeBigUInt64LE(BigInt(fields.arrivalMs), 16)
  buffer.write(fields.nodeId, 24, 16, 'hex')
  buffer.writeBigUInt64LE(BigInt(fields.messagesBefore), 40)
  buffer.writeUInt32LE(fields.messages, 48)
  buffer.writeUInt32LE(fields.lines, 52)
  buffer.writeUInt32LE(fields.received, 56)
  buffer.writeUInt32LE(ledgerBytes, 60)
  buffer.writeUInt32LE(keyBytes, 64)
  buffer.writeUInt32LE(indexBytes, 68)
  buffer.writeUInt32LE(lineBytes, 72)
  buffer.writeUInt32LE(heldBytes, 76)
  buffer.writeUInt32LE(crc32(buffer.subarray(BLOCK_HEADER_BYTES)), 80)
  buffer.writeUInt32LE(crc32(buffer.subarray(0, HEADER_CRC_AT)), HEADER_CRC_AT)
  return buffer
}

/** Null: no sound header of a format that we know begins at `offset`. */
export function decodeHeader(buffer: Buffer, offset: number): BlockHeader | null {
  if (buffer.length - offset < BLOCK_HEADER_BYTES) return null
  if (buffer.readUInt32LE(offset) !== BLOCK_MAGIC) return null
  const crc = buffer.readUInt32LE(offset + HEADER_CRC_AT)
  if (crc32(buffer.subarray(offset, offset + HEADER_CRC_AT)) !== crc) return null
  if (buffer.readUInt16LE(offset + 4) !== FORMAT_VERSION) return null
  return {
    block: Number(buffer.readBigUInt64LE(offset + 8)),
    arrivalMs: Number(buffer.readBigUInt64LE(offset + 16)),
    nodeId: buffer.toString('hex', offset + 24, offset + 40),
    messagesBefore: Number(buffer.readBigUInt64LE(offset + 40)),
    messages: buffer.readUInt32LE(offset + 48),
    lines: buffer.readUInt32LE(offset + 52),
    received: buffer.readUInt32LE(offset + 56),
    ledgerBytes: buffer.readUInt32LE(offset + 60),
    keyBytes: buffer.readUInt32LE(offset + 64),
    indexBytes: buffer.readUInt32LE(offset + 68),
    lineBytes: buffer.readUInt32LE(offset + 72),
    heldBytes: buffer.readUInt32LE(offset + 76),
    sectionsCrc: buffer.readUInt32LE(offset + 80),
  }
}

export function blockBytes(header: BlockHeader): number {
  return BLOCK_HEADER_BYTES + sectionBytes(header)
}

/** Null: the sections are not those that the header was written with. `buffer` must hold all of them. */
export function decodeSections(header: BlockHeader, buffer: Buffer, offset: number): Block | null {
  const start = offset + BLOCK_HEADER_BYTES
  const end = start + sectionBytes(header)
  if (end > buffer.length) return null
  if (crc32(buffer.subarray(start, end)) !== header.sectionsCrc) return null
  let at = start
  const ledger = header.ledgerBytes === 0 ? '' : buffer.toString('utf8', at, at + header.ledgerBytes)
  at += header.ledgerBytes
  const keys = new Float64Array(header.keyBytes / 8)
  for (let i = 0; i < keys.length; i++, at += 8) keys[i] = buffer.readDoubleLE(at)
  const messageLengths = new Uint32Array(header.indexBytes / 4)
  for (let i = 0; i < messageLengths.length; i++, at += 4) messageLengths[i] = buffer.readUInt32LE(at)
  const lines = buffer.subarray(at, at + header.lineBytes)
  at += header.lineBytes
  return {
    header,
    bytes: end - offset,
    ledger: ledger === '' ? noChange() : (JSON.parse(ledger) as LedgerChange),
    keys,
    messageLengths,
    lines,
    held: splitHeld(buffer.subarray(at, end)),
  }
}

export function noChange(): LedgerChange {
  return { quarantined: 0, ignored: {}, dropped: {} }
}

function sectionBytes(header: BlockHeader): number {
  return header.ledgerBytes + header.keyBytes + header.indexBytes + header.lineBytes + header.heldBytes
}

function splitHeld(bytes: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    entries.push(bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
  }
  return entries
}

function isEmpty(change: LedgerChange): boolean {
  if (change.quarantined !== 0) return false
  for (const _ in change.ignored) return false
  for (const _ in change.dropped) return false
  return true
}
