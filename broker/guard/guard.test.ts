import { setTimeout as sleep } from 'node:timers/promises'
import { generate } from 'mqtt-packet'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { listener, startBroker, type TestBroker, type TestBrokerOptions, until } from '../fixture.ts'
import { type Directory, newDirectory } from '../persistence/fixture.ts'
import {
  dial,
  field,
  hello,
  type Line,
  lengthOf,
  login,
  number,
  PINGREQ,
  PINGRESP,
  packet,
  publish,
  subscribe,
} from './fixture.ts'

let directory: Directory
let broker: TestBroker
beforeAll(() => {
  directory = newDirectory()
})
afterAll(() => directory.remove())

async function start(options: Partial<TestBrokerOptions> = {}): Promise<void> {
  broker = await startBroker({ directory: directory.path, ...options })
}

const closedFor = (reason: string) => broker.broker.stats.closed[reason] ?? 0

/** Nobody else feels what one client does. */
async function expectService(): Promise<void> {
  const control = await login(broker.port, { clientId: 'control' })
  const heard = await listener(broker.port)
  await heard.client.subscribeAsync('control')
  control.send(publish('control', 'still here', 1, 7))
  await heard.count(1)
  expect(heard.heard).toEqual(['control still here'])
  expect((await control.bytes(8)).subarray(4)).toEqual(Buffer.from([0x40, 2, 0, 7]))
  control.socket.destroy()
  await heard.client.endAsync(true)
}

const MQTT = field('MQTT')
/** Level, flags, keep-alive, what follows. */
const connect = (flags: number, ...rest: readonly (Uint8Array | string)[]) =>
  packet(0x10, MQTT, Buffer.from([4, flags, 0, 60]), ...rest)

