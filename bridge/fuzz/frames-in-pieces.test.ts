/**
 * What a server owes to messages that come in other pieces than they were meant in, to what stands before and after a
 * frame that is wrong, and to large and many messages: Autobahn's groups where order and size are what counts.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, PINGREQ, publish, subscribe } from '../../broker/conformance/packets.ts'
import { removeDataDir, startTrestle, type Trestle } from '../test/trestle.ts'
import { closeFrame, frame, OPCODE, RawWebSocket } from './raw-web-socket.ts'

let trestle: Trestle
const open: RawWebSocket[] = []
beforeAll(async () => {
  trestle = await startTrestle()
})
afterAll(async () => {
  for (const client of open) client.destroy()
  expect(await trestle.stop()).toBe(0)
  removeDataDir(trestle.dataDir)
})

type Path = '/live' | '/mqtt'
const { more, text, binary, close, ping, pong } = OPCODE
const CHOP = 997

async function dial(path: Path, lines: readonly string[] = []): Promise<RawWebSocket> {
  const subprotocol = path === '/mqtt' ? ['Sec-WebSocket-Protocol: mqtt'] : []
  const client = await RawWebSocket.open(trestle.http, path, [...subprotocol, ...lines])
  open.push(client)
  return client
}

/** As a network cuts it, in chunks of so many bytes. */
async function chopped(client: RawWebSocket, bytes: Buffer, size = CHOP): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    client.send(bytes.subarray(at, at + size))
    await new Promise(resolve => setImmediate(resolve))
  }
}

/** As a client cuts it: each piece a frame. */
function fragments(opcode: number, payload: Buffer, size: number): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < payload.length || at === 0; at += size)
    pieces.push(
      frame({
        opcode: at === 0 ? opcode : more,
        payload: payload.subarray(at, at + size),
        isFinal: at + size >= payload.length,
      }),
    )
  return pieces
}

/** By path: a message, and what comes back for it. */
const asking: Record<Path, { opcode: number; bytes: Buffer; answered(client: RawWebSocket): Promise<void> }> =
  {
    '/live': {
      opcode: text,
      bytes: Buffer.from('{"op":"ping"}'),
      async answered(client) {
        while (!(await client.next(text)).payload.includes('"pong"'));
      },
    },
    '/mqtt': {
      opcode: binary,
      bytes: connect({ clientId: 'pieces' }),
      async answered(client) {
        expect((await client.next(binary)).payload[0]).toBe(0x20)
      },
    },
  }

/** The answer to CONNECT takes a look at the disk: a connection that ends meanwhile is owed none. */
async function answeredBeforeTheEnd(path: Path, client: RawWebSocket): Promise<void> {
  if (path === '/live') await asking[path].answered(client)
}

