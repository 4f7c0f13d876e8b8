import { generate } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { LIMITS } from '../../fixture.ts'
import { Topics } from '../../guard/topics.ts'
import { decode } from './decode.ts'
import { encodeConnack, encodeDisconnect, encodePublishHead } from './encode.ts'
import { Fault } from './fault.ts'
import type { Packet, Publish } from './packets.ts'

const topics = new Topics(LIMITS)

function read(bytes: readonly number[] | Buffer): Packet {
  const buffer = Buffer.from(bytes)
  let body = 1
  while (buffer[body]! >= 0x80) body++
  return decode(buffer, 0, body + 1, buffer.length, topics)
}

function faultOf(bytes: readonly number[]): number | string {
  try {
    read(bytes)
    return 'nothing wrong'
  } catch (error) {
    return error instanceof Fault ? error.code : String(error)
  }
}

const text = (value: string) => [...Buffer.from([0, Buffer.byteLength(value)]), ...Buffer.from(value)]
const packet = (first: number, ...body: number[]) => [first, body.length, ...body]
const connect = (flags: number, ...rest: number[]) => packet(0x10, ...text('MQTT'), 5, flags, 0, 60, ...rest)
const MALFORMED = 0x81
const PROTOCOL = 0x82

describe('what is malformed, or against the protocol, is told apart', () => {
  it.each<[string, number[], number]>([
    // [MQTT-1.5.4-1], [MQTT-1.5.4-2]
    ['a topic that is not UTF-8', packet(0x30, 0, 2, 0xc3, 0x28, 0), MALFORMED],
    ['a surrogate', packet(0x30, 0, 3, 0xed, 0xa0, 0x80, 0), MALFORMED],
    ['an overlong encoding', packet(0x30, 0, 2, 0xc0, 0x80, 0), MALFORMED],
    ['a null character', packet(0x30, 0, 2, 0x61, 0, 0), MALFORMED],
    [
      'a null character in a user property',
      packet(0x30, ...text('a'), 7, 0x26, 0, 1, 0, 0, 1, 0x61),
      MALFORMED,
    ],
    // [MQTT-1.5.5-1]
    ['a remaining length of more bytes than needed', [0xc0, 0x80, 0], MALFORMED],
    ['a property length of more bytes than needed', packet(0x30, ...text('a'), 0x80, 0), MALFORMED],
    ['a property length beyond the packet', packet(0x30, ...text('a'), 9), MALFORMED],
    ['a length of five bytes', packet(0x30, ...text('a'), 0x80, 0x80, 0x80, 0x80, 1), MALFORMED],
    // [MQTT-2.1.3-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1], [MQTT-3.15.1-1]
    ['PINGREQ with a flag', [0xc1, 0], MALFORMED],
    ['PUBREL without its flag', packet(0x60, 0, 1), MALFORMED],
    ['PUBACK with a flag', packet(0x41, 0, 1), MALFORMED],
    ['SUBSCRIBE without its flag', packet(0x80, 0, 1, 0, ...text('a'), 0), MALFORMED],
    ['UNSUBSCRIBE without its flag', packet(0xa0, 0, 1, 0, ...text('a')), MALFORMED],
    ['DISCONNECT with a flag', [0xe1, 0], MALFORMED],
    ['AUTH with a flag', [0xf1, 0], MALFORMED],
    ['a packet of type 0', [0x00, 0], MALFORMED],
    ['PINGREQ with a body', [0xc0, 1, 0], MALFORMED],
    ['CONNACK from a client', [0x20, 0], PROTOCOL],
    ['SUBACK from a client', [0x90, 0], PROTOCOL],
    ['PINGRESP from a client', [0xd0, 0], PROTOCOL],
    // [MQTT-3.1.2-3], [MQTT-3.1.2-11] to [MQTT-3.1.2-13], [MQTT-3.1.2-16] to [MQTT-3.1.2-19]
    ['the reserved flag of CONNECT', connect(0x03, 0, ...text('a')), MALFORMED],
    ['a will QoS without a will', connect(0x0a, 0, ...text('a')), MALFORMED],
    ['a will retain without a will', connect(0x22, 0, ...text('a')), MALFORMED],
    ['a will of QoS 3', connect(0x1e, 0, ...text('a'), 0, ...text('t'), ...text('p')), MALFORMED],
    ['a will to a wildcard', connect(0x06, 0, ...text('a'), 0, ...text('t/#'), ...text('p')), MALFORMED],
    ['a name that is not there', connect(0x82, 0, ...text('a')), MALFORMED],
    ['a password that is not there', connect(0x42, 0, ...text('a')), MALFORMED],
    ['a name without its flag', connect(0x02, 0, ...text('a'), ...text('name')), MALFORMED],
    ['another protocol name', packet(0x10, ...text('MQIsdp'), 5, 2, 0, 60, 0, ...text('a')), 0x84],
    ['a receive maximum of 0', connect(0x02, 3, 0x21, 0, 0, ...text('a')), PROTOCOL],
    ['a maximum packet size of 0', connect(0x02, 5, 0x27, 0, 0, 0, 0, ...text('a')), PROTOCOL],
    ['session expiry twice', connect(0x02, 10, 0x11, 0, 0, 0, 1, 0x11, 0, 0, 0, 1, ...text('a')), PROTOCOL],
    ['authentication data without a method', connect(0x02, 4, 0x16, 0, 1, 0, ...text('a')), PROTOCOL],
    ['request problem information of 2', connect(0x02, 2, 0x17, 2, ...text('a')), PROTOCOL],
    ['a property of PUBLISH', connect(0x02, 3, 0x23, 0, 1, ...text('a')), MALFORMED],
    ['a property that there is not', connect(0x02, 2, 0x7f, 0, ...text('a')), MALFORMED],
    ['a will delay in PUBLISH', packet(0x30, ...text('a'), 5, 0x18, 0, 0, 0, 1), MALFORMED],
    // [MQTT-3.3.1-2], [MQTT-3.3.1-4]
    ['PUBLISH of QoS 3', packet(0x36, ...text('a'), 0, 1, 0), MALFORMED],
    ['PUBLISH of QoS 0 with DUP', packet(0x38, ...text('a'), 0), MALFORMED],
    // [MQTT-3.3.2-2], [MQTT-4.7.0-1]
    ['a topic with +', packet(0x30, ...text('a/+'), 0), MALFORMED],
    ['a topic with #', packet(0x30, ...text('#'), 0), MALFORMED],
    ['neither topic nor alias', packet(0x30, ...text(''), 0), PROTOCOL],
    // [MQTT-3.3.2-8], [MQTT-3.3.2-14], [MQTT-3.3.4-6], [MQTT-2.2.1-3]
    ['topic alias 0', packet(0x30, ...text('a'), 3, 0x23, 0, 0), 0x94],
    ['a response topic with a wildcard', packet(0x30, ...text('a'), 4, 0x08, ...text('#')), PROTOCOL],
    ['an empty response topic', packet(0x30, ...text('a'), 3, 0x08, ...text('')), PROTOCOL],
    ['a subscription identifier', packet(0x30, ...text('a'), 2, 0x0b, 1), PROTOCOL],
    ['content type twice', packet(0x30, ...text('a'), 8, 0x03, ...text('x'), 0x03, ...text('x')), PROTOCOL],
    ['packet identifier 0', packet(0x32, ...text('a'), 0, 0, 0), PROTOCOL],
    ['PUBLISH without its identifier', packet(0x32, ...text('a')), MALFORMED],
    // [MQTT-3.4.2-1]
    ['PUBACK with an unknown reason', packet(0x40, 0, 1, 0x55), PROTOCOL],
    ['PUBCOMP with a reason of PUBACK', packet(0x70, 0, 1, 0x87), PROTOCOL],
    // [MQTT-3.8.3-2], [MQTT-3.8.3-4], [MQTT-3.8.3-5]
    ['SUBSCRIBE without a filter', packet(0x82, 0, 1, 0), PROTOCOL],
    ['reserved subscription options', packet(0x82, 0, 1, 0, ...text('a'), 0x40), MALFORMED],
    ['a subscription of QoS 3', packet(0x82, 0, 1, 0, ...text('a'), 3), PROTOCOL],
    ['retain handling 3', packet(0x82, 0, 1, 0, ...text('a'), 0x30), PROTOCOL],
    ['no local on a shared subscription', packet(0x82, 0, 1, 0, ...text('$share/g/a'), 4), PROTOCOL],
    ['subscription identifier 0', packet(0x82, 0, 1, 2, 0x0b, 0, ...text('a'), 0), PROTOCOL],
    ['two subscription identifiers', packet(0x82, 0, 1, 4, 0x0b, 1, 0x0b, 2, ...text('a'), 0), PROTOCOL],
    ['SUBSCRIBE that ends within a filter', packet(0x82, 0, 1, 0, 0, 9, 0x61), MALFORMED],
    // [MQTT-3.10.3-2]
    ['UNSUBSCRIBE without a filter', packet(0xa2, 0, 1, 0), PROTOCOL],
    // [MQTT-3.14.2-1]
    ['DISCONNECT with a reason of servers', packet(0xe0, 0x8e), PROTOCOL],
    ['DISCONNECT with a server reference', packet(0xe0, 0, 4, 0x1c, ...text('a')), MALFORMED],
    ['DISCONNECT with something behind', packet(0xe0, 0, 0, 0), MALFORMED],
  ])('%s', (_name, bytes, code) => {
    expect(faultOf(bytes)).toBe(code)
  })
})