describe('with the limits that it has by default', () => {
  beforeAll(() => start())
  afterAll(() => broker.close())
  afterEach(expectService)

  describe.each([
    ['a request of another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'no-connect'],
    ['a packet before CONNECT [MQTT-3.1.0-1]', PINGREQ, 'no-connect'],
    [
      'another protocol name',
      packet(0x10, field('MQTX'), Buffer.from([4, 2, 0, 60]), field('a')),
      'malformed',
    ],
    ['a reserved flag in CONNECT [MQTT-3.1.2-3]', connect(0x03, field('a')), 'malformed'],
    ['a QoS for no will [MQTT-3.1.2-13]', connect(0x0a, field('a')), 'malformed'],
    ['a retained no will [MQTT-3.1.2-15]', connect(0x22, field('a')), 'malformed'],
    ['a will by QoS 3 [MQTT-3.1.2-14]', connect(0x1e, field('a'), field('w'), field('x')), 'malformed'],
    ['a password without a name [MQTT-3.1.2-22]', connect(0x42, field('a'), field('p')), 'malformed'],
    ['a CONNECT that ends too soon', connect(0x82, field('a')), 'malformed'],
    ['a CONNECT that does not end', connect(0x02, field('a'), 'more'), 'malformed'],
    ['a will to a wildcard', connect(0x06, field('a'), field('w/#'), field('x')), 'topic'],
    ['a will to no topic', connect(0x06, field('a'), field(''), field('x')), 'topic'],
    ['a will to a topic with NUL', connect(0x06, field('a'), field('w\0'), field('x')), 'topic'],
    ['a client id with a newline', connect(0x02, field('a\nb')), 'text'],
    ['a client id with NUL [MQTT-1.5.3-2]', connect(0x02, field('a\0')), 'text'],
    [
      'a client id that is no UTF-8 [MQTT-1.5.3-1]',
      connect(0x02, field(Buffer.from([0xed, 0xa0, 0x80]))),
      'text',
    ],
    ['a name with a control character', connect(0x82, field('a'), field('\x85')), 'text'],
    ['a CONNECT of 17 kB', connect(0xc2, field('a'), field('u'), field('p'.repeat(17_000))), 'too-large'],
    ['a CONNECT of which 256 MB are announced', Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]), 'too-large'],
    ['a CONNECT with a length of five bytes', Buffer.from([0x10, 0x80, 0x80, 0x80, 0x80, 1]), 'malformed'],
  ])('%s', (_name, bytes, reason) => {
    it('is closed, and counted', async () => {
      const before = closedFor(reason)
      const line = await dial(broker.port)
      line.send(bytes)
      await line.closed
      expect(line.received()).toHaveLength(0)
      expect(closedFor(reason)).toBe(before + 1)
    })
  })

  it.each([
    ['MQTT 6', packet(0x10, MQTT, Buffer.from([6, 2, 0, 60, 0]), field('a')), [0x20, 3, 0, 0x84, 0]],
    ['level 2 [MQTT-3.1.2-2]', packet(0x10, MQTT, Buffer.from([2, 2, 0, 60]), field('a')), [0x20, 2, 0, 1]],
    ['no client id and no clean session [MQTT-3.1.3-8]', connect(0, field('')), [0x20, 2, 0, 2]],
    ['a client id of 300 bytes', connect(2, field('a'.repeat(300))), [0x20, 2, 0, 2]],
    [
      'MQTT 3.1 without a client id',
      packet(0x10, field('MQIsdp'), Buffer.from([3, 2, 0, 60]), field('')),
      [0x20, 2, 0, 2],
    ],
  ])('%s is told why, and closed', async (_name, bytes, connack) => {
    const line = await dial(broker.port)
    // More behind it must not have the answer thrown away.
    line.send(Buffer.concat([bytes, publish('a/b'), Buffer.alloc(100_000)]))
    await line.closed
    expect([...line.received()]).toEqual(connack)
  })

  describe.each([
    ['a second CONNECT [MQTT-3.1.0-2]', hello({ clientId: 'again' }), 'second-connect'],
    ['a packet only for servers', Buffer.from([0x20, 2, 0, 0]), 'server-packet'],
    ['a PINGRESP', PINGRESP, 'server-packet'],
    ['a packet type that nobody has', Buffer.from([0, 0]), 'malformed'],
    ['MQTT 5 in a connection of 3.1.1', Buffer.from([0xf0, 0]), 'malformed'],
    ['wrong flags [MQTT-2.2.2-2]', packet(0x80, number(1), field('a'), Buffer.from([0])), 'malformed'],
    ['QoS 3 [MQTT-3.3.1-4]', packet(0x36, field('a'), number(1)), 'malformed'],
    ['a duplicate by QoS 0 [MQTT-3.3.1-2]', packet(0x38, field('a')), 'malformed'],
    ['packet identifier 0 [MQTT-2.3.1-1]', packet(0x32, field('a'), number(0)), 'malformed'],
    ['a topic beyond the packet', packet(0x30, number(50), 'a'), 'malformed'],
    ['a PUBLISH without an identifier', packet(0x32, field('a')), 'malformed'],
    ['a PUBLISH of one byte', packet(0x30, 'a'), 'malformed'],
    ['a PING with a body', packet(0xc0, 'x'), 'malformed'],
    ['a PUBACK of three bytes', packet(0x40, number(1), 'x'), 'malformed'],
    ['a PUBACK for nothing', packet(0x40, number(0)), 'malformed'],
    ['a SUBSCRIBE without filters [MQTT-3.8.3-3]', packet(0x82, number(1)), 'malformed'],
    ['a SUBSCRIBE that ends in a filter', packet(0x82, number(1), number(9), 'abc'), 'malformed'],
    [
      'a SUBSCRIBE by QoS 3 [MQTT-3-8.3-4]',
      packet(0x82, number(1), field('a'), Buffer.from([3])),
      'malformed',
    ],
    ['an UNSUBSCRIBE without filters [MQTT-3.10.3-2]', packet(0xa2, number(1)), 'malformed'],
    ['a PUBLISH to a wildcard [MQTT-3.3.2-2]', publish('a/+'), 'topic'],
    ['a PUBLISH to no topic [MQTT-4.7.3-1]', publish(''), 'topic'],
    ['a PUBLISH to a topic with NUL', publish('a\0b'), 'topic'],
    ['a PUBLISH to a topic that is no UTF-8', publish(Buffer.from([0x61, 0xc0, 0xaf])), 'topic'],
    ['a PUBLISH to a topic of 65,535 bytes', publish('a'.repeat(65_535)), 'topic'],
    ['a PUBLISH to 101 levels', publish(`${'a/'.repeat(100)}a`), 'topic'],
    ['a filter a+', subscribe('a+'), 'filter'],
    ['a filter a#', subscribe('ok', 'a#'), 'filter'],
    ['a filter #/a', subscribe('#/a'), 'filter'],
    ['a filter with a control character', subscribe('a\x07'), 'filter'],
    [
      'a SUBSCRIBE with 513 filters',
      subscribe(...Array.from({ length: 513 }, (_, i) => `a/${i}`)),
      'filters',
    ],
    ['a packet of which 256 MB are announced', Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]), 'too-large'],
    ['a packet beyond the limit', Buffer.concat([Buffer.from([0x30]), lengthOf(2 * 1024 ** 2)]), 'too-large'],
    ['a length of five bytes', Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1]), 'malformed'],
  ])('%s', (_name, bytes, reason) => {
    it('is closed, counted and not acted on; whole, and byte by byte', async () => {
      const before = closedFor(reason)
      const accepted = broker.accepted.length
      const whole = await login(broker.port)
      // What came before it counts.
      whole.send(Buffer.concat([publish('before'), bytes, publish('after')]))
      await whole.closed
      expect(broker.accepted.slice(accepted).map(({ topic }) => topic)).toEqual(['before'])
      const dripped = await login(broker.port)
      for (const byte of bytes.subarray(0, 2000)) dripped.send(Buffer.from([byte]))
      dripped.send(bytes.subarray(2000))
      await dripped.closed
      expect(closedFor(reason)).toBe(before + 2)
    })
  })

  it('everything legal is served, cut at every byte as whole', async () => {
    const talk = Buffer.concat([
      hello({
        clientId: 'talker',
        will: { topic: '/will//', payload: Buffer.from('w'), qos: 1, retain: false },
      }),
      subscribe('/heard/#', '//+'),
      publish('/heard//', 'a', 0),
      publish('/heard/Ω', 'b', 1, 1),
      publish('//x', 'c', 2, 2),
      packet(0x62, number(2)),
      PINGREQ,
    ])
    const answerOf = async (line: Line) => {
      // CONNACK, SUBACK, PUBACK, PUBREC, PUBCOMP, PINGRESP, in whatever order; what it hears itself is another matter.
      const kinds = new Set<number>()
      while (kinds.size < 6 || line.received().length < 20)
        await Promise.race([sleep(5), line.closed]).then(() => {
          const bytes = line.received()
          for (let at = 0; at < bytes.length; at += 2 + bytes[at + 1]!) kinds.add(bytes[at]! >> 4)
          kinds.delete(3)
        })
      line.socket.destroy()
      return [...kinds].sort((a, b) => a - b)
    }
    for (let cut = 0; cut <= talk.length; cut += 3) {
      const before = broker.accepted.length
      const line = await dial(broker.port)
      line.send(talk.subarray(0, cut))
      await new Promise(resolve => setImmediate(resolve))
      line.send(talk.subarray(cut))
      expect(await answerOf(line), `cut at ${cut}`).toEqual([2, 4, 5, 7, 9, 13])
      const topics = broker.accepted.slice(before).map(({ topic }) => topic)
      // The will of the one before may come late.
      expect(topics.filter(topic => topic !== '/will//').sort(), `cut at ${cut}`).toEqual([
        '//x',
        '/heard//',
        '/heard/Ω',
      ])
    }
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'])(
    '%s is a name like others: as client id, user, topic, filter and will',
    async name => {
      const heard = await listener(broker.port, {
        clientId: name,
        username: name,
        will: { topic: name, payload: Buffer.from('w'), qos: 1, retain: false },
      })
      await heard.client.subscribeAsync([name, `${name}/#`])
      await heard.client.publishAsync(`${name}/${name}`, name, { qos: 1 })
      await heard.count(1)
      expect(heard.heard).toEqual([`${name}/${name} ${name}`])
      await heard.client.unsubscribeAsync([name, `${name}/#`])
      await heard.client.endAsync()
      expect(Object.keys(Object.prototype)).toEqual([])
    },
  )

  it('MQTT 3.1 may mark a packet as sent again, where 3.1.1 has fixed flags', async () => {
    const line = await dial(broker.port)
    line.send(packet(0x10, field('MQIsdp'), Buffer.from([3, 2, 0, 60]), field('old')))
    await line.bytes(4)
    line.send(packet(0x8a, number(3), field('old/#'), Buffer.from([1])))
    expect((await line.bytes(9)).subarray(4)).toEqual(Buffer.from([0x90, 3, 0, 3, 1]))
    line.socket.destroy()
  })
})

