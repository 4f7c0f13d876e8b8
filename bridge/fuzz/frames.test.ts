/** What a server owes to WebSocket frames, right and wrong, by RFC 6455: after the groups of cases that Autobahn has. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, publish, subscribe } from '../../broker/conformance/packets.ts'
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
const PATHS: readonly Path[] = ['/live', '/mqtt']
const { more, text, binary, close, ping, pong } = OPCODE

async function dial(path: Path): Promise<RawWebSocket> {
  const client = await RawWebSocket.open(
    trestle.http,
    path,
    path === '/mqtt' ? ['Sec-WebSocket-Protocol: mqtt'] : [],
  )
  open.push(client)
  return client
}

/** It is served: an answer comes back. */
async function expectServed(client: RawWebSocket): Promise<void> {
  client.send(frame({ opcode: ping, payload: 'still there?' }))
  for (;;) if ((await client.next(pong)).payload.toString() === 'still there?') return
}

const liveMessage = (length: number) => '{"op":"ping"}'.padEnd(length, ' ')
const invalid = Buffer.from([0x7b, 0xce, 0xba, 0xe1, 0xbd, 0xb9, 0xcf, 0x83, 0xed, 0xa0, 0x80])
const control = { close, ping, pong }

describe('1: messages', () => {
  it.each([13, 125, 126, 127, 128, 65_535, 65_536])('a text of %i bytes is read by /live', async length => {
    const client = await dial('/live')
    client.send(frame({ opcode: text, payload: liveMessage(length) }))
    while (!(await client.next(text)).payload.includes('"pong"'));
  })

  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 1_000_000])(
    '%i bytes of payload go through /mqtt, in frames of any size',
    async length => {
      const client = await dial('/mqtt')
      const payload = 'x'.repeat(length)
      const bytes = Buffer.concat([
        connect({ clientId: `frames-${length}` }),
        subscribe(1, [['frames', 0]]),
        publish({ topic: 'frames', payload }),
      ])
      for (let at = 0; at < bytes.length; at += 40_000)
        client.send(frame({ opcode: binary, payload: bytes.subarray(at, at + 40_000) }))
      const got: Buffer[] = []
      const wanted = Buffer.concat([
        Buffer.from([0x20, 2, 0, 0, 0x90, 3, 0, 1, 0]),
        publish({ topic: 'frames', payload }),
      ])
      while (Buffer.concat(got).length < wanted.length) got.push((await client.next(binary)).payload)
      expect(Buffer.concat(got).equals(wanted)).toBe(true)
    },
  )

  it('the wrong kind of message closes: 1003', async () => {
    const live = await dial('/live')
    live.send(frame({ opcode: binary, payload: liveMessage(20) }))
    expect(await live.closed()).toBe(1003)
    const mqtt = await dial('/mqtt')
    mqtt.send(frame({ opcode: text, payload: 'MQTT' }))
    expect(await mqtt.closed()).toBe(1003)
  })
})

