/**
 * How far the store has come: a durable read position of two slots of 64 bytes in one file, written in turn, so
 * that a torn write leaves the other.
 *
 *   0  u32  magic "TCUR"      4  u32  crc32 of bytes 8..64
 *   8  u64  generation        16  u64  last block before the position
 *  24  u64  segment           32  u64  offset in it
 *  40  u64  messages in the blocks before the position
 *  48  u64  of these, messages that the store refused     56  u64  of these, messages lost to damage
 */

import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const MAGIC = 0x52554354
const SLOT_BYTES = 64

export interface CursorState {
  readonly block: number
  /** First block number of the segment that holds the next block. */
  readonly segment: number
  readonly offset: number
  readonly messages: number
  readonly refused: number
  readonly lost: number
}

/** Owned by the writer's thread: its calls wait for the disk. */
export class Cursor {
  readonly #fd: number
  #generation: number
  #state: CursorState

  constructor(path: string) {
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    const slots = Buffer.alloc(SLOT_BYTES * 2)
    readSync(this.#fd, slots, 0, slots.length, 0)
    const newest = [decodeSlot(slots, 0), decodeSlot(slots, SLOT_BYTES)]
      .filter(slot => slot !== null)
      .sort((a, b) => b.generation - a.generation)[0]
    this.#generation = newest?.generation ?? 0
    this.#state = newest?.state ?? { block: 0, segment: 0, offset: 0, messages: 0, refused: 0, lost: 0 }
  }

  get state(): CursorState {
    return this.#state
  }

  /** On return the position is on the disk. */
  save(state: CursorState): void {
    this.#generation++
    const slot = encodeSlot(this.#generation, state)
    writeSync(this.#fd, slot, 0, SLOT_BYTES, (this.#generation % 2) * SLOT_BYTES)
    fdatasyncSync(this.#fd)
    this.#state = state
  }

  close(): void {
    closeSync(this.#fd)
  }
}

function encodeSlot(generation: number, state: CursorState): Buffer {
  const slot = Buffer.alloc(SLOT_BYTES)
  slot.writeUInt32LE(MAGIC, 0)
  const { block, segment, offset, messages, refused, lost } = state
  const numbers = [generation, block, segment, offset, messages, refused, lost]
  numbers.forEach((number, i) => {
    slot.writeBigUInt64LE(BigInt(number), 8 + i * 8)
  })
  slot.writeUInt32LE(crc32(slot.subarray(8)), 4)
  return slot
}

function decodeSlot(slots: Buffer, at: number): { generation: number; state: CursorState } | null {
  const slot = slots.subarray(at, at + SLOT_BYTES)
  if (slot.readUInt32LE(0) !== MAGIC || slot.readUInt32LE(4) !== crc32(slot.subarray(8))) return null
  const number = (i: number) => Number(slot.readBigUInt64LE(8 + i * 8))
  return {
    generation: number(0),
    state: {
      block: number(1),
      segment: number(2),
      offset: number(3),
      messages: number(4),
      refused: number(5),
      lost: number(6),
    },
  }
}