describe('with small limits', () => {
  afterEach(async () => {
    await expectService()
    await broker.close()
  })

  it('MQTT 5 where it is not spoken is told so in its own format', async () => {
    await start({ mqtt5: null })
    const line = await dial(broker.port)
    line.send(packet(0x10, MQTT, Buffer.from([5, 2, 0, 60, 0]), field('a')))
    await line.closed
    expect([...line.received()]).toEqual([0x20, 3, 0, 0x84, 0])
  })

  it('a client that does not say CONNECT is closed in time, however it drips', async () => {
    await start({ limits: { connectTimeoutMs: 400 } })
    const mute = await dial(broker.port)
    const slow = await dial(broker.port)
    const bytes = hello({ clientId: 'slow' })
    const drip = setInterval(() => slow.send(bytes.subarray(0, 1)), 50)
    slow.send(bytes.subarray(0, 3))
    await Promise.all([mute.closed, slow.closed])
    clearInterval(drip)
    expect(closedFor('connect-timeout')).toBe(2)
  })

  it('the oldest that say nothing make room, and those who speak are let in', async () => {
    await start({ limits: { maxSilent: 20 } })
    const silent = await Promise.all(Array.from({ length: 100 }, () => dial(broker.port)))
    await Promise.all(silent.slice(0, 80).map(({ closed }) => closed))
    expect(closedFor('crowded-out')).toBe(80)
    expect(broker.broker.stats.unauthenticated).toBe(20)
    const honest = await login(broker.port)
    for (const line of [...silent, honest]) line.socket.destroy()
  })

  it('connections beyond the number are not taken, and room is found again', async () => {
    await start({ limits: { maxConnections: 10 } })
    const lines = await Promise.all(
      Array.from({ length: 10 }, (_, i) => login(broker.port, { clientId: `c${i}` })),
    )
    const extra = await dial(broker.port)
    await extra.closed
    expect(broker.broker.stats.refused).toEqual({ connections: 1, address: 0 })
    for (const line of lines) line.socket.destroy()
    await until(() => broker.broker.clients === 0)
  })

  it('a client without a keep-alive is served, and closed when it is idle for too long', async () => {
    await start({ idleTimeoutMs: 800 })
    const line = await login(broker.port, { keepalive: 0 })
    await sleep(400)
    line.send(PINGREQ)
    await line.bytes(6)
    await line.closed
    expect(closedFor('keep-alive')).toBe(1)
  })

  it('one and a half times the keep-alive: a client that says less is closed, and its will told once', async () => {
    await start()
    const watcher = await listener(broker.port)
    await watcher.client.subscribeAsync('wills/#')
    const will = { topic: 'wills/half-open', payload: Buffer.from('gone'), qos: 1, retain: false } as const
    const beganMs = performance.now()
    const line = await login(broker.port, { keepalive: 1, will })
    // Half of a packet is none.
    line.send(PINGREQ.subarray(0, 1))
    await line.closed
    const lastedMs = performance.now() - beganMs
    expect(lastedMs).toBeGreaterThan(1400)
    await watcher.count(1)
    expect(watcher.heard).toEqual(['wills/half-open gone'])
    await watcher.client.endAsync()
  })

  it('QoS 2 messages that are begun and not finished are bounded', async () => {
    await start({ limits: { maxInflight: 10 } })
    const line = await login(broker.port)
    for (let id = 1; id <= 10; id++) line.send(publish('a', 'x', 2, id))
    // Sent again, it is the same one.
    line.send(publish('a', 'x', 2, 10))
    await line.bytes(4 + 11 * 4)
    line.send(packet(0x62, number(1)))
    await line.bytes(4 + 12 * 4)
    line.send(publish('a', 'x', 2, 11))
    await line.bytes(4 + 13 * 4)
    line.send(publish('a', 'x', 2, 12))
    await line.closed
    expect(closedFor('inflight')).toBe(1)
  })

  it('filters beyond the number are denied, each for itself, and counted', async () => {
    await start({ limits: { maxSubscriptionsPerClient: 5, maxSubscriptions: 8 } })
    const first = await listener(broker.port)
    const grant = async (heard: typeof first, ...filters: string[]) =>
      (await heard.client.subscribeAsync(filters).catch(error => error.packet?.granted ?? [])) as unknown
    await first.client.subscribeAsync(['a/1', 'a/2', 'a/3', 'a/4', 'a/5'])
    await grant(first, 'a/6')
    // The same again is none more.
    await first.client.subscribeAsync(['a/1', 'a/2'])
    expect(broker.broker.stats.subscriptions).toBe(5)
    expect(broker.broker.stats.subscriptionsRefused).toEqual({ client: 1, all: 0 })
    await first.client.unsubscribeAsync(['a/1', 'a/2'])
    const second = await listener(broker.port)
    await second.client.subscribeAsync(['b/1', 'b/2', 'b/3', 'b/4', 'b/5'])
    await grant(first, 'c/1')
    expect(broker.broker.stats.subscriptionsRefused).toEqual({ client: 1, all: 1 })
    await Promise.all([first.client.endAsync(true), second.client.endAsync(true)])
    await until(() => broker.broker.stats.subscriptions === 0)
  })

  it('logins beyond the rate wait in line, and all of them come in', async () => {
    await start({ limits: { connectsPerSecond: 200 } })
    const beganMs = performance.now()
    const lines = await Promise.all(
      Array.from({ length: 150 }, (_, i) => login(broker.port, { clientId: `w${i}` })),
    )
    expect(performance.now() - beganMs).toBeGreaterThan(600)
    expect(broker.broker.stats.delayed).toBeGreaterThan(100)
    for (const line of lines) line.socket.destroy()
  })

  it('a client that comes back again and again is counted', async () => {
    await start()
    for (let i = 0; i < 20; i++) (await login(broker.port, { clientId: 'restless' })).socket.destroy()
    expect(broker.broker.stats.flapping).toBe(5)
  })

  it('a client that leaves right after it published loses nothing, and nobody misses it', async () => {
    await start()
    const watcher = await listener(broker.port)
    await watcher.client.subscribeAsync('last/#')
    const line = await login(broker.port)
    const goodbye = Buffer.from([0xe0, 0])
    line.send(Buffer.concat([publish('last/0', 'x', 0), publish('last/1', 'x', 1, 1), goodbye]))
    await line.closed
    await watcher.count(2)
    expect(watcher.heard.sort()).toEqual(['last/0 x', 'last/1 x'])
    expect(broker.accepted.map(({ topic }) => topic)).toEqual(['last/0', 'last/1'])
    await watcher.client.endAsync()
  })

  it('a client hears what it publishes right after it subscribed, and not right after it unsubscribed', async () => {
    await start()
    for (let round = 0; round < 20; round++) {
      const line = await login(broker.port)
      const unsubscribe = packet(0xa2, number(2), field('own/#'))
      const own = (name: string) => publish(`own/${name}`, 'x', 1, 9)
      line.send(Buffer.concat([own('a'), subscribe('own/#'), own('b'), PINGREQ]))
      const heard = publish('own/b')
      // CONNACK, SUBACK, two PUBACKs, PINGRESP.
      const before = 4 + 5 + 2 * 4 + 2 + heard.length
      expect((await line.bytes(before)).includes(heard)).toBe(true)
      line.send(Buffer.concat([unsubscribe, own('c'), PINGREQ]))
      // UNSUBACK, PUBACK, PINGRESP.
      const bytes = await line.bytes(before + 4 + 4 + 2)
      expect(bytes.includes('own/a') || bytes.includes('own/c')).toBe(false)
      line.socket.destroy()
    }
  })

  it('rates do not apply to loopback', async () => {
    await start({ limits: { packetsPerSecond: 10, bytesPerSecond: 100 } })
    const line = await login(broker.port)
    const packets = Array.from({ length: 500 }, (_, i) =>
      generate({
        cmd: 'publish',
        topic: 'a',
        payload: 'x',
        qos: 1,
        messageId: i + 1,
        retain: false,
        dup: false,
      }),
    )
    line.send(Buffer.concat(packets))
    await line.bytes(4 + 500 * 4)
    expect(broker.broker.stats.throttled).toBe(0)
    line.socket.destroy()
  })
})
