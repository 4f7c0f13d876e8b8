/** A WebSocket client in bytes (RFC 6455): it sends any frame, right or wrong, and shows what came. */

import { connect, type Socket } from 'node:net'
import { Patience } from '../../broker/conformance/patience.ts'

export interface FrameFields {
  readonly opcode: number
  readonly payload?: Buffer | string
  readonly isFinal?: boolean
  /** RSV1 to RSV3 as one number, 0 to 7. */
  readonly reserved?: number
  readonly isMasked?: boolean
  /** How the length is written; as short as it can be, unless given. */
  readonly lengthBytes?: 1 | 2 | 8
  /** Announced, whatever follows. */
  readonly length?: number
}

export interface ReceivedFrame {
  readonly opcode: number
  readonly isFinal: boolean
  readonly payload: Buffer
}

export const OPCODE = { more: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

const MASK = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3])

export function frame(fields: FrameFields): Buffer {
  const { opcode, payload = '', isFinal = true, reserved = 0, isMasked = true } = fields
  const bytes = Buffer.from(payload)
  const { length = bytes.length } = fields
  const lengthBytes = fields.lengthBytes ?? (length < 126 ? 1 : length < 65_536 ? 2 : 8)
  const head = Buffer.alloc(lengthBytes === 1 ? 2 : 2 + lengthBytes)
  head[0] = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  const marked = isMasked ? 0x80 : 0
  if (lengthBytes === 1) head[1] = marked | length
  else head[1] = marked | (lengthBytes === 2 ? 126 : 127)
  if (lengthBytes === 2) head.writeUInt16BE(length, 2)
  if (lengthBytes === 8) head.writeBigUInt64BE(BigInt(length), 2)
  if (!isMasked) return Buffer.concat([head, bytes])
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= MASK[i % 4]!
  return Buffer.concat([head, MASK, bytes])
}

export function closeFrame(code?: number, reason: Buffer | string = ''): Buffer {
  const payload =
    code === undefined ? '' : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])
  return frame({ opcode: OPCODE.close, payload })
}

export class RawWebSocket {
  readonly socket: Socket
  /** Not asked for yet. */
  readonly frames: ReceivedFrame[] = []
  /** Of the server's close frame; 1005: it had none; null: no such frame came. */
  closeCode: number | null = null
  #bytes = Buffer.alloc(0)
  #isUpgraded = false
  #head = ''
  #isClosed = false
  readonly #patience = new Patience()

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (data: Buffer) => this.#take(data))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#isClosed = true
      this.#patience.wake()
    })
  }

  /** Resolves when upgraded. `lines` join the head of the request. */
  static async open(port: number, path: string, lines: readonly string[] = []): Promise<RawWebSocket> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const client = new RawWebSocket(socket)
    socket.write(
      [
        `GET ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ...lines,
        '\r\n',
      ].join('\r\n'),
    )
    await client.#until(() => client.#isUpgraded, 'an upgrade')
    return client
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Of the server's answer to the upgrade. */
  get head(): string {
    return this.#head
  }

  send(...frames: readonly Uint8Array[]): void {
    if (this.socket.writable) this.socket.write(Buffer.concat(frames))
  }

  /** The next frame of this kind; others are left out. */
  async next(opcode: number): Promise<ReceivedFrame> {
    const at = () => this.frames.findIndex(one => one.opcode === opcode)
    await this.#until(() => at() !== -1, `a frame of opcode ${opcode}`)
    return this.frames.splice(at(), 1)[0]!
  }

  /** Resolves with the code that the server closed with; null: without a word. */
  async closed(): Promise<number | null> {
    await this.#until(() => this.#isClosed, 'the end')
    return this.closeCode
  }

  destroy(): void {
    this.socket.destroy()
  }

  #take(data: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, data])
    if (!this.#isUpgraded) {
      const end = this.#bytes.indexOf('\r\n\r\n')
      if (end === -1) return
      this.#head = this.#bytes.toString('latin1', 0, end)
      this.#bytes = this.#bytes.subarray(end + 4)
      this.#isUpgraded = this.#head.startsWith('HTTP/1.1 101 ')
    }
    while (this.#readFrame()) if (this.frames.length > 1000) this.frames.shift()
    this.#patience.wake()
  }

  #readFrame(): boolean {
    const bytes = this.#bytes
    if (!this.#isUpgraded || bytes.length < 2) return false
    const short = bytes[1]! & 127
    const at = short === 126 ? 4 : short === 127 ? 10 : 2
    if (bytes.length < at) return false
    const length =
      short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short
    if (bytes.length < at + length) return false
    const payload = Buffer.from(bytes.subarray(at, at + length))
    const opcode = bytes[0]! & 15
    // A server does not mask.
    if (bytes[1]! >= 128) throw new Error('the server sent a masked frame')
    this.frames.push({ opcode, isFinal: bytes[0]! >= 128, payload })
    if (opcode === OPCODE.close) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      // Whoever is closed on says so, and goes.
      if (this.socket.writable)
        this.socket.end(frame({ opcode: OPCODE.close, payload: payload.subarray(0, 2) }))
    }
    this.#bytes = bytes.subarray(at + length)
    return true
  }

  #until(isThere: () => boolean, what: string): Promise<void> {
    return this.#patience.until(
      () => {
        if (isThere()) return true
        if (this.#isClosed)
          throw new Error(`${what} was due, the connection was closed with ${this.closeCode}: ${this.#head}`)
        return false
      },
      () => `${what} was due: ${this.#head.slice(0, 100)}`,
    )
  }
}