it('a byte order mark is a character like others [MQTT-1.5.4-3]', () => {
  const topic = '\ufeffa/ü/\u{1f600}'
  expect(read(packet(0x30, ...text(topic), 0))).toMatchObject({ topic })
})

it('acknowledgements may leave out success and properties', () => {
  expect(read(packet(0x40, 0, 7))).toMatchObject({ packetId: 7, code: 0 })
  expect(read(packet(0x50, 1, 0, 0x10))).toMatchObject({ packetId: 256, code: 0x10 })
  expect(read(packet(0x62, 0, 7, 0x92, 6, 0x1f, ...text('why')))).toMatchObject({ code: 0x92 })
  expect(read([0xe0, 0])).toMatchObject({ code: 0 })
  expect(read(packet(0xe0, 4))).toMatchObject({ code: 4 })
})

it('what is forwarded are the bytes that came, without those that are between two', () => {
  const contentType = [0x03, ...text('a/b')]
  const expiry = [0x02, 0, 0, 1, 0]
  const user = [0x26, ...text('k'), ...text('v')]
  const alias = [0x23, 0, 7]
  const properties = [...contentType, ...expiry, ...user, ...alias, ...user]
  const publish = read(packet(0x30, ...text('t'), properties.length, ...properties, 9)) as Publish
  expect(publish.raw).toEqual(Buffer.from([...contentType, ...user, ...user]))
  expect(publish.properties).toMatchObject({
    messageExpiryS: 256,
    topicAlias: 7,
    contentType: 'a/b',
    userProperties: [
      ['k', 'v'],
      ['k', 'v'],
    ],
  })
  expect(publish.payload).toEqual(Buffer.from([9]))
})