describe.each<Path>(['/live', '/mqtt'])('%s', path => {
  const { opcode, bytes, answered } = asking[path]
  const message = frame({ opcode, payload: bytes })
  const [one, two] = [bytes.subarray(0, 5), bytes.subarray(5)]
  const control = { close, ping, pong }

  it('1: a message of nothing harms nobody', async () => {
    const client = await dial(path)
    client.send(frame({ opcode }), frame({ opcode: ping, payload: 'after' }))
    expect((await client.next(pong)).payload.toString()).toBe('after')
  })

  it('2: a ping of 125 bytes comes back when it comes byte by byte', async () => {
    const client = await dial(path)
    const payload = Buffer.alloc(125, 0xfe)
    await chopped(client, frame({ opcode: ping, payload }), 1)
    expect((await client.next(pong)).payload.equals(payload)).toBe(true)
  })

  describe.each([
    ['at once', Number.POSITIVE_INFINITY],
    ['byte by byte', 1],
  ])('what came before a wrong frame is answered, what comes after is not; %s', (_how, size) => {
    const after = frame({ opcode: ping, payload: 'after' })
    it.each<[string, Buffer]>([
      ...[1, 2, 3, 4, 5, 6, 7].map((reserved): [string, Buffer] => [
        `3: reserved bits ${reserved}`,
        frame({ opcode, reserved, payload: bytes }),
      ]),
      ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((odd): [string, Buffer] => [
        `4: opcode ${odd}`,
        frame({ opcode: odd, payload: 'x' }),
      ]),
      ['5: the rest of nothing', frame({ opcode: more, payload: two })],
    ])('%s', async (_name, wrong) => {
      const client = await dial(path)
      await chopped(client, Buffer.concat([message, wrong, after]), size)
      await answeredBeforeTheEnd(path, client)
      expect(await client.closed()).toBe(1002)
      expect(client.frames.some(({ opcode: got }) => got === pong)).toBe(false)
    })
  })

  it.each(
    Object.entries(control).flatMap(([name, kind]) =>
      [1, 2, 4, 6, 7].map(bits => [name, kind, bits] as const),
    ),
  )('3: a %s (opcode %i) with reserved bits %i closes: 1002', async (_name, kind, reserved) => {
    const client = await dial(path)
    client.send(frame({ opcode: kind, reserved }))
    expect(await client.closed()).toBe(1002)
  })

  describe('5: fragments', () => {
    it('byte by byte on the wire, and each byte a frame', async () => {
      const client = await dial(path)
      await chopped(client, Buffer.concat(fragments(opcode, bytes, 1)), 1)
      await answered(client)
    })

    it('a long pause, and pings in it, between two pieces', async () => {
      const client = await dial(path)
      client.send(frame({ opcode, payload: one, isFinal: false }))
      for (let i = 0; i < 5; i++) {
        client.send(frame({ opcode: ping, payload: `p${i}` }))
        expect((await client.next(pong)).payload.toString()).toBe(`p${i}`)
      }
      await new Promise(resolve => setTimeout(resolve, 1000))
      client.send(frame({ opcode: more, payload: two }))
      await answered(client)
    })

    it.each([true, false])(
      'a piece of nothing after a whole message closes: 1002 (final: %s)',
      async isFinal => {
        const client = await dial(path)
        client.send(
          frame({ opcode, payload: one, isFinal: false }),
          frame({ opcode: more, payload: two }),
          frame({ opcode: more, payload: 'x', isFinal }),
          message,
        )
        await answeredBeforeTheEnd(path, client)
        expect(await client.closed()).toBe(1002)
      },
    )

    it('pieces that all say that they are the first close: 1002', async () => {
      const client = await dial(path)
      client.send(
        frame({ opcode, payload: one, isFinal: false }),
        frame({ opcode, payload: two, isFinal: false }),
      )
      expect(await client.closed()).toBe(1002)
    })
  })

  describe('7: closing', () => {
    it.each<[string, Buffer]>([
      ['a message', message],
      ['a second close', closeFrame(1001)],
      ['a ping', frame({ opcode: ping, payload: 'late' })],
      ['the rest of a message', frame({ opcode: more, payload: two })],
      ['nonsense', Buffer.alloc(300, 0xff)],
    ])('after it %s counts for nothing', async (_name, late) => {
      const client = await dial(path)
      const before = late[0] === 0x80 ? [frame({ opcode, payload: one, isFinal: false })] : []
      client.send(...before, closeFrame(1000), late)
      expect(await client.closed()).toBe(1000)
      expect(client.frames.filter(({ opcode: got }) => got !== close && got !== text)).toEqual([])
      expect(client.frames.some(({ payload }) => payload.includes('"pong"'))).toBe(false)
    })

    it('a message before it is answered, then it is', async () => {
      const client = await dial(path)
      client.send(message, closeFrame(1000))
      await answeredBeforeTheEnd(path, client)
      expect(await client.closed()).toBe(1000)
    })

    it('a reason of 124 bytes is too long: 1002', async () => {
      const client = await dial(path)
      client.send(closeFrame(1000, 'x'.repeat(124)))
      expect(await client.closed()).toBe(1002)
    })
  })

  it('12, 13: compression is offered in every way, and agreed to in none', async () => {
    for (const offer of [
      'permessage-deflate',
      'permessage-deflate; client_max_window_bits; server_max_window_bits=9',
      'permessage-deflate; server_no_context_takeover, permessage-deflate; client_no_context_takeover',
      'permessage-deflate; client_max_window_bits=99, x-webkit-deflate-frame, permessage-bzip2',
    ]) {
      const client = await dial(path, [`Sec-WebSocket-Extensions: ${offer}`])
      expect(client.head).not.toMatch(/sec-websocket-extensions/i)
      client.send(message)
      await answered(client)
      client.send(frame({ opcode, reserved: 4, payload: bytes }))
      expect(await client.closed()).toBe(1002)
    }
  })
})

