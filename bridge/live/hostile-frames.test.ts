/** What a client may send that it should not: each costs that client its connection, and nobody else anything. */

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { isTooDeep } from './depth.ts'
import { type Live, startLive, TestClient } from './fixture.ts'

const UPGRADE = (port: number, more = '') =>
  `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${more}\r\n`

interface FrameParts {
  readonly opcode: number
  readonly payload?: Buffer
  readonly isFinal?: boolean
  readonly reserved?: number
  readonly isMasked?: boolean
  /** Instead of the payload's own. */
  readonly length?: bigint
}

/** RFC 6455, 5.2; says what it is told, right or wrong. */
function frame({
  opcode,
  payload = Buffer.alloc(0),
  isFinal = true,
  reserved = 0,
  isMasked = true,
  length = BigInt(payload.length),
}: FrameParts): Buffer {
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode
  const mask = isMasked ? 0x80 : 0
  const head =
    length < 126n
      ? Buffer.from([first, mask | Number(length)])
      : length < 65_536n
        ? Buffer.from([first, mask | 126, Number(length >> 8n), Number(length & 255n)])
        : Buffer.concat([Buffer.from([first, mask | 127]), bigEndian(length)])
  if (!isMasked) return Buffer.concat([head, payload])
  const key = randomBytes(4)
  return Buffer.concat([head, key, payload.map((byte, i) => byte ^ key[i % 4]!)])
}

function bigEndian(length: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(length)
  return bytes
}

const text = (payload: string | Buffer, more: Partial<FrameParts> = {}) =>
  frame({ opcode: 1, payload: Buffer.from(payload), ...more })
const closing = (...bytes: number[]) => frame({ opcode: 8, payload: Buffer.from(bytes) })

interface Peer {
  readonly socket: Socket
  /** The code of the server's close frame; null: the connection ended without one. */
  readonly closed: Promise<number | null>
  received(): Buffer
}

async function open(live: Live, more = ''): Promise<Peer> {
  const socket = connect(live.port, '127.0.0.1')
  let received = Buffer.alloc(0)
  socket.on('error', () => undefined)
  socket.write(UPGRADE(live.port, more))
  const closed = new Promise<number | null>(resolve =>
    socket.once('close', () => resolve(closeCode(received))),
  )
  await new Promise<void>(resolve => {
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      if (closeCode(received) !== null) socket.end()
      if (received.includes('"op":"hello"')) resolve()
    })
    void closed.then(() => resolve())
  })
  return { socket, closed, received: () => received }
}

/** Of the last frame, when that is a close frame. */
function closeCode(received: Buffer): number | null {
  let at = received.indexOf('\r\n\r\n') + 4
  let code: number | null = null
  while (at + 2 <= received.length) {
    const short = received[at + 1]!
    const [length, head] = short < 126 ? [short, 2] : [received.readUInt16BE(at + 2), 4]
    code = received[at] === 0x88 ? received.readUInt16BE(at + head) : null
    at += head + length
  }
  return code
}

const SUBSCRIBE = '{"op":"subscribe","id":1,"snapshot":false}'
const [MALFORMED, UNSUPPORTED, BAD_TEXT, VIOLATION, TOO_BIG] = [1002, 1003, 1007, 1008, 1009]

