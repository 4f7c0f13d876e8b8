/**
 * How far the store has come: everything before a position, and stretches beyond it that were delivered first because
 * they were fresh (store/lanes.ts). Durable in one file, in two slots of 4 KiB that are written in turn, so that a torn
 * write leaves the other:
 *
 *   0  u32  magic "TCU2"      4  u32  crc32 of what follows, up to the end of the last stretch
 *   8  u64  generation       16  u64  last block before the position
 *  24  u64  segment          32  u64  offset in it
 *  40  u64  messages in the blocks before the position
 *  48  u64  of these, messages that the store refused
 *  56  u64  of these, messages lost to damage
 *  64  u64  of these, messages given up because the spool was full
 *  72  u64  stretches, each: from and to as block, segment, offset and messages, u64 each
 */

import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { disk, type SpoolFile, type SpoolFiles } from './files.ts'
import type { SpoolTail } from './position.ts'

const MAGIC = 0x32554354
const SLOT_BYTES = 4096
const HEAD_BYTES = 80
const STRETCH_BYTES = 64
/** As many as are kept apart; they fit a slot with room to spare. */
export const MAX_STRETCHES = 16

/** Delivered blocks between two places, `from` exclusive. */
export interface Stretch {
  readonly from: SpoolTail
  readonly to: SpoolTail
}

export interface CursorState {
  readonly block: number
  /** First block number of the segment that holds the next block. */
  readonly segment: number
  readonly offset: number
  readonly messages: number
  readonly refused: number
  readonly lost: number
  /** Given up, oldest first, for newer ones (`spool.policy: drop-oldest`). */
  readonly overflowed: number
  /** Delivered beyond the position: ascending, and apart from it and from each other. */
  readonly ahead: readonly Stretch[]
}

export const START: CursorState = {
  block: 0,
  segment: 0,
  offset: 0,
  messages: 0,
  refused: 0,
  lost: 0,
  overflowed: 0,
  ahead: [],
}

/** Messages that the store has, or that are accounted for otherwise: all before the position, and those ahead. */
export function takenMessages({ messages, ahead }: CursorState): number {
  return ahead.reduce((sum, { from, to }) => sum + to.messages - from.messages, messages)
}

/** The last block that the store was known to have; 0 when nothing is known. Changes nothing. */
export function lastKnownBlock(path: string, files: SpoolFiles = disk): number {
  try {
    const slots = files.readWhole(path)
    if (slots.length < SLOT_BYTES * 2) return 0
    const states = [decodeSlot(slots, 0), decodeSlot(slots, SLOT_BYTES)].map(slot => slot?.state)
    return Math.max(...states.map(state => state?.ahead.at(-1)?.to.block ?? state?.block ?? 0))
  } catch {
    return 0
  }
}

/** Owned by the writer's thread: its calls wait for the disk. */
export class Cursor {
  readonly #path: string
  readonly #files: SpoolFiles
  #file: SpoolFile
  #generation: number
  #state: CursorState

  constructor(path: string, files: SpoolFiles = disk) {
    this.#path = path
    this.#files = files
    this.#file = files.open(path, 'update')
    const slots = Buffer.alloc(SLOT_BYTES * 2)
    const known = this.#file.read(slots, 0)
    // Its room is taken now: a full disk must not keep a delivered position from being remembered.
    if (known < slots.length) {
      this.#file.writeNow(slots.subarray(known), known)
      files.syncDirectory(dirname(path))
    }
    const newest = [decodeSlot(slots, 0), decodeSlot(slots, SLOT_BYTES)]
      .filter(slot => slot !== null)
      .sort((a, b) => b.generation - a.generation)[0]
    this.#generation = newest?.generation ?? 0
    this.#state = newest?.state ?? START
  }

  get state(): CursorState {
    return this.#state
  }

  /**
   * On return the position is on the disk. After an error the next call writes the same slot again, through a new
   * descriptor: the other slot is the only one known to be sound, and a descriptor that failed to sync may lie.
   */
  save(state: CursorState): void {
    const generation = this.#generation + 1
    try {
      this.#file.writeNow(encodeSlot(generation, state), (generation % 2) * SLOT_BYTES)
      this.#file.syncNow()
    } catch (error) {
      this.#reopen()
      throw error
    }
    this.#generation = generation
    this.#state = state
  }

  close(): void {
    this.#file.close()
  }

  #reopen(): void {
    try {
      this.#file.close()
    } catch {
      // It may be the thing that is broken.
    }
    this.#file = this.#files.open(this.#path, 'update')
  }
}

function encodeSlot(generation: number, state: CursorState): Buffer {
  const { block, segment, offset, messages, refused, lost, overflowed, ahead } = state
  if (ahead.length > MAX_STRETCHES) throw new Error(`BUG: ${ahead.length} stretches in a cursor`)
  const numbers = [generation, block, segment, offset, messages, refused, lost, overflowed, ahead.length]
  for (const { from, to } of ahead) {
    numbers.push(from.block, from.segment, from.offset, from.messages)
    numbers.push(to.block, to.segment, to.offset, to.messages)
  }
  const slot = Buffer.alloc(8 + numbers.length * 8)
  slot.writeUInt32LE(MAGIC, 0)
  numbers.forEach((number, i) => {
    slot.writeBigUInt64LE(BigInt(number), 8 + i * 8)
  })
  slot.writeUInt32LE(crc32(slot.subarray(8)), 4)
  return slot
}

function decodeSlot(slots: Buffer, at: number): { generation: number; state: CursorState } | null {
  const slot = slots.subarray(at, at + SLOT_BYTES)
  if (slot.readUInt32LE(0) !== MAGIC) return null
  const number = (byte: number) => Number(slot.readBigUInt64LE(byte))
  const count = number(HEAD_BYTES - 8)
  if (count > MAX_STRETCHES) return null
  const bytes = HEAD_BYTES + count * STRETCH_BYTES
  if (slot.readUInt32LE(4) !== crc32(slot.subarray(8, bytes))) return null
  const place = (byte: number): SpoolTail => ({
    block: number(byte),
    segment: number(byte + 8),
    offset: number(byte + 16),
    messages: number(byte + 24),
  })
  const ahead = Array.from({ length: count }, (_, i): Stretch => {
    const byte = HEAD_BYTES + i * STRETCH_BYTES
    return { from: place(byte), to: place(byte + STRETCH_BYTES / 2) }
  })
  return {
    generation: number(8),
    state: {
      block: number(16),
      segment: number(24),
      offset: number(32),
      messages: number(40),
      refused: number(48),
      lost: number(56),
      overflowed: number(64),
      ahead,
    },
  }
}
