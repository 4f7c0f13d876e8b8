import { Duplex } from 'node:stream'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { serveWebSockets, type WebSocketServer } from '../web-socket-server.ts'
import { suite } from './fixture.ts'
import { connect, DISCONNECT, PINGREQ, publish, subscribe } from './packets.ts'
import { Wire } from './wire.ts'

const mqtt = suite()
let server: WebSocketServer
beforeAll(async () => {
  server = await serveWebSockets(mqtt.broker.broker)
})
afterAll(() => server.close())

/** What is written goes out in frames of so many bytes. */
function framed(socket: WebSocket, frameBytes: number): Wire {
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += frameBytes) socket.send(chunk.subarray(at, at + frameBytes))
      done()
    },
    destroy(error, done) {
      socket.terminate()
      done(error)
    },
  })
  socket.on('message', (data: Buffer) => stream.push(data))
  socket.on('close', () => stream.destroy())
  socket.on('error', () => undefined)
  return new Wire(stream)
}

it('speaks the sub-protocol mqtt, and says so [MQTT-6.0.0-3] [MQTT-6.0.0-4]', async () => {
  for (const [offered, chosen] of [
    [['mqtt'], 'mqtt'],
    [['chat', 'mqtt'], 'mqtt'],
    [['mqtt', 'mqttv3.1'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
  ] as const) {
    const socket = await server.open([...offered])
    expect(socket.protocol).toBe(chosen)
    socket.terminate()
  }
})

it.each([1, 2, 3, 7, 100, 100_000])(
  'packets need not keep to frames: %i bytes in each [MQTT-6.0.0-2]',
  async frameBytes => {
    const topic = mqtt.name()
    const wire = framed(await server.open(), frameBytes)
    wire.send(
      connect({ clientId: mqtt.name() }),
      subscribe(1, [[topic, 1]]),
      publish({ topic, payload: 'x'.repeat(500), qos: 1, id: 2 }),
      PINGREQ,
    )
    await wire.next('connack')
    await wire.find('suback')
    await wire.find('puback')
    await wire.find('pingresp')
    expect((await wire.receive(1))[0]?.payload).toBe('x'.repeat(500))
    wire.send(DISCONNECT)
    await wire.closed()
  },
)

it('what the broker sends comes in binary frames [MQTT-6.0.0-1]', async () => {
  const socket = await server.open()
  const isBinary = new Promise<boolean>(resolve => socket.once('message', (_data, binary) => resolve(binary)))
  socket.send(connect({ clientId: mqtt.name() }))
  expect(await isBinary).toBe(true)
  socket.terminate()
})

it('a text frame closes, before CONNECT and after, and is not understood [MQTT-6.0.0-1]', async () => {
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(topic)
  for (const isConnected of [false, true]) {
    const socket = await server.open()
    const closed = new Promise<number>(resolve => socket.once('close', resolve))
    if (isConnected) {
      const wire = framed(socket, 1000)
      wire.send(connect({ clientId: mqtt.name() }))
      await wire.next('connack')
      socket.send(publish({ topic, payload: 'text' }).toString('latin1'))
    } else {
      socket.send(connect({ clientId: mqtt.name() }).toString('latin1'))
    }
    expect(await closed).toBe(1003)
  }
  await watcher.publish({ topic, payload: 'end' })
  expect((await watcher.receive(1))[0]?.payload).toBe('end')
})

it('the same broker serves both transports [MQTT-7.1.1-1]', async () => {
  const topic = mqtt.name()
  const overTcp = await mqtt.connected()
  await overTcp.subscribe(topic)
  const overWebSocket = framed(await server.open(), 1000)
  overWebSocket.send(connect({ clientId: mqtt.name() }))
  await overWebSocket.next('connack')
  await overWebSocket.publish({ topic, payload: 'across', qos: 1 })
  expect((await overTcp.receive(1))[0]?.payload).toBe('across')
  await overWebSocket.drop()
})
