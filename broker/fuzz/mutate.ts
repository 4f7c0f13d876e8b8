/** What goes wrong with bytes: on the way, in a program, or on purpose. */

import { remainingLength } from '../conformance/packets.ts'
import type { Chance } from './chance.ts'

const INTERESTING_BYTES = [0, 1, 2, 3, 4, 5, 0x7f, 0x80, 0xff, 0xc0, 0xed, 0xf4, 0x23, 0x2b, 0x2f, 0x24]
const INTERESTING_LENGTHS = [0, 1, 2, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455]

/** At least one change, more at times. */
export function mutate(chance: Chance, bytes: Buffer, others: readonly Buffer[]): Buffer {
  let mutated = Buffer.from(bytes)
  do mutated = mutateOnce(chance, mutated, others)
  while (chance.is(0.4))
  return mutated
}

function mutateOnce(
  chance: Chance,
  bytes: Buffer<ArrayBuffer>,
  others: readonly Buffer[],
): Buffer<ArrayBuffer> {
  const at = chance.below(bytes.length + 1)
  const length = chance.below(Math.min(8, bytes.length - at) + 1)
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)]
  switch (chance.below(12)) {
    case 0: // a bit
      if (at < bytes.length) bytes[at]! ^= 1 << chance.below(8)
      return bytes
    case 1:
      if (at < bytes.length) bytes[at] = chance.pick(INTERESTING_BYTES)
      return bytes
    case 2:
      if (at < bytes.length) bytes[at] = chance.below(256)
      return bytes
    case 3: // a type, or flags
      if (bytes.length > 0) bytes[0] = chance.below(256)
      return bytes
    case 4: // two bytes of a length, off by a little
      if (at + 1 < bytes.length)
        bytes.writeUInt16BE((bytes.readUInt16BE(at) + chance.below(7) - 3) & 0xffff, at)
      return bytes
    case 5:
      return Buffer.concat([before, chance.bytes(1 + chance.below(4)), after])
    case 6:
      return Buffer.concat([before, after.subarray(length)])
    case 7: // something twice
      return Buffer.concat([before, after.subarray(0, length), after])
    case 8: // cut short
      return Buffer.from(before)
    case 9: // another remaining length, in as many bytes as it likes
      return withLength(chance, bytes)
    case 10: {
      // the beginning of one, the end of another
      const other = chance.pick(others)
      return Buffer.concat([before, other.subarray(chance.below(other.length + 1))])
    }
    default: // the right length again, after what was done before
      return withRightLength(bytes)
  }
}

function withLength(chance: Chance, bytes: Buffer): Buffer<ArrayBuffer> {
  const length = remainingLength(chance.pick(INTERESTING_LENGTHS))
  if (chance.is(0.2)) {
    // Longer than it needs to be.
    length[length.length - 1]! |= 0x80
    return Buffer.concat([bytes.subarray(0, 1), length, Buffer.from([0]), bytes.subarray(bodyAt(bytes))])
  }
  return Buffer.concat([bytes.subarray(0, 1), length, bytes.subarray(bodyAt(bytes))])
}

/** So that what is behind the header is reached. */
export function withRightLength(bytes: Buffer): Buffer<ArrayBuffer> {
  if (bytes.length === 0) return Buffer.alloc(0)
  const body = bytes.subarray(bodyAt(bytes))
  return Buffer.concat([bytes.subarray(0, 1), remainingLength(body.length), body])
}

function bodyAt(bytes: Buffer): number {
  let at = 1
  while (at < 5 && at < bytes.length && bytes[at]! >= 0x80) at++
  return Math.min(at + 1, bytes.length)
}