test.each<[string, readonly Buffer[], number]>([
  ['an unmasked frame', [text(SUBSCRIBE, { isMasked: false })], MALFORMED],
  ['reserved bit 1, as if compressed', [text(SUBSCRIBE, { reserved: 4 })], MALFORMED],
  ['reserved bit 2', [text(SUBSCRIBE, { reserved: 2 })], MALFORMED],
  ['reserved bit 3', [text(SUBSCRIBE, { reserved: 1 })], MALFORMED],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map(
    opcode => [`opcode ${opcode}`, [frame({ opcode })], MALFORMED] as [string, Buffer[], number],
  ),
  ['a continuation of nothing', [frame({ opcode: 0, payload: Buffer.from('x') })], MALFORMED],
  ['a message within a message', [text('a', { isFinal: false }), text('b')], MALFORMED],
  ['a ping in pieces', [frame({ opcode: 9, isFinal: false })], MALFORMED],
  ['a long ping', [frame({ opcode: 9, payload: Buffer.alloc(126) })], MALFORMED],
  ['a close frame of one byte', [closing(3)], MALFORMED],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535].map(
    code => [`close code ${code}`, [closing(code >> 8, code & 255)], MALFORMED] as [string, Buffer[], number],
  ),
  ['a reason that is no UTF-8', [closing(3, 232, 0xff)], BAD_TEXT],
  ...['ff', 'c080', 'eda080', 'f4908080', 'e282', '80', 'f88888808080', 'fefeffff'].map(
    hex => [`text of ${hex}`, [text(Buffer.from(hex, 'hex'))], BAD_TEXT] as [string, Buffer[], number],
  ),
  ['bytes', [frame({ opcode: 2, payload: Buffer.from('{}') })], UNSUPPORTED],
  ['a frame that says it has 256 MiB', [text('x', { length: 2n ** 28n })], TOO_BIG],
  ['a frame that says it has 2^63 bytes', [text('x', { length: 2n ** 63n - 1n })], TOO_BIG],
  [
    'more bytes in pieces than in one',
    Array.from({ length: 5 }, (_, i) =>
      frame({ opcode: i === 0 ? 1 : 0, payload: Buffer.alloc(40_000, 'x'), isFinal: false }),
    ),
    TOO_BIG,
  ],
  [
    'pieces without an end',
    Array.from({ length: 100 }, (_, i) =>
      frame({ opcode: i === 0 ? 1 : 0, payload: Buffer.from('x'), isFinal: false }),
    ),
    VIOLATION,
  ],
])('%s: closed, with the code for it, and counted', async (_, frames, code) => {
  await using live = await startLive()
  using other = await live.client()
  await other.next('hello')
  const { socket, closed } = await open(live)
  for (const bytes of frames) socket.write(bytes)
  // A close frame that is sound is answered, and the socket ended.
  expect(await closed).toBe(code)
  await other.settle()
  expect(live.relay.stats).toMatchObject({ connections: 1, closed: { malformed: 1 } })
})

test('sound frames are understood alike, whole or byte by byte, in one piece or in several', async () => {
  await using live = await startLive()
  const pieces = [
    text(SUBSCRIBE.slice(0, 10), { isFinal: false }),
    frame({ opcode: 9, payload: Buffer.from('hi') }),
    frame({ opcode: 0, payload: Buffer.from(SUBSCRIBE.slice(10)) }),
  ]
  const answers: string[] = []
  for (const chunks of [
    [text(SUBSCRIBE)],
    [Buffer.concat(pieces)],
    [...Buffer.concat(pieces)].map(byte => Buffer.from([byte])),
  ]) {
    const peer = await open(live)
    peer.socket.setNoDelay(true)
    for (const chunk of chunks) {
      peer.socket.write(chunk)
      await new Promise(setImmediate)
    }
    await expect.poll(() => peer.received().includes('"op":"result"')).toBe(true)
    answers.push(peer.received().toString('latin1').slice(peer.received().indexOf('{"op":"result"')))
    peer.socket.destroy()
  }
  expect(new Set(answers).size).toBe(1)
})

test('compression is not agreed to: there is nothing to blow up', async () => {
  await using live = await startLive()
  const { socket, received } = await open(
    live,
    'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n',
  )
  expect(received().toString('latin1')).not.toMatch(/sec-websocket-extensions/i)
  socket.destroy()
})

test('fifty clients that each begin a huge message, or never end one, cost next to nothing', async () => {
  await using live = await startLive()
  const beforeBytes = process.memoryUsage().rss
  const peers = await Promise.all(Array.from({ length: 50 }, () => open(live)))
  for (const [i, { socket }] of peers.entries()) {
    if (i % 2 === 0) socket.write(Buffer.concat([text('x', { length: 120_000n }), Buffer.alloc(119_000)]))
    else
      for (let n = 0; n < 64; n++)
        socket.write(frame({ opcode: n === 0 ? 1 : 0, payload: Buffer.from('x'), isFinal: false }))
  }
  using other = await live.client()
  await other.settle()
  expect(process.memoryUsage().rss - beforeBytes).toBeLessThan(50 * 1024 ** 2)
  for (const { socket } of peers) socket.destroy()
})

test('a message that comes in crumbs, and never wholly, is given up', async () => {
  await using live = await startLive()
  const { socket, closed } = await open(live)
  socket.setNoDelay(true)
  socket.write(text('', { length: 60_000n }))
  let isOpen = true
  void closed.then(() => {
    isOpen = false
  })
  for (let i = 0; i < 20_000 && isOpen; i++) {
    socket.write('x')
    await new Promise(setImmediate)
  }
  expect(await closed).toBe(VIOLATION)
})