describe('1, 10: a text of 65,536 bytes is read by /live', () => {
  const payload = Buffer.from('{"op":"ping"}'.padEnd(65_536, ' '))

  it.each([1300, 16_384, 65_535])('in frames of %i bytes', async size => {
    const client = await dial('/live')
    client.send(...fragments(text, payload, size))
    await asking['/live'].answered(client)
  })

  it('in chunks of 997 bytes', async () => {
    const client = await dial('/live')
    await chopped(client, frame({ opcode: text, payload }))
    await asking['/live'].answered(client)
  })
})

describe('9, 10: large messages go through /mqtt', () => {
  /** Sends it, and waits until it has come back. */
  async function expectThrough(
    payload: Buffer,
    send: (client: RawWebSocket, bytes: Buffer) => Promise<void>,
  ) {
    const client = await dial('/mqtt')
    client.send(
      frame({ opcode: binary, payload: connect({ clientId: 'large' }) }),
      frame({ opcode: binary, payload: subscribe(1, [['large', 0]]) }),
    )
    const wanted = publish({ topic: 'large', payload })
    await send(client, wanted)
    const got: Buffer[] = []
    let length = 0
    while (length < 4 + 5 + wanted.length) {
      const { payload: bytes } = await client.next(binary)
      got.push(bytes)
      length += bytes.length
    }
    expect(Buffer.concat(got).subarray(9).equals(wanted)).toBe(true)
  }

  it.each([65_536, 262_144, 1_048_576, 2_000_000])('of %i bytes, as one frame', length =>
    expectThrough(Buffer.alloc(length, 'x'), async (client, bytes) =>
      client.send(frame({ opcode: binary, payload: bytes })),
    ),
  )

  // More than 1,024 pieces of one message are too many.
  it.each([1300, 4096, 65_536, 262_144])('of 1 MiB, as a message in frames of %i bytes', size =>
    expectThrough(Buffer.alloc(1_048_576, 'x'), async (client, bytes) =>
      client.send(...fragments(binary, bytes, size)),
    ),
  )

  it.each([64, 256, 2048])('of 256 KiB, in chunks of %i bytes', size =>
    expectThrough(Buffer.alloc(262_144, 'x'), (client, bytes) =>
      chopped(client, frame({ opcode: binary, payload: bytes }), size),
    ),
  )
})

it.each([0, 16, 64, 256, 1024, 4096, 16_384])(
  '9: a thousand messages of %i bytes each are answered, one after the other',
  async length => {
    const live = await dial('/live')
    await live.next(text)
    const padded = Buffer.from('{"op":"ping"}'.padEnd(Math.max(13, length), ' '))
    for (let i = 0; i < 1000; i++) {
      live.send(frame({ opcode: text, payload: padded }))
      await asking['/live'].answered(live)
    }
    const mqtt = await dial('/mqtt')
    mqtt.send(frame({ opcode: binary, payload: connect({ clientId: 'many' }) }))
    await mqtt.next(binary)
    for (let i = 0; i < 1000; i++) {
      mqtt.send(frame({ opcode: binary, payload: publish({ topic: 'many', payload: 'x'.repeat(length) }) }))
      mqtt.send(frame({ opcode: binary, payload: PINGREQ }))
      expect((await mqtt.next(binary)).payload[0]).toBe(0xd0)
    }
  },
)

it('after all that the bridge answers as before', async () => {
  expect((await trestle.get<{ ok: boolean }>('/healthz')).ok).toBe(true)
  expect(trestle.stderr()).not.toMatch(/ERROR|uncaught|\bERR_/i)
})
