/** Reads the data types of the specification (1.5) from one packet, and nothing beyond its end. */

import { isUtf8 } from 'node:buffer'
import { Fault } from './fault.ts'
import { MALFORMED_PACKET } from './reasons.ts'

/** A variable byte integer has four bytes at most (1.5.5). */
const MAX_VARIABLE_BYTES = 4

export class Reader {
  readonly bytes: Buffer
  at: number
  readonly end: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  get isAtEnd(): boolean {
    return this.at >= this.end
  }

  byte(): number {
    const at = this.#take(1)
    return this.bytes[at]!
  }

  /** 0 or 1. */
  flag(): boolean {
    const value = this.byte()
    if (value > 1) throw malformed('a flag is neither 0 nor 1')
    return value === 1
  }

  twoBytes(): number {
    const at = this.#take(2)
    return this.bytes[at]! * 256 + this.bytes[at + 1]!
  }

  fourBytes(): number {
    return this.bytes.readUInt32BE(this.#take(4))
  }

  variableInteger(): number {
    let value = 0
    let factor = 1
    for (let read = 1; ; read++) {
      const byte = this.byte()
      value += (byte & 0x7f) * factor
      if (byte < 0x80) {
        // [MQTT-1.5.5-1]: in as few bytes as it takes.
        if (byte === 0 && read > 1) throw malformed('a number has more bytes than it needs')
        return value
      }
      if (read === MAX_VARIABLE_BYTES) throw malformed('a number is longer than four bytes')
      factor *= 128
    }
  }

  /** Of the chunk's memory. */
  binary(): Buffer {
    const length = this.twoBytes()
    const at = this.#take(length)
    return this.bytes.subarray(at, at + length)
  }

  text(): string {
    const length = this.twoBytes()
    const at = this.#take(length)
    return textAt(this.bytes, at, at + length)
  }

  pair(): readonly [string, string] {
    return [this.text(), this.text()]
  }

  rest(): Buffer {
    const at = this.at
    this.at = this.end
    return this.bytes.subarray(at, this.end)
  }

  /** For what has its own length within the packet. */
  part(length: number): Reader {
    const at = this.#take(length)
    return new Reader(this.bytes, at, at + length)
  }

  finish(): void {
    if (!this.isAtEnd) throw malformed('bytes are left over')
  }

  #take(count: number): number {
    const at = this.at
    if (at + count > this.end) throw malformed('it ends too early')
    this.at = at + count
    return at
  }
}

export function malformed(message: string): Fault {
  return new Fault(MALFORMED_PACKET, message)
}

/**
 * [MQTT-1.5.4-1], [MQTT-1.5.4-2]: well-formed UTF-8 without U+0000. A byte order mark stays [MQTT-1.5.4-3]. Most
 * texts are short ASCII: a loop finds that out sooner than a call of the native check.
 */
function textAt(bytes: Buffer, from: number, to: number): string {
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!
    if (byte === 0) throw malformed('a text has a null character')
    if (byte >= 0x80) return wideTextAt(bytes, from, to)
  }
  return bytes.toString('latin1', from, to)
}

function wideTextAt(bytes: Buffer, from: number, to: number): string {
  const part = bytes.subarray(from, to)
  if (!isUtf8(part)) throw malformed('a text is not UTF-8')
  if (part.includes(0)) throw malformed('a text has a null character')
  return bytes.toString('utf8', from, to)
}
