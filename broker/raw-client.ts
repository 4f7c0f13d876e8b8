/** For tests: a client that sends exactly what it is told, when it is told. */

import { connect, type Socket } from 'node:net'
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet'
import { hello } from './guard/fixture.ts'

export interface RawClient {
  readonly socket: Socket
  /** Everything that came, in order. */
  readonly received: Packet[]
  send(packet: Packet): void
  /** The first that has such a `cmd` and was not given out yet. */
  next(cmd: Packet['cmd']): Promise<Packet>
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
  destroy(): void
}

/** Resolves after CONNACK. */
export async function connectRaw(port: number, options: Partial<IConnectPacket>): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const parse = parser({ protocolVersion: 4 })
  const received: Packet[] = []
  const unread: Packet[] = []
  let wake: () => void = () => undefined
  parse.on('packet', packet => {
    received.push(packet)
    unread.push(packet)
    wake()
  })
  socket.on('data', data => parse.parse(data))
  socket.on('error', () => undefined)
  const client: RawClient = {
    socket,
    received,
    send: packet => void socket.write(generate(packet)),
    async next(cmd) {
      for (;;) {
        const at = unread.findIndex(packet => packet.cmd === cmd)
        if (at !== -1) return unread.splice(at, 1)[0]!
        await new Promise<void>(resolve => (wake = resolve))
      }
    },
    closed: new Promise(resolve => socket.once('close', () => resolve())),
    destroy: () => socket.destroy(),
  }
  socket.write(hello(options))
  await client.next('connack')
  return client
}
