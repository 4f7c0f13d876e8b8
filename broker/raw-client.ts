/** For tests: a client that sends exactly what it is told, when it is told. */

import { connect, type Socket } from 'node:net'
import { generate, type IConnackPacket, type IConnectPacket, type Packet, parser } from 'mqtt-packet'
import { hello } from './guard/fixture.ts'

/** What comes on a socket, packet by packet. */
export interface Incoming {
  /** Everything that came, in order. */
  readonly received: Packet[]
  /** The first that has such a `cmd` and was not given out yet. Rejects when the other side closes before. */
  next<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>>
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
}

export interface RawClient extends Incoming {
  readonly socket: Socket
  readonly connack: IConnackPacket
  send(packet: Packet): void
  destroy(): void
}

export function packetsFrom(socket: Socket, protocolVersion: 4 | 5): Incoming {
  const parse = parser({ protocolVersion })
  const received: Packet[] = []
  const unread: Packet[] = []
  let isClosed = false
  const waiting: (() => void)[] = []
  const wake = () => {
    for (const each of waiting.splice(0)) each()
  }
  parse.on('packet', packet => {
    received.push(packet)
    unread.push(packet)
    wake()
  })
  socket.on('data', data => parse.parse(data))
  socket.on('error', () => undefined)
  const closed = new Promise<void>(resolve =>
    socket.once('close', () => {
      isClosed = true
      resolve()
      wake()
    }),
  )
  return {
    received,
    async next(cmd) {
      for (;;) {
        const at = unread.findIndex(packet => packet.cmd === cmd)
        if (at !== -1) return unread.splice(at, 1)[0] as never
        if (isClosed) throw new Error(`closed, and no ${cmd} came`)
        await new Promise<void>(resolve => waiting.push(resolve))
      }
    },
    closed,
  }
}

/** Resolves after CONNACK. */
export async function connectRaw(port: number, options: Partial<IConnectPacket>): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const incoming = packetsFrom(socket, 4)
  socket.write(hello(options))
  const connack = await incoming.next('connack')
  return {
    ...incoming,
    socket,
    connack,
    send: packet => void socket.write(generate(packet)),
    destroy: () => socket.destroy(),
  }
}
