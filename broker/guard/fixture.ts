/** For tests: bytes by hand, and a socket that sends them. */

import { connect, type TcpNetConnectOpts } from 'node:net'
import type { Duplex } from 'node:stream'
import { generate, type IConnectPacket } from 'mqtt-packet'

export interface Line {
  readonly socket: Duplex
  /** Everything that came. */
  received(): Buffer
  send(bytes: Uint8Array | string): void
  /** Resolves when so many bytes have come, or the other side has closed. */
  bytes(count: number): Promise<Buffer>
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
}

function lineOver(socket: Duplex): Line {
  const chunks: Buffer[] = []
  let wake: () => void = () => undefined
  let isClosed = false
  socket.on('data', chunk => {
    chunks.push(chunk)
    wake()
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>(resolve =>
    socket.once('close', () => {
      isClosed = true
      wake()
      resolve()
    }),
  )
  const received = () => Buffer.concat(chunks)
  return {
    socket,
    received,
    send: bytes => void socket.write(bytes),
    async bytes(count) {
      while (received().length < count && !isClosed) await new Promise<void>(resolve => (wake = resolve))
      return received()
    },
    closed,
  }
}

/** Resolves when it is connected. */
export async function dial(port: number, options: Partial<TcpNetConnectOpts> = {}): Promise<Line> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...options })
  const line = lineOver(socket)
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return line
}

/** Resolves after a CONNACK that says yes. */
export async function login(port: number, options: Partial<IConnectPacket> = {}): Promise<Line> {
  const line = await dial(port)
  line.send(hello(options))
  const connack = await line.bytes(4)
  if (connack[3] !== 0) throw new Error(`CONNACK ${connack.toString('hex')}`)
  return line
}

export function hello(options: Partial<IConnectPacket> = {}): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: '',
    clean: true,
    keepalive: 60,
    ...options,
  })
}

export function lengthOf(bytes: number): Buffer {
  const digits: number[] = []
  let rest = bytes
  do {
    digits.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return Buffer.from(digits)
}

/** A packet of any kind, right or wrong. */
export function packet(first: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map(part => Buffer.from(part as Uint8Array)))
  return Buffer.concat([Buffer.from([first]), lengthOf(body.length), body])
}

export function field(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text as Uint8Array)
  return Buffer.concat([number(bytes.length), bytes])
}

export function number(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

export const PINGREQ = Buffer.from([0xc0, 0])
export const PINGRESP = Buffer.from([0xd0, 0])

export function publish(topic: string | Uint8Array, payload = 'x', qos = 0, id = 1): Buffer {
  return packet(0x30 | (qos << 1), field(topic), qos > 0 ? number(id) : '', payload)
}

export function subscribe(...filters: readonly (string | Uint8Array)[]): Buffer {
  return packet(0x82, number(1), ...filters.flatMap(filter => [field(filter), Buffer.from([0])]))
}