describe.each(PATHS)('%s', path => {
  async function expectClosed(codes: number | readonly number[], ...frames: Buffer[]): Promise<void> {
    const client = await dial(path)
    client.send(...frames)
    expect([codes].flat()).toContain(await client.closed())
  }

  /** A whole message that is right, to be taken apart. */
  const message =
    path === '/live'
      ? { opcode: text, bytes: Buffer.from(liveMessage(30)) }
      : { opcode: binary, bytes: connect({ clientId: 'frames' }) }

  describe('2: pings', () => {
    it.each([0, 1, 125])('a ping of %i bytes comes back as a pong', async length => {
      const client = await dial(path)
      const payload = Buffer.alloc(length, 0xfe)
      client.send(frame({ opcode: ping, payload }))
      expect((await client.next(pong)).payload.equals(payload)).toBe(true)
    })

    it('ten of them come back in order, byte by byte or at once', async () => {
      const client = await dial(path)
      const pings = Array.from({ length: 10 }, (_, i) => frame({ opcode: ping, payload: `p${i}` }))
      client.send(...pings)
      for (let i = 0; i < 10; i++) expect((await client.next(pong)).payload.toString()).toBe(`p${i}`)
      for (const byte of Buffer.concat(pings)) client.send(Buffer.from([byte]))
      for (let i = 0; i < 10; i++) expect((await client.next(pong)).payload.toString()).toBe(`p${i}`)
    })

    it('a pong that nobody asked for is left alone', async () => {
      const client = await dial(path)
      client.send(frame({ opcode: pong }), frame({ opcode: pong, payload: 'x' }))
      await expectServed(client)
    })

    it.each(Object.entries(control))('a %s of 126 bytes closes: 1002', (_name, opcode) =>
      expectClosed(1002, frame({ opcode, payload: Buffer.alloc(126) })),
    )
  })

  it.each([1, 2, 3, 4, 5, 6, 7])('3: reserved bits %i close: 1002', reserved =>
    expectClosed(1002, frame({ ...message, reserved, payload: message.bytes })),
  )

  it.each([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])('4: opcode %i closes: 1002', opcode =>
    expectClosed(1002, frame({ opcode }), frame({ opcode, payload: 'x' })),
  )

  describe('5: fragments', () => {
    const [one, two] = [message.bytes.subarray(0, 5), message.bytes.subarray(5)]

    it.each(Object.entries(control))('a %s in pieces closes: 1002', (_name, opcode) =>
      expectClosed(1002, frame({ opcode, isFinal: false }), frame({ opcode: more })),
    )

    it.each([true, false])('a piece of nothing closes: 1002 (final: %s)', isFinal =>
      expectClosed(1002, frame({ opcode: more, isFinal, payload: 'x' })),
    )

    it('a message within a message closes: 1002', () =>
      expectClosed(
        1002,
        frame({ opcode: message.opcode, payload: one, isFinal: false }),
        frame({ opcode: message.opcode, payload: message.bytes }),
      ))

    it('a message in pieces is read, with pings between them, some empty', async () => {
      const client = await dial(path)
      client.send(
        frame({ opcode: message.opcode, payload: one, isFinal: false }),
        frame({ opcode: ping, payload: 'between' }),
        frame({ opcode: more, isFinal: false }),
        frame({ opcode: more, payload: two }),
      )
      expect((await client.next(pong)).payload.toString()).toBe('between')
      if (path === '/live') while (!(await client.next(text)).payload.includes('"pong"'));
      else expect((await client.next(binary)).payload[0]).toBe(0x20)
    })

    it('pieces without end close', () => {
      const pieces = Array.from({ length: 20_000 }, () =>
        frame({ opcode: more, isFinal: false, payload: ' ' }),
      )
      return expectClosed([1008, 1009], frame({ opcode: message.opcode, isFinal: false }), ...pieces)
    })
  })

  describe('7: closing', () => {
    it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])(
      'code %i is answered',
      async code => {
        const client = await dial(path)
        client.send(closeFrame(code, 'because'))
        expect(await client.closed()).toBe(code)
      },
    )

    it('without a code, too; and what comes after it is not', async () => {
      const client = await dial(path)
      client.send(closeFrame(), frame({ opcode: ping, payload: 'too late' }))
      expect(await client.closed()).toBe(1005)
      expect(client.frames.some(({ opcode }) => opcode === pong)).toBe(false)
    })

    it.each([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])(
      'code %i closes: 1002',
      code => expectClosed(1002, closeFrame(code)),
    )

    it('half a code closes: 1002', () => expectClosed(1002, frame({ opcode: close, payload: '\x03' })))

    it('a reason of 123 bytes is fine', () => expectClosed(1000, closeFrame(1000, 'x'.repeat(123))))

    it('a reason that is no UTF-8 closes: 1007', () => expectClosed(1007, closeFrame(1000, invalid)))
  })

  describe('masks and lengths', () => {
    it.each([message.opcode, ping, close])('an unmasked frame (opcode %i) closes: 1002', opcode =>
      expectClosed(1002, frame({ opcode, isMasked: false, payload: opcode === close ? '' : 'x' })),
    )

    it('a length of more than 2^53 closes', () =>
      expectClosed(
        [1002, 1009],
        Buffer.from([0x80 | message.opcode, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
      ))

    it('9: a frame that is too large closes before it has come: 1009', async () => {
      const client = await dial(path)
      client.send(frame({ opcode: message.opcode, length: 200_000_000, lengthBytes: 8, payload: 'begins' }))
      expect(await client.closed()).toBe(1009)
    })

    it('9: pieces that are too large together close: 1009', async () => {
      const client = await dial(path)
      const piece = Buffer.alloc(100_000, 0x20)
      client.send(frame({ opcode: message.opcode, isFinal: false, payload: piece }))
      for (let i = 0; i < 30 && !client.isClosed; i++)
        client.send(frame({ opcode: more, isFinal: false, payload: piece }))
      // What was still on its way may reset the connection, and take the code along.
      expect([1009, null]).toContain(await client.closed())
    })
  })
})

