/** Clients that ask for everything and then stop reading, as a laptop whose lid was closed. */

import mqttPacket from 'mqtt-packet'
import { WebSocket } from 'ws'
import { LIVE_PROTOCOL } from '../../bridge/live/protocol.ts'
import type { Api } from '../check/api.ts'
import { AckReader, CONNACK, SUBACK } from '../fleet/packets.ts'
import { openStream, type Target } from '../target.ts'

const TIMEOUT_MS = 10_000

/** Resolves when it has subscribed to `#` and has stopped reading; with how to end it. */
export function freezeSubscriber(target: Target, clientId: string): Promise<() => void> {
  const { promise, resolve, reject } = Promise.withResolvers<() => void>()
  const stream = openStream(target)
  const { username, password } = target
  const id = username === undefined ? clientId : `${username}-${clientId}`
  const timer = setTimeout(() => reject(new Error(`${clientId}: no answer from the broker`)), TIMEOUT_MS)
  const reader = new AckReader((type, _id, code) => {
    if (type === CONNACK && code === 0) {
      stream.write(
        mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] }),
      )
    }
    if (type !== SUBACK) return
    stream.pause()
    resolve(() => stream.destroy())
  })
  stream.on('data', (chunk: Buffer) => reader.push(chunk))
  // Brokers end it sooner or later; that is what it is for.
  stream.on('error', reject)
  stream.write(
    mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: id,
      keepalive: 0,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
    }),
  )
  return promise.finally(() => clearTimeout(timer))
}

/** A live dashboard that has subscribed to every reading and reads nothing any more. */
export function freezeDashboard(api: Api): Promise<() => void> {
  const { promise, resolve, reject } = Promise.withResolvers<() => void>()
  const url = new URL(api.liveUrl)
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  const socket = new WebSocket(url, [LIVE_PROTOCOL])
  const timer = setTimeout(() => reject(new Error(`no live connection to ${url}`)), TIMEOUT_MS)
  socket.on('open', () => {
    if (api.token !== undefined) socket.send(JSON.stringify({ op: 'auth', token: api.token }))
    socket.send(JSON.stringify({ op: 'subscribe', id: 1, snapshot: false }))
  })
  socket.on('message', data => {
    const frame = JSON.parse(data.toString()) as { op: string }
    if (frame.op !== 'result') return
    socket.pause()
    resolve(() => socket.terminate())
  })
  socket.on('error', reject)
  return promise.finally(() => clearTimeout(timer))
}
