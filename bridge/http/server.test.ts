import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Hono } from 'hono'
import { afterEach, expect, it } from 'vitest'
import type { Gated } from './access.ts'
import { originPolicy } from './origin.ts'
import { createHttpServer, type HttpOptions } from './server.ts'

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

async function serve(options: Partial<HttpOptions> = {}): Promise<number> {
  const server = createHttpServer({
    app: new Hono<Gated>().all('*', async c => c.text(await c.req.text())).onError((_, c) => c.text('', 500)),
    tls: null,
    origin: originPolicy({ host: '127.0.0.1', names: [], origins: [] }),
    maxConnections: 100,
    maxConnectionsPerAddress: 100,
    isUnlimited: () => false,
    onFull: () => undefined,
    onMqttUpgrade: null,
    timeouts: { headersMs: 300, requestMs: 600, checkMs: 50 },
    ...options,
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

async function open(port: number): Promise<Socket & { said: string }> {
  const socket = Object.assign(connect(port, '127.0.0.1'), { said: '' })
  socket.on('data', chunk => (socket.said += chunk))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** However it ends: `once` would take a reset for a failure. */
function ended(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    if (socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })
}

/** One byte at a time, as slow as it may be. */
async function drip(socket: Socket, text: string): Promise<void> {
  for (const letter of text) {
    if (socket.destroyed) return
    socket.write(letter)
    await sleep(20)
  }
}

it.each([
  ['a head', 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: 0123456789012345678901234567890123456789\r\n'],
  [
    'an upgrade',
    'GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: 1\r\n',
  ],
  ['nothing at all', ''],
])('%s that does not come to its end is not waited for', async (_, text) => {
  const socket = await open(await serve())
  const closed = ended(socket)
  void drip(socket, text)
  await closed
  expect(socket.said).toMatch(/^$|408/)
})

it('nor is a body', async () => {
  const socket = await open(await serve())
  const closed = ended(socket)
  socket.write('POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n')
  void drip(socket, 'x'.repeat(200))
  await closed
  expect(socket.said).not.toContain('200 OK')
})

it('a refused upgrade leaves no socket behind, though the other side keeps its end open', async () => {
  const port = await serve()
  for (const path of ['/nothing', '/mqtt']) {
    const socket = await open(port)
    const closed = ended(socket)
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    )
    await closed
    expect(socket.said).toContain('404')
  }
})

it('one address takes its own places alone, and has them again', async () => {
  let turnedAway = 0
  const options = { maxConnectionsPerAddress: 2, onFull: () => turnedAway++ }
  const patient = { headersMs: 10_000, requestMs: 10_000, checkMs: 1000 }
  const port = await serve({ ...options, timeouts: patient })
  const [first] = [await open(port), await open(port)]
  await ended(await open(port))
  expect(turnedAway).toBe(1)
  const neighbour = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  await once(neighbour, 'connect')
  neighbour.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  expect(String((await once(neighbour, 'data'))[0])).toContain('200 OK')
  first!.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  await ended(first!)
  const again = await open(port)
  again.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  await ended(again)
  expect(again.said).toContain('200 OK')
  expect(turnedAway).toBe(1)
  const free = await serve({ ...options, isUnlimited: address => address === '127.0.0.1' })
  await Promise.all([open(free), open(free), open(free)])
  expect(turnedAway).toBe(1)
})

it('more connections than there may be are turned away, and counted', async () => {
  let turnedAway = 0
  const port = await serve({
    maxConnections: 2,
    onFull: () => turnedAway++,
    timeouts: { headersMs: 10_000, requestMs: 10_000, checkMs: 1000 },
  })
  const sockets = [await open(port), await open(port)]
  const third = await open(port)
  await ended(third)
  expect(turnedAway).toBe(1)
  for (const socket of sockets) {
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
    await ended(socket)
    expect(socket.said).toContain('200 OK')
  }
})
