import { afterEach, describe, expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import type { TestBrokerOptions } from '../fixture.ts'
import { FreshBroker } from '../fresh-broker.ts'
import { serveWebSockets, type WebSocketServer } from '../web-socket-server.ts'
import { dial, hello, PINGREQ, packet, publish, subscribe } from './fixture.ts'

const broker = new FreshBroker()
let server: WebSocketServer
afterEach(() => server.close())

async function start(options: Partial<TestBrokerOptions> = {}): Promise<void> {
  await broker.start(options)
  server = await serveWebSockets(broker.broker)
}

interface Talk {
  readonly socket: WebSocket
  received(): Buffer
  bytes(count: number): Promise<Buffer>
  /** Resolves with the close code. */
  readonly closed: Promise<number>
}

async function open(...how: Parameters<WebSocketServer['open']>): Promise<Talk> {
  const socket = await server.open(...how)
  const chunks: Buffer[] = []
  let wake: () => void = () => undefined
  let isClosed = false
  socket.on('message', data => {
    chunks.push(data as Buffer)
    wake()
  })
  const closed = new Promise<number>(resolve =>
    socket.once('close', code => {
      isClosed = true
      wake()
      resolve(code)
    }),
  )
  const received = () => Buffer.concat(chunks)
  return {
    socket,
    received,
    closed,
    async bytes(count) {
      while (received().length < count && !isClosed) await new Promise<void>(resolve => (wake = resolve))
      return received()
    },
  }
}

const CONNACK = Buffer.from([0x20, 2, 0, 0])

it('packets may be split and merged over frames at will', async () => {
  await start()
  const talk = Buffer.concat([hello(), subscribe('a'), publish('b', 'x'.repeat(300), 1, 5), PINGREQ])
  const expected = 4 + 5 + 4 + 2
  for (const size of [1, 2, 3, 7, 50, 1000]) {
    const { socket, bytes } = await open()
    for (let at = 0; at < talk.length; at += size) socket.send(talk.subarray(at, at + size))
    expect((await bytes(expected)).subarray(0, 4), `frames of ${size}`).toEqual(CONNACK)
    expect(await bytes(expected), `frames of ${size}`).toHaveLength(expected)
    socket.terminate()
  }
  expect(broker.accepted).toHaveLength(6)
  // Fragments of one message, too.
  const { socket, bytes } = await open()
  for (const byte of talk.subarray(0, 200)) socket.send(Buffer.from([byte]), { fin: false })
  socket.send(talk.subarray(200), { fin: true })
  expect(await bytes(expected)).toHaveLength(expected)
  socket.terminate()
})

it('a text frame closes the connection, before and after CONNECT [MQTT-6.0.0-1]', async () => {
  await start()
  for (const isGreeted of [false, true]) {
    const { socket, bytes, closed } = await open()
    if (isGreeted) {
      socket.send(hello())
      await bytes(4)
    }
    socket.send('text')
    expect(await closed).toBe(1003)
  }
  expect(broker.broker.stats.closed['text-frame']).toBe(2)
})

describe('the sub-protocol', () => {
  it.each(['chat', 'mqttv5'])('%s is refused', async name => {
    await start()
    await expect(open(name)).rejects.toThrow('400')
  })

  it.each([
    [['mqtt'], 'mqtt'],
    [['chat', 'mqtt'], 'mqtt'],
    [['mqttv3.1'], 'mqttv3.1'],
    [[], ''],
  ])('of %j it is %j', async (offered, taken) => {
    await start()
    const { socket } = await open(offered)
    expect(socket.protocol).toBe(taken)
    socket.terminate()
  })
})

it('a packet of which more is announced than sent costs what was sent, and is closed when it is too much', async () => {
  await start()
  const { socket, bytes, closed } = await open()
  socket.send(hello())
  await bytes(4)
  socket.send(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]))
  await closed
  expect(broker.broker.stats.closed['too-large']).toBe(1)
})

it('somebody unknown gets no room for a whole packet: neither by one frame nor by fragments', async () => {
  await start()
  for (const part of [
    { size: 1_000_000, fin: true },
    { size: 10_000, fin: false },
  ]) {
    const { socket, closed } = await open()
    // Announced and not finished: nothing comes out of the frame.
    const timer = setInterval(() => socket.send(Buffer.alloc(part.size), { fin: part.fin }), 1)
    await closed
    clearInterval(timer)
  }
  // The end of the first was its first byte, or its length.
  const { closed } = broker.broker.stats
  expect((closed['too-large'] ?? 0) + (closed['no-connect'] ?? 0)).toBe(2)
})

it('frames and fragments without end are bounded for those who are known, too', async () => {
  await start()
  const { socket, bytes, closed } = await open()
  socket.send(hello())
  await bytes(4)
  const fragment = () => socket.send(Buffer.alloc(1), { fin: false })
  for (let i = 0; i < 2000; i++) fragment()
  expect(await closed).toBe(1008)
})

it('limits count by X-Forwarded-For of a trusted proxy, and answer in HTTP', async () => {
  await start({ trustedProxies: ['127.0.0.1'], limits: { maxConnectionsPerAddress: 1 } })
  const first = await open('mqtt', { 'x-forwarded-for': '203.0.113.7' })
  await expect(open('mqtt', { 'x-forwarded-for': '1.2.3.4, 203.0.113.7' })).rejects.toThrow('429')
  const other = await open('mqtt', { 'x-forwarded-for': '203.0.113.8' })
  expect(broker.broker.stats.refused.address).toBe(1)
  first.socket.terminate()
  other.socket.terminate()
})

it('X-Forwarded-For of a stranger says nothing', async () => {
  await start({ limits: { maxConnectionsPerAddress: 1, maxConnections: 2 } })
  const talks = [
    await open('mqtt', { 'x-forwarded-for': '203.0.113.7' }),
    await open('mqtt', { 'x-forwarded-for': '203.0.113.7' }),
  ]
  await expect(open()).rejects.toThrow('503')
  expect(broker.broker.stats.refused).toEqual({ connections: 1, address: 0 })
  for (const { socket } of talks) socket.terminate()
})

it('a bad handshake leaves nothing behind', async () => {
  await start({ limits: { maxConnections: 1 } })
  for (let i = 0; i < 3; i++) {
    const line = await dial(server.port)
    line.send(
      'GET /mqtt HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 1\r\n\r\n',
    )
    await line.closed
    expect(line.received().toString()).toMatch(/^HTTP\/1.1 4/)
  }
  const { socket, bytes } = await open()
  socket.send(packet(0x10, Buffer.from([0, 4]), 'MQTT', Buffer.from([4, 2, 0, 9, 0, 1]), 'a'))
  expect(await bytes(4)).toEqual(CONNACK)
  socket.terminate()
})
