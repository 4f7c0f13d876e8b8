/** A frame as bytes, made once and shared by all who get it, whatever carries it to them. */

import type { ServerFrame } from './protocol.ts'

export class Frame {
  readonly op: ServerFrame['op']
  /** Names the place in the stream after this frame; null for frames that do not move it. */
  readonly cursor: string | null
  /** JSON text in UTF-8. */
  readonly bytes: Buffer
  /** How many readings or messages are in it. */
  readonly count: number
  #event: Buffer | null = null

  constructor(op: ServerFrame['op'], cursor: string | null, bytes: Buffer, count = 0) {
    this.op = op
    this.cursor = cursor
    this.bytes = bytes
    this.count = count
  }

  /** The frame as a Server-Sent Event. JSON text holds no line break, so it is one `data` line. */
  get event(): Buffer {
    if (!this.#event) {
      const id = this.cursor === null ? '' : `id: ${this.cursor}\n`
      this.#event = Buffer.concat([
        Buffer.from(`event: ${this.op}\n${id}data: `),
        this.bytes,
        Buffer.from('\n\n'),
      ])
    }
    return this.#event
  }
}

export function frameOf(frame: ServerFrame): Frame {
  return new Frame(frame.op, null, Buffer.from(JSON.stringify(frame)))
}

/** A list of readings or messages that is bytes already, in pieces, with commas between its entries. */
export interface Body {
  readonly parts: readonly Uint8Array[]
  readonly count: number
}

export function bodyOf(json: readonly string[]): Body {
  return { parts: [Buffer.from(json.join(','))], count: json.length }
}

/** `head` is up to and with the `[`. */
export function frameAround(
  op: ServerFrame['op'],
  cursor: string,
  head: string,
  { parts, count }: Body,
): Frame {
  return new Frame(op, cursor, Buffer.concat([Buffer.from(head), ...parts, END]), count)
}

const END = Buffer.from(']}')
