/** A frame as bytes, made once and shared by all who get it, whatever carries it to them. */

import type { ServerFrame } from './protocol.ts'

export class Frame {
  readonly op: ServerFrame['op']
  /** Names the place in the stream after this frame; null for frames that do not move it. */
  readonly cursor: string | null
  /** JSON text in UTF-8. */
  readonly bytes: Buffer
  #event: Buffer | null = null

  constructor(op: ServerFrame['op'], cursor: string | null, bytes: Buffer) {
    this.op = op
    this.cursor = cursor
    this.bytes = bytes
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

/** A frame around a list that is bytes already: `head` up to and with the `[`. */
export function frameAround(
  op: ServerFrame['op'],
  cursor: string,
  head: string,
  list: readonly Uint8Array[],
): Frame {
  return new Frame(op, cursor, Buffer.concat([Buffer.from(head), ...list, Buffer.from(']}')]))
}