it('reads what others write: a CONNECT with everything', () => {
  const bytes = generate(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'ü',
      clean: false,
      keepalive: 65_535,
      username: 'u',
      password: Buffer.from([0, 255]),
      properties: {
        sessionExpiryInterval: 0xffff_ffff,
        receiveMaximum: 1,
        maximumPacketSize: 0xffff_ffff,
        topicAliasMaximum: 3,
        requestResponseInformation: true,
        requestProblemInformation: false,
        userProperties: { a: ['1', '2'] },
      },
      will: {
        topic: 'w',
        payload: Buffer.from('p'),
        qos: 2,
        retain: true,
        properties: { willDelayInterval: 9, messageExpiryInterval: 8, contentType: 'c' },
      },
    },
    { protocolVersion: 5 },
  )
  expect(read(bytes)).toMatchObject({
    clientId: 'ü',
    isCleanStart: false,
    keepAliveS: 65_535,
    username: 'u',
    password: Buffer.from([0, 255]),
    properties: {
      sessionExpiryS: 0xffff_ffff,
      receiveMaximum: 1,
      maximumPacketSize: 0xffff_ffff,
      topicAliasMaximum: 3,
      requestResponseInformation: 1,
      requestProblemInformation: 0,
      userProperties: [
        ['a', '1'],
        ['a', '2'],
      ],
    },
    will: {
      topic: 'w',
      payload: Buffer.from('p'),
      qos: 2,
      retain: true,
      properties: { willDelayS: 9, messageExpiryS: 8, contentType: 'c' },
      raw: Buffer.from([0x03, 0, 1, 0x63]),
    },
  })
})

it('writes lengths of one to four bytes', async () => {
  const { parser } = await import('mqtt-packet')
  for (const payloadBytes of [0, 120, 128, 16_383, 16_384, 2_097_151, 2_097_152]) {
    const raw = Buffer.from([0x26, ...text('k'), ...text('v')])
    const head = encodePublishHead({
      topic: 'a/ü',
      qos: 1,
      retain: true,
      dup: true,
      packetId: 65_535,
      raw,
      messageExpiryS: 0xffff_ffff,
      topicAlias: 65_535,
      subscriptionIds: [1, 128, 268_435_455],
      payloadBytes,
    })
    const parse = parser({ protocolVersion: 5 })
    const packets: unknown[] = []
    parse.on('packet', each => packets.push(each))
    parse.on('error', error => packets.push(error))
    parse.parse(Buffer.concat([head, Buffer.alloc(payloadBytes)]))
    expect(packets).toMatchObject([
      {
        topic: 'a/ü',
        qos: 1,
        retain: true,
        dup: true,
        messageId: 65_535,
        properties: {
          messageExpiryInterval: 0xffff_ffff,
          topicAlias: 65_535,
          subscriptionIdentifier: [1, 128, 268_435_455],
          userProperties: { k: 'v' },
        },
      },
    ])
  }
})

it('a refusal never says that there is a session [MQTT-3.2.2-6]; DISCONNECT has its properties', () => {
  expect(encodeConnack(true, 0x87, {})).toEqual(Buffer.from([0x20, 3, 0, 0x87, 0]))
  expect(encodeConnack(true, 0, {})).toEqual(Buffer.from([0x20, 3, 1, 0, 0]))
  expect(encodeDisconnect(0x8e, { reasonString: 'x' })).toEqual(
    Buffer.from([0xe0, 6, 0x8e, 4, 0x1f, 0, 1, 0x78]),
  )
})
