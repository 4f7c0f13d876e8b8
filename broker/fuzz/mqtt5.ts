/**
 * Clients of MQTT 5 that talk nonsense, from a seed. Each speaks a few packets, whole or spoiled, in pieces of any size,
 * over a stream in memory; what the broker says to them must be MQTT 5 to the last byte, as another library reads it.
 */

import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { generate, type Packet, parser } from 'mqtt-packet'
import { expect } from 'vitest'
import type { Broker } from '../broker.ts'
import { startBroker, type TestBroker } from '../fixture.ts'
import { greet, publish, subscribe } from '../mqtt5-client.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { Chance } from './chance.ts'
import { mutate } from './mutate.ts'
import { dial } from './sessions.ts'

export interface Mqtt5Report {
  connections: number
  /** Let in with CONNACK 0. */
  greeted: number
  published: number
  /** By the reason code that CONNACK or DISCONNECT gave. */
  readonly refused: Record<string, number>
}

const V5 = { protocolVersion: 5 }
/** Names that an object has already, among others. */
const IDS = ['', 'a', 'b', 'c', '__proto__', 'constructor', 'toString', 'é', 'x'.repeat(300)]
const TOPICS = [
  'a',
  'a/b',
  '/',
  'a//b',
  '$x',
  '$SYS/x',
  'trestle/x',
  '__proto__',
  'ü/\u{1f600}',
  'l/'.repeat(40),
]
const FILTERS = [
  '#',
  '+',
  'a/#',
  '+/b',
  'a',
  '/',
  '$SYS/#',
  '$share/g/a',
  '$share/g/#',
  '$share//a',
  'a#',
  '__proto__',
  '$share/__proto__/+',
]

/** At a time. */
const CONCURRENCY = 100
const CLOSE_WITHIN_MS = 5000

/** Rejects with an Error that names the seed when the broker did something wrong. */
export async function fuzzMqtt5(connections: number, seed: number): Promise<Mqtt5Report> {
  const directory = newDirectory()
  const broker = await startBroker({
    directory: directory.path,
    limits: { connectsPerSecond: 1_000_000, maxSilent: 10_000 },
    sessions: { maxSessions: 1000, maxQueuedMessages: 20 },
    accept: ({ qos }) => (qos === 0 ? null : Promise.resolve()),
  })
  const chance = new Chance(seed)
  const report: Mqtt5Report = { connections: 0, greeted: 0, published: 0, refused: {} }
  const mistakes: string[] = []
  const lane = async () => {
    while (report.connections < connections && mistakes.length === 0) {
      const number = ++report.connections
      const mistake = await talk(broker.broker, chance, report)
      if (mistake !== null) mistakes.push(`connection ${number} of seed ${seed}: ${mistake}`)
    }
  }
  try {
    await Promise.all(Array.from({ length: CONCURRENCY }, lane))
    if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
    await expectSane(broker)
    return report
  } finally {
    await broker.close()
    directory.remove()
  }
}

/** Everybody is gone, and those who talk sense are served. */
async function expectSane({ broker, port }: TestBroker): Promise<void> {
  expect(broker.clients).toBe(0)
  expect(broker.stats.subscriptions).toBe(0)
  expect(broker.stats.unauthenticated).toBe(0)
  const peer = await greet(port, { clientId: 'sane' })
  expect(await subscribe(peer, 'sane')).toBe(2)
  expect(await publish(peer, 'sane', 'x', { qos: 2 })).toBe(0)
  await peer.next('publish')
  await peer.leave()
}

/** Returns what the broker did wrong; null: nothing. */
async function talk(broker: Broker, chance: Chance, report: Mqtt5Report): Promise<string | null> {
  const client = dial(broker)
  const gone = new Promise(resolve => client.once('close', resolve))
  let mistake: string | null = null
  const parse = parser(V5)
  parse.on('error', error => (mistake = `not MQTT: ${error.message}`))
  parse.on('packet', packet => {
    note(packet, report)
    // Not within the parser, as the broker may answer at once.
    queueMicrotask(() => answer(client, packet, chance))
  })
  const { bytes, isConnectSpoiled } = conversation(chance)
  // What was spoiled may name another version, and is answered in that.
  client.on('data', data => isConnectSpoiled || parse.parse(data))
  for (const piece of pieces(bytes, chance)) {
    if (client.destroyed) break
    client.write(piece)
    if (chance.is(0.2)) await setImmediate()
  }
  for (let turns = chance.below(20); turns > 0; turns--) await setImmediate()
  if (chance.is(0.5)) client.end()
  else client.destroy()
  const late = setTimeout(() => {
    mistake = 'it was not closed'
    client.destroy()
  }, CLOSE_WITHIN_MS)
  await gone
  clearTimeout(late)
  // The broker's end, too.
  await setImmediate()
  return mistake
}

function note(packet: Packet, report: Mqtt5Report): void {
  const code = 'reasonCode' in packet ? (packet.reasonCode ?? 0) : 0
  if (packet.cmd === 'connack' && code === 0) report.greeted++
  if (packet.cmd === 'publish') report.published++
  if (packet.cmd === 'disconnect' || (packet.cmd === 'connack' && code > 0))
    report.refused[code] = (report.refused[code] ?? 0) + 1
}