describe('6: text that is no UTF-8 closes /live: 1007', () => {
  const bytes = (name: string, ...hexes: string[]): [string, Buffer][] =>
    hexes.map(hex => [`${name} (${hex})`, Buffer.from(hex, 'hex')])

  it.each([
    ['a surrogate', invalid] as [string, Buffer],
    ...bytes('a lone continuation', '80', 'bf', '80bf', '80bf80', '80bf80bf80bf'),
    ...bytes('a lone start', 'c220', 'df20', 'e020', 'ef20', 'f020', 'f420', 'f7', 'fb', 'fd'),
    ...bytes('a character cut short', 'e282', 'c3', 'e080', 'f08080', 'f7bfbf', 'efbf', 'dfc0', 'f0908d'),
    ...bytes('an overlong slash', 'c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'),
    ...bytes('the most of an overlong', 'c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'),
    ...bytes('an overlong nothing', 'c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'),
    ...bytes('one of five or six bytes', 'f888808080', 'fbbfbfbfbf', 'fc8480808080', 'fdbfbfbfbfbf'),
    ...bytes('beyond U+10FFFF', 'f4908080', 'f7bfbfbf'),
    ...bytes('a byte that never occurs', 'fe', 'ff', 'fefeffff'),
    ...bytes('half a pair', 'eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'),
    ...bytes('a whole pair', 'eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edaebfedbfbf', 'edafbfedbfbf'),
  ])('%s, whole and in pieces', async (_name, payload) => {
    const whole = await dial('/live')
    whole.send(frame({ opcode: text, payload }))
    expect(await whole.closed()).toBe(1007)
    const pieces = await dial('/live')
    pieces.send(
      frame({ opcode: text, isFinal: false, payload: payload.subarray(0, 1) }),
      frame({ opcode: more, payload: payload.subarray(1) }),
    )
    expect(await pieces.closed()).toBe(1007)
  })

  it.each([
    ...['\u0080', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufffd', '\uffff', '\ufffe', '\ufdd0'],
    ...['\u{10000}', '\u{1fffe}', '\u{1ffff}', '\u{10fffe}', '\u{10ffff}', 'κόσμε', 'a\u0301\u200d\u{1f30b}'],
  ])('%j is text like any other, also with each byte in a frame', async character => {
    const client = await dial('/live')
    await client.next(text)
    const whole = Buffer.from(`{"op":"ping","x":"${character}"}`)
    client.send(frame({ opcode: text, payload: whole }))
    const answer = await client.next(text)
    expect(answer.payload.toString()).toMatch(/pong|error/)
    for (let at = 0; at < whole.length; at++)
      client.send(
        frame({
          opcode: at === 0 ? text : more,
          payload: whole.subarray(at, at + 1),
          isFinal: at === whole.length - 1,
        }),
      )
    expect((await client.next(text)).payload.equals(answer.payload)).toBe(true)
    await expectServed(client)
  })

  it('a character across two pieces is fine', async () => {
    const client = await dial('/live')
    const bytes = Buffer.from('{"op":"ping","x":"\u{6e29}"}')
    client.send(
      frame({ opcode: text, isFinal: false, payload: bytes.subarray(0, bytes.length - 4) }),
      frame({ opcode: more, payload: bytes.subarray(bytes.length - 4) }),
    )
    expect((await client.next(text)).payload.toString()).toMatch(/hello|pong|error/)
    await expectServed(client)
  })
})

it('after all that the bridge answers as before', async () => {
  await expectServed(await dial('/live'))
  expect((await trestle.get<{ ok: boolean }>('/healthz')).ok).toBe(true)
  expect(trestle.stderr()).not.toMatch(/ERROR|uncaught|\bERR_/i)
})
