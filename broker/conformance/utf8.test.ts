import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { connect, publish, subscribe, unsubscribe } from './packets.ts'

const mqtt = suite()

/** Every place of a packet where text goes: the packet with these bytes there. CONNECT comes first on its connection. */
const FIELDS: readonly (readonly [string, 'connect' | 'later', (bytes: Buffer) => Buffer])[] = [
  ['a client identifier [MQTT-3.1.3-4]', 'connect', clientId => connect({ clientId })],
  ['a will topic [MQTT-3.1.3-10]', 'connect', topic => connect({ clientId: 'u', will: { topic } })],
  ['a user name [MQTT-3.1.3-11]', 'connect', username => connect({ clientId: 'u', username })],
  ['the topic of PUBLISH [MQTT-3.3.2-1]', 'later', topic => publish({ topic, qos: 1 })],
  [
    'a filter of SUBSCRIBE [MQTT-3.8.3-1]',
    'later',
    filter =>
      subscribe(1, [
        ['fine', 0],
        [filter, 0],
      ]),
  ],
  ['a filter of UNSUBSCRIBE [MQTT-3.10.3-1]', 'later', filter => unsubscribe(1, ['fine', filter])],
]

const ILL_FORMED: readonly (readonly [string, readonly number[]])[] = [
  ['a continuation without a beginning', [0x80]],
  ['the last continuation', [0xbf]],
  ['a beginning without a continuation', [0xc3]],
  ['a beginning before an ASCII character', [0xc3, 0x28]],
  ['an overlong slash of two bytes', [0xc0, 0xaf]],
  ['an overlong slash of three bytes', [0xe0, 0x80, 0xaf]],
  ['an overlong slash of four bytes', [0xf0, 0x80, 0x80, 0xaf]],
  ['NUL in two bytes', [0xc0, 0x80]],
  ['three bytes of which one is missing', [0xe2, 0x82]],
  ['four bytes of which one is missing', [0xf0, 0x9f, 0x98]],
  ['the first high surrogate', [0xed, 0xa0, 0x80]],
  ['the last low surrogate', [0xed, 0xbf, 0xbf]],
  ['a pair of surrogates', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['bytes that never occur', [0xfe]],
  ['more bytes that never occur', [0xff]],
]

describe.each(FIELDS)('%s', (_field, when, packetWith) => {
  async function expectRefused(bytes: readonly number[]): Promise<void> {
    const wire = when === 'connect' ? await mqtt.open() : await mqtt.connected()
    wire.send(packetWith(Buffer.from([0x61, ...bytes, 0x62])))
    expect(await wire.closed()).toEqual([])
  }

  it.each(ILL_FORMED)('with %s closes [MQTT-1.5.3-1]', (_name, bytes) => expectRefused(bytes))

  it('with U+0000 closes [MQTT-1.5.3-2] [MQTT-4.7.3-2]', () => expectRefused([0]))
})

describe('text', () => {
  it('with a byte order mark keeps it, wherever it is [MQTT-1.5.3-3]', async () => {
    const wire = await mqtt.connected()
    const topics = ['\u{feff}start', 'mid\u{feff}dle', 'end\u{feff}']
    for (const topic of topics) expect([topic, await wire.subscribe(topic)]).toEqual([topic, 0])
    for (const topic of [...topics, ...topics.map(topic => topic.replace('\u{feff}', ''))])
      await wire.publish({ topic, qos: 1 })
    expect((await wire.receive(3)).map(({ topic }) => topic)).toEqual(topics)
    await wire.ping()
    expect(wire.unread).toEqual([])
  })

  it('is compared as it is: no case, no normal form, no substitution [MQTT-4.7.3-4]', async () => {
    const pairs = [
      ['caf\u{e9}', 'cafe\u{301}'],
      ['\u{212b}', '\u{c5}'],
      ['stra\u{df}e', 'strasse'],
      ['K', '\u{212a}'],
      ['\u{1f600}', '\u{1f601}'],
      ['%61', 'a'],
      ['a b', 'a+b'.replace('+', '\u{a0}')],
    ] as const
    const wire = await mqtt.connected()
    for (const [one, other] of pairs) {
      await wire.subscribe(one, 1)
      await wire.publish({ topic: other, qos: 1 })
      await wire.publish({ topic: one, qos: 1 })
      expect((await wire.receive(1))[0]?.topic).toBe(one)
    }
    await wire.ping()
    expect(wire.unread).toEqual([])
  })

  it('of two, three and four bytes a character passes in every field [MQTT-1.5.3-1]', async () => {
    for (const sample of [
      '\u{80}\u{7ff}'.slice(1),
      '\u{800}\u{d7ff}\u{e000}',
      '\u{10000}\u{10fffd}',
      'Wohnzimmer/W\u{e4}rme',
      '\u{6e29}\u{5ea6}',
    ]) {
      const topic = `u8/${sample}`
      const watcher = await mqtt.connected()
      await watcher.subscribe(topic, 1)
      const wire = await mqtt.connected({
        clientId: sample,
        username: sample,
        will: { topic, payload: sample },
      })
      await wire.publish({ topic, payload: sample, qos: 1 })
      await wire.drop()
      expect(await watcher.receive(2)).toMatchObject([
        { topic, payload: sample },
        { topic, payload: sample },
      ])
    }
  })

  it('may be long in a topic: within the limits it is served, beyond the connection is closed [MQTT-4.7.3-3]', async () => {
    for (const length of [200, 1_000, 65_535]) {
      const topic = 'l'.repeat(length)
      const wire = await mqtt.connected()
      wire.send(subscribe(1, [[topic, 1]]), publish({ topic, qos: 1, id: 2 }))
      const message = await Promise.race([wire.find('publish').catch(() => null), wire.closed()])
      if (message !== null && 'topic' in message) expect(message.topic).toBe(topic)
      else expect(length).toBeGreaterThan(1000)
    }
  })
})