/** Mostly as a client should. */
function answer(client: Duplex, packet: Packet, chance: Chance): void {
  if (client.writableEnded || client.destroyed || chance.is(0.2)) return
  const messageId = packet.messageId ?? 1
  if (packet.cmd === 'publish' && packet.qos === 1) client.write(generate({ cmd: 'puback', messageId }, V5))
  if (packet.cmd === 'publish' && packet.qos === 2) client.write(generate({ cmd: 'pubrec', messageId }, V5))
  if (packet.cmd === 'pubrel') client.write(generate({ cmd: 'pubcomp', messageId }, V5))
}

function conversation(chance: Chance): { bytes: Buffer; isConnectSpoiled: boolean } {
  const connect = generate(connectOf(chance), V5)
  const others = Array.from({ length: chance.below(8) }, () => generate(packetOf(chance), V5))
  const spoil = (bytes: Buffer) => mutate(chance, bytes, [connect, ...others])
  const isConnectSpoiled = chance.is(0.15)
  const rest = Buffer.concat(others)
  return {
    bytes: Buffer.concat([isConnectSpoiled ? spoil(connect) : connect, chance.is(0.6) ? spoil(rest) : rest]),
    isConnectSpoiled,
  }
}

function connectOf(chance: Chance): Packet {
  const clientId = chance.pick(IDS)
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    // The codec of others does not write an empty client id otherwise.
    clean: clientId === '' || chance.is(0.5),
    keepalive: chance.pick([0, 1, 60, 65_535]),
    properties: {
      ...(chance.is(0.5) ? { sessionExpiryInterval: chance.pick([0, 1, 600, 0xffff_ffff]) } : {}),
      ...(chance.is(0.3) ? { receiveMaximum: chance.pick([1, 2, 65_535]) } : {}),
      ...(chance.is(0.2) ? { maximumPacketSize: chance.pick([1, 20, 40, 100, 0xffff_ffff]) } : {}),
      ...(chance.is(0.3) ? { topicAliasMaximum: chance.pick([0, 1, 65_535]) } : {}),
      ...(chance.is(0.05) ? { authenticationMethod: 'x' } : {}),
    },
    ...(chance.is(0.3)
      ? {
          will: {
            topic: chance.pick(TOPICS),
            payload: Buffer.from('will'),
            qos: chance.pick([0, 1, 2] as const),
            retain: chance.is(0.5),
            properties: chance.is(0.5) ? { willDelayInterval: chance.pick([0, 1, 600]) } : {},
          },
        }
      : {}),
  }
}

function packetOf(chance: Chance): Packet {
  const messageId = chance.pick([1, 2, 3, 65_535])
  switch (chance.below(14)) {
    case 0:
    case 1:
    case 2:
      return {
        cmd: 'subscribe',
        messageId,
        subscriptions: Array.from({ length: chance.pick([1, 2, 3]) }, () => ({
          topic: chance.pick(FILTERS),
          qos: chance.pick([0, 1, 2] as const),
          nl: chance.is(0.2),
          rap: chance.is(0.5),
          rh: chance.pick([0, 1, 2]),
        })),
        ...(chance.is(0.3) ? { properties: { subscriptionIdentifier: chance.pick([1, 268_435_455]) } } : {}),
      }
    case 3:
      return { cmd: 'unsubscribe', messageId, unsubscriptions: [chance.pick(FILTERS), chance.pick(FILTERS)] }
    case 4:
      return { cmd: 'puback', messageId, reasonCode: chance.pick([0, 0x10, 0x80]) }
    case 5:
      return { cmd: 'pubrec', messageId, reasonCode: chance.pick([0, 0x80]) }
    case 6:
      return { cmd: 'pubrel', messageId }
    case 7:
      return { cmd: 'pubcomp', messageId }
    case 8:
      return { cmd: 'pingreq' }
    case 9:
      return chance.is(0.5)
        ? { cmd: 'disconnect', reasonCode: chance.pick([0, 4, 0x80]) }
        : { cmd: 'pingreq' }
    default:
      return {
        cmd: 'publish',
        topic: chance.pick(TOPICS),
        payload: Buffer.alloc(chance.pick([0, 1, 50, 500])),
        qos: chance.pick([0, 1, 2] as const),
        retain: chance.is(0.3),
        dup: false,
        messageId,
        properties: {
          ...(chance.is(0.3) ? { topicAlias: chance.pick([1, 2, 64, 65]) } : {}),
          ...(chance.is(0.3) ? { messageExpiryInterval: chance.pick([0, 1, 0xffff_ffff]) } : {}),
          ...(chance.is(0.3) ? { userProperties: { a: ['1', '2'], ü: 'x' } } : {}),
          ...(chance.is(0.2) ? { correlationData: Buffer.from([0]), responseTopic: 'r' } : {}),
        },
      }
  }
}

function* pieces(bytes: Buffer, chance: Chance): Generator<Buffer> {
  const longest = chance.is(0.2) ? 3 : bytes.length
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + chance.below(longest)
    yield bytes.subarray(at, end)
    at = end
  }
}
