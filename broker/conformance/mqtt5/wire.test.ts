import { generate, type Packet } from 'mqtt-packet'
import { expect, it } from 'vitest'
import { FreshBroker } from '../../fresh-broker.ts'
import { type Peer, publish, subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()
const V5 = { protocolVersion: 5 }

const TALK: readonly Packet[] = [
  {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId: 'talker',
    clean: true,
    keepalive: 60,
    properties: { sessionExpiryInterval: 10, topicAliasMaximum: 2 },
  },
  {
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [
      { topic: 'a/#', qos: 1, nl: false, rap: true, rh: 0 },
      { topic: 'a#', qos: 1 },
    ],
    properties: { subscriptionIdentifier: 300 },
  },
  {
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.alloc(20_000, 'x'),
    qos: 1,
    messageId: 2,
    retain: false,
    dup: false,
    properties: { userProperties: { ü: 'y' }, topicAlias: 1, contentType: 'text/plain' },
  },
  {
    cmd: 'publish',
    topic: '',
    payload: '',
    qos: 2,
    messageId: 3,
    retain: false,
    dup: false,
    properties: { topicAlias: 1 },
  },
  { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['x', 'y'] },
  { cmd: 'pingreq' },
]

async function talk(peer: Peer, pieceBytes: number): Promise<unknown[]> {
  const bytes = Buffer.concat(TALK.map(packet => generate(packet, V5)))
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    peer.socket.write(bytes.subarray(at, at + pieceBytes))
    if (at % 512 === 0) await new Promise(setImmediate)
  }
  await peer.next('pingresp')
  await peer.next('unsuback')
  await peer.next('pubrec')
  const published = () => peer.received.filter(({ cmd }) => cmd === 'publish').length
  while (published() < 2) await peer.settled()
  const said = peer.received.filter(({ cmd }) => cmd !== 'pingresp')
  await peer.leave()
  // Answers to different packets may pass each other.
  return said.map(packet => JSON.stringify(packet)).toSorted()
}

it('the same bytes, whole, in pieces, or one by one, bring the same', async () => {
  await on.start()
  const whole = await talk(await on.open(), Number.POSITIVE_INFINITY)
  expect(whole).toHaveLength(7)
  expect(await talk(await on.open(), 1000)).toEqual(whole)
  expect(await talk(await on.open(), 1)).toEqual(whole)
})

it.each<[string, number[], number]>([
  ['malformed', [0x36, 4, 0, 1, 0x61, 0], 0x81],
  ['a remaining length of five bytes', [0x30, 0x80, 0x80, 0x80, 0x80, 1], 0x81],
  ['against the protocol', [0x82, 3, 0, 1, 0], 0x82],
  ['a packet that is too large, by its header', [0x30, 0xff, 0xff, 0xff, 0x7f], 0x95],
  ['a topic alias of 0', [0x30, 7, 0, 1, 0x61, 3, 0x23, 0, 0], 0x94],
])('%s: DISCONNECT says why, nothing follows it, and the will is published', async (_name, bytes, code) => {
  await on.start()
  const watcher = await on.greet()
  await subscribe(watcher, 'will')
  const peer = await on.greet({
    clientId: 'x',
    will: { topic: 'will', payload: Buffer.from('x'), qos: 1, retain: false },
  })
  peer.sendBytes(...bytes, 0xc0, 0)
  // [MQTT-4.13.1-1], [MQTT-3.14.4-1]
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: code })
  await peer.closed
  expect(peer.received.map(({ cmd }) => cmd)).toEqual(['connack', 'disconnect'])
  await watcher.next('publish')
})

it('a CONNECT that is malformed is answered by CONNACK with the reason, and by nothing else', async () => {
  await on.start()
  const peer = await on.open()
  // Flags: reserved bit; then what it does not come to.
  peer.sendBytes(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 3, 0, 60, 0, 0, 0, 0xc0, 0)
  // [MQTT-3.1.4-1], [MQTT-3.1.4-6], [MQTT-3.14.0-1]
  expect(await peer.next('connack')).toMatchObject({ reasonCode: 0x81, sessionPresent: false })
  await peer.closed
  expect(peer.received).toHaveLength(1)
})

it('answers of PUBREC, PUBREL and the like to what is not there', async () => {
  await on.start()
  const peer = await on.greet()
  peer.send({ cmd: 'pubrec', messageId: 9, reasonCode: 0 })
  expect(await peer.next('pubrel')).toMatchObject({ messageId: 9, reasonCode: 0x92 })
  peer.send({ cmd: 'pubrel', messageId: 9 })
  expect(await peer.next('pubcomp')).toMatchObject({ messageId: 9, reasonCode: 0 })
  peer.send({ cmd: 'puback', messageId: 9 })
  peer.send({ cmd: 'pubcomp', messageId: 9 })
  peer.send({ cmd: 'pubrec', messageId: 9, reasonCode: 0x80 })
  await peer.settled()
  expect(peer.received).toHaveLength(4)
})

it('a refusal of QoS 2 by its receiver ends it', async () => {
  await on.start()
  const watcher = await on.greet({ properties: { receiveMaximum: 1 } })
  await subscribe(watcher, 'a')
  const sender = await on.greet()
  await publish(sender, 'a', '1', { qos: 2 })
  await publish(sender, 'a', '2', { qos: 2 })
  const { messageId = 0 } = await watcher.next('publish')
  watcher.send({ cmd: 'pubrec', messageId, reasonCode: 0x97 })
  // [MQTT-4.4.0-2]
  expect(await watcher.next('publish')).toMatchObject({ payload: Buffer.from('2') })
})

it('what the guard refuses is told once, and counted once, as it is by older versions', async () => {
  await on.start({ limits: { maxPacketBytes: 1000 } })
  const refusals = [
    // A length of five bytes, which is no length.
    { bytes: [0x30, 0xff, 0xff, 0xff, 0xff, 0xff], code: 0x81, word: 'malformed' },
    { bytes: [0x30, 0xff, 0x7f], code: 0x95, word: 'too-large' },
  ]
  for (const { bytes, code, word } of refusals) {
    const peer = await on.greet()
    peer.sendBytes(...bytes)
    expect(await peer.next('disconnect')).toMatchObject({ reasonCode: code })
    await peer.closed
    expect(on.broker.stats.closed[word]).toBe(1)
    const older = await connectRaw(on.port, {})
    older.socket.write(Uint8Array.from(bytes))
    await older.closed
    expect(on.broker.stats.closed[word]).toBe(2)
  }
  expect(on.broker.stats.closed).toEqual({ malformed: 2, 'too-large': 2 })
})