test('pings are answered while they are read, and too many close the connection: 4429', async () => {
  await using live = await startLive({ limits: { messagesPerSecond: 10 }, addressOf: () => '10.0.0.1' })
  const polite = await open(live)
  polite.socket.write(frame({ opcode: 9, payload: Buffer.from('there?') }))
  await expect.poll(() => polite.received().includes('\x8a\x06there?', 0, 'latin1')).toBe(true)
  polite.socket.write(Buffer.concat(Array.from({ length: 100 }, () => frame({ opcode: 9 }))))
  expect(await polite.closed).toBe(4429)
})

test('a flood of pings by one who does not read is not answered into our memory', async () => {
  await using live = await startLive()
  const { socket } = await open(live)
  socket.pause()
  const flood = Buffer.concat(
    Array.from({ length: 1000 }, () => frame({ opcode: 9, payload: Buffer.alloc(125) })),
  )
  const ROUNDS = 400
  for (let i = 0; i < ROUNDS; i++) await new Promise<void>(resolve => socket.write(flood, () => resolve()))
  // What was answered is what comes once it reads: what the kernel holds between two sockets, and little more.
  let answeredBytes = 0
  let end = ''
  const answered = new Promise<void>(resolve => {
    socket.removeAllListeners('data')
    socket.on('data', (chunk: Buffer) => {
      answeredBytes += chunk.length
      end = (end + chunk.subarray(-64).toString('latin1')).slice(-64)
      if (end.includes('"op":"pong"')) resolve()
    })
  })
  socket.write(text('{"op":"ping"}'))
  socket.resume()
  await answered
  expect(answeredBytes).toBeLessThan((ROUNDS * flood.length) / 2)
  socket.destroy()
})

test('deep nesting is refused, by its depth and not by its brackets', async () => {
  await using live = await startLive()
  using client = await live.client()
  await client.next('hello')
  const nested = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
  for (const [id, payload] of [
    nested(7),
    nested(8),
    nested(30_000),
    '"[[[[[[[[[["',
    '"\\"[[[[[[[["',
  ].entries())
    client.socket.send(`{"op":"command","id":${id},"device":"a","payload":${payload}}`)
  const frames = await client.settle()
  await expect.poll(() => client.frames.filter(({ op }) => op === 'error').length).toBe(5)
  const codes = client.frames.flatMap(frame => (frame.op === 'error' ? [[frame.id, frame.code]] : []))
  expect(frames.length).toBeGreaterThan(0)
  expect(codes).toEqual(
    expect.arrayContaining([
      [0, 'not-available'],
      [3, 'not-available'],
      [4, 'not-available'],
    ]),
  )
  expect(codes.filter(([id, code]) => id === undefined && code === 'bad-frame')).toHaveLength(2)
  expect(live.relay.stats.errors).toEqual({ 'bad-frame': 2, 'not-available': 3 })
  expect(isTooDeep('[[1],[2],{"a":[3]}]', 3)).toBe(false)
  expect(isTooDeep('[[1],[2],{"a":[3]}]', 2)).toBe(true)
})

test('a client that sends without pause waits for itself: others are served meanwhile', async () => {
  await using live = await startLive()
  using busy = await live.client()
  using other = await live.client()
  await other.subscribe({ id: 1, snapshot: false })
  const floods = Array.from({ length: 20_000 }, (_, id) => `{"op":"unsubscribe","id":${id}}`)
  for (const flood of floods) busy.socket.send(flood)
  const tookMs: number[] = []
  for (let x = 0; x < 50; x++) {
    const startMs = performance.now()
    live.offer('a', { x })
    await other.next('readings')
    tookMs.push(performance.now() - startMs)
  }
  expect(tookMs.toSorted((a, b) => a - b)[48]).toBeLessThan(500)
})

test('those who have not said who they are take no room from those who have', async () => {
  await using live = await startLive({
    authenticate: ({ token }) => (token === 'olga' ? { name: 'olga', role: 'operator' } : null),
    limits: { maxUnauthenticated: 2 },
  })
  const url = `ws://127.0.0.1:${live.port}/live`
  using first = await live.client()
  using second = await live.client()
  const third = await live.client()
  expect((await third.closed).code).toBe(1013)
  using known = await TestClient.connect(url, [], { authorization: 'Bearer olga' })
  await known.next('hello')
  first.send({ op: 'auth', token: 'olga' })
  await first.next('hello')
  using fourth = await live.client()
  second.close()
  fourth.send({ op: 'auth', token: 'olga' })
  await fourth.next('hello')
  expect(live.relay.stats.refused).toEqual({ full: 0, unauthenticated: 1, origin: 0, credentials: 0 })
})
