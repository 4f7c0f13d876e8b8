import { describe, expect, it } from 'vitest'
import { FreshBroker } from '../fresh-broker.ts'
import { isSubnet, TrustedProxies } from './addresses.ts'
import { dial, hello, number, publish } from './fixture.ts'
import { readProxyHeader } from './proxy-header.ts'

const SIGNATURE = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

/** Version 2, for TCP over IPv4 or IPv6. */
function v2(source: readonly number[], { command = 0x21, extra = Buffer.alloc(0) } = {}): Buffer {
  const isIPv4 = source.length === 4
  const addresses = Buffer.concat([
    Buffer.from(source),
    Buffer.alloc(source.length, 9),
    number(40_000),
    number(1883),
    extra,
  ])
  return Buffer.concat([
    SIGNATURE,
    Buffer.from([command, isIPv4 ? 0x11 : 0x21]),
    number(addresses.length),
    addresses,
  ])
}

describe('a PROXY header', () => {
  it.each([
    ['version 2, IPv4', v2([203, 0, 113, 7]), '203.0.113.7'],
    ['version 2, IPv6', v2([0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 5]), '2001:db8::5'],
    ['version 2, IPv4 within IPv6', v2([...Array(10).fill(0), 255, 255, 203, 0, 113, 7]), '203.0.113.7'],
    ['version 2 with more behind', v2([203, 0, 113, 7], { extra: Buffer.from([1, 0, 1, 0]) }), '203.0.113.7'],
    ['version 2, the proxy itself', v2([1, 2, 3, 4], { command: 0x20 }), null],
    ['version 1, IPv4', Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 40000 1883\r\n'), '203.0.113.7'],
    ['version 1, IPv6', Buffer.from('PROXY TCP6 2001:DB8::5 ::1 40000 1883\r\n'), '2001:db8::5'],
    ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
  ])('%s, cut at every byte as whole', (_name, bytes, address) => {
    const expected = { kind: 'header', address, length: bytes.length }
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('more')]))).toEqual(expected)
    for (let cut = 0; cut < bytes.length; cut++)
      expect(readProxyHeader(bytes.subarray(0, cut)), `cut at ${cut}`).toEqual({ kind: 'more' })
  })

  it.each([
    ['none', hello()],
    ['an unknown command', v2([1, 2, 3, 4], { command: 0x22 })],
    ['an unknown version', v2([1, 2, 3, 4], { command: 0x31 })],
    ['one that is too long', v2([1, 2, 3, 4], { extra: Buffer.alloc(5000) })],
    ['addresses that are too short', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x11, 0, 4, 1, 2, 3, 4])])],
    ['a socket of the proxy', Buffer.concat([SIGNATURE, Buffer.from([0x21, 0x31, 0, 0])])],
    ['version 1 without an end', Buffer.from(`PROXY TCP4 ${'1'.repeat(120)}`)],
    ['version 1 with a name', Buffer.from('PROXY TCP4 evil.example 10.0.0.1 1 2\r\n')],
    ['version 1 with the other family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n')],
  ])('%s is none', (_name, bytes) => expect(readProxyHeader(bytes)).toEqual({ kind: 'none' }))
})

describe('X-Forwarded-For', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '::1'])
  const clientOf = (remoteAddress: string, told?: string | string[]) =>
    proxies.clientOf({
      socket: { remoteAddress },
      headers: told === undefined ? {} : { 'x-forwarded-for': told },
    } as Parameters<TrustedProxies['clientOf']>[0])

  it.each([
    ['is not asked of a stranger', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
    ['names the client of a trusted proxy', '10.1.1.1', '203.0.113.7', '203.0.113.7'],
    [
      'is read from the right: what a client adds itself counts nothing',
      '10.1.1.1',
      '1.2.3.4, 203.0.113.7',
      '203.0.113.7',
    ],
    ['is followed over trusted proxies', '::ffff:10.1.1.1', '203.0.113.7, 10.2.2.2', '203.0.113.7'],
    ['ends at what is no address', '10.1.1.1', 'evil, 10.2.2.2', '10.2.2.2'],
    ['may be missing', '::1', undefined, '::1'],
  ])('%s', (_name, peer, told, client) => expect(clientOf(peer, told)).toBe(client))
})

it.each(['', 'proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '1.2.3.4/8/9'])(
  '%j is no address and no subnet',
  text => expect(isSubnet(text)).toBe(false),
)

describe('a broker behind a proxy', () => {
  const broker = new FreshBroker()
  const start = (trustedProxies: readonly string[], isProxied: boolean) =>
    broker.start({
      trustedProxies,
      limits: { maxConnectionsPerAddress: 2, packetsPerSecond: 100 },
      listener: { isProxied },
    })

  it('counts each client by its own address', async () => {
    await start(['127.0.0.1'], true)
    const from = async (last: number, chunks = 1) => {
      const line = await dial(broker.port)
      const bytes = Buffer.concat([v2([203, 0, 113, last]), hello({ clientId: `c${Math.random()}` })])
      const size = Math.ceil(bytes.length / chunks)
      for (let at = 0; at < bytes.length; at += size) {
        line.send(bytes.subarray(at, at + size))
        await new Promise(resolve => setImmediate(resolve))
      }
      await line.bytes(4)
      return line
    }
    const lines = [await from(1), await from(1, 50), await from(2)]
    for (const line of lines) expect([...line.received()]).toEqual([0x20, 2, 0, 0])
    const refused = await from(1)
    await refused.closed
    expect(refused.received()).toHaveLength(0)
    expect(broker.broker.stats.refused.address).toBe(1)
    lines[0]!.socket.destroy()
    await lines[0]!.closed
    // The count goes with the connection.
    for (;;) {
      const next = await from(1)
      if (next.received().length === 4) break
    }
  })

  it('slows down a client that sends too fast, and loses nothing', async () => {
    await start(['127.0.0.1'], true)
    const line = await dial(broker.port)
    line.send(Buffer.concat([v2([203, 0, 113, 1]), hello()]))
    await line.bytes(4)
    const beganMs = performance.now()
    // 200 pass at once, the other 100 take a second.
    for (let id = 1; id <= 300; id++) line.send(publish('a', 'x', 1, id))
    await line.bytes(4 + 300 * 4)
    line.send(publish('a', 'x', 1, 1))
    await line.bytes(4 + 301 * 4)
    expect(performance.now() - beganMs).toBeGreaterThan(800)
    expect(broker.broker.stats.throttled).toBeGreaterThan(0)
    expect(broker.accepted).toHaveLength(301)
    line.socket.destroy()
  })

  it('wants the header of a trusted proxy', async () => {
    await start(['127.0.0.1'], true)
    const line = await dial(broker.port)
    line.send(hello())
    await line.closed
    expect(broker.broker.stats.closed['proxy-header']).toBe(1)
  })

  it('takes it from nobody else', async () => {
    await start(['203.0.113.1'], true)
    for (const header of [
      v2([203, 0, 113, 7]),
      Buffer.from('PROXY TCP4 203.0.113.7 10.0.0.1 40000 1883\r\n'),
    ]) {
      const line = await dial(broker.port)
      line.send(Buffer.concat([header, hello()]))
      await line.closed
      expect(line.received()).toHaveLength(0)
    }
    expect(broker.broker.stats.closed['no-connect']).toBe(2)
  })

  it('takes it only where it is set', async () => {
    await start(['127.0.0.1'], false)
    const line = await dial(broker.port)
    line.send(Buffer.concat([v2([203, 0, 113, 7]), hello()]))
    await line.closed
    expect(broker.broker.stats.closed['no-connect']).toBe(1)
  })
})
