/** A real broker for tests, which remembers what clients published, in order. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { Aedes, type AedesPublishPacket } from 'aedes'
import { type Target, targetOf } from '../target.ts'

export interface Arrived {
  readonly client: string
  readonly topic: string
  readonly payload: Buffer
  readonly qos: number
  readonly retain: boolean
  readonly dup: boolean
}

export interface TestBroker {
  readonly target: Target
  readonly url: string
  readonly aedes: Aedes
  readonly arrived: Arrived[]
  readonly sockets: Set<Socket>
  /** Resolves when the condition holds; looked at after each message. */
  until(condition: (arrived: readonly Arrived[]) => boolean): Promise<void>
  publish(topic: string, payload: string): Promise<void>
  close(): Promise<void>
}

const PATIENCE_MS = 8000

export async function startBroker(): Promise<TestBroker> {
  const arrived: Arrived[] = []
  const waiting = new Set<() => void>()
  const aedes = await Aedes.createBroker({
    authorizePublish: (client, packet, done) => {
      const { topic, payload, qos, retain, dup } = packet
      arrived.push({ client: client?.id ?? '', topic, payload: Buffer.from(payload), qos, retain, dup })
      for (const look of waiting) look()
      done(null)
    },
  })
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    aedes.handle(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    target: targetOf(url),
    url,
    aedes,
    arrived,
    sockets,
    until(condition) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const timer = setTimeout(
        () => reject(new Error(`in vain: ${arrived.length} messages came`)),
        PATIENCE_MS,
      )
      const look = () => {
        if (condition(arrived)) resolve()
      }
      waiting.add(look)
      look()
      return promise.finally(() => {
        clearTimeout(timer)
        waiting.delete(look)
      })
    },
    publish(topic, payload) {
      const packet = { cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false } as const
      return new Promise((resolve, reject) => {
        aedes.publish(packet satisfies Partial<AedesPublishPacket>, error =>
          error ? reject(error) : resolve(),
        )
      })
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>(resolve => aedes.close(resolve))
      await new Promise(resolve => server.close(resolve))
    },
  }
}
