/**
 * For tests: clients that talk nonsense, from a seed. Each speaks a few packets, whole or spoiled, in pieces of any size,
 * to a real broker over a pipe in memory; what the broker says to them must be MQTT 5 to the last byte.
 */

import { type Duplex, duplexPair } from 'node:stream'
import { generate, type Packet, parser } from 'mqtt-packet'
import type { Broker } from '../broker.ts'
import { seeded } from '../seeded.ts'

export interface FuzzReport {
  readonly connections: number
  /** Let in with CONNACK 0. */
  readonly greeted: number
  readonly published: number
  /** By the reason code that CONNACK or DISCONNECT gave. */
  readonly refused: Readonly<Record<string, number>>
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
const CLOSE_WITHIN_MS = 5000

export async function fuzz(
  broker: Broker,
  connections: number,
  seed: number,
  together = 100,
): Promise<FuzzReport> {
  const random = seeded(seed)
  const report = { connections: 0, greeted: 0, published: 0, refused: {} as Record<string, number> }
  const mistakes: string[] = []
  const lane = async () => {
    while (report.connections < connections && mistakes.length === 0) {
      const number = ++report.connections
      const mistake = await talk(broker, random, report)
      if (mistake !== null) mistakes.push(`connection ${number} of seed ${seed}: ${mistake}`)
    }
  }
  await Promise.all(Array.from({ length: together }, lane))
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'))
  return report
}

type Random = () => number

/** Returns what the broker did wrong; null: nothing. */
async function talk(
  broker: Broker,
  random: Random,
  report: { greeted: number; published: number; refused: Record<string, number> },
): Promise<string | null> {
  const [near, far] = duplexPair()
  let mistake: string | null = null
  const parse = parser(V5)
  parse.on('error', error => (mistake = `not MQTT: ${error.message}`))
  parse.on('packet', packet => {
    const code = 'reasonCode' in packet ? (packet.reasonCode ?? 0) : 0
    if (packet.cmd === 'connack' && code === 0) report.greeted++
    if (packet.cmd === 'publish') report.published++
    if (packet.cmd === 'disconnect' || (packet.cmd === 'connack' && code > 0))
      report.refused[code] = (report.refused[code] ?? 0) + 1
    // Not within the parser, as the broker may answer at once.
    queueMicrotask(() => answer(near, packet, random))
  })
  const { bytes, isConnectSpoiled } = conversation(random)
  // What was spoiled may name another version, and is answered in that.
  near.on('data', data => isConnectSpoiled || parse.parse(data))
  near.on('error', () => undefined)
  near.on('end', () => near.end())
  const gone = new Promise<void>(resolve => {
    far.once('close', resolve)
  })
  broker.guard.enter(far)
  broker.guard.accept(far, far, { address: '127.0.0.1', headers: null, certificate: null })
  for (const piece of pieces(bytes, random)) {
    if (near.destroyed || far.destroyed) break
    near.write(piece)
    if (random() < 0.2) await new Promise(setImmediate)
  }
  for (let turns = Math.floor(random() * 20); turns > 0; turns--) await new Promise(setImmediate)
  if (random() < 0.5) {
    near.end()
  } else {
    // A pipe in memory does not tell the other end, as a network would.
    near.destroy()
    far.destroy()
  }
  const late = setTimeout(() => {
    mistake = 'it was not closed'
    far.destroy()
  }, CLOSE_WITHIN_MS)
  await gone
  clearTimeout(late)
  near.destroy()
  return mistake
}

/** Mostly as a client should. */
function answer(stream: Duplex, packet: Packet, random: Random): void {
  if (stream.writableEnded || stream.destroyed || random() < 0.2) return
  const messageId = packet.messageId ?? 1
  if (packet.cmd === 'publish' && packet.qos === 1) stream.write(generate({ cmd: 'puback', messageId }, V5))
  if (packet.cmd === 'publish' && packet.qos === 2) stream.write(generate({ cmd: 'pubrec', messageId }, V5))
  if (packet.cmd === 'pubrel') stream.write(generate({ cmd: 'pubcomp', messageId }, V5))
}

function conversation(random: Random): { bytes: Buffer; isConnectSpoiled: boolean } {
  const packets = [connect(random)]
  const count = Math.floor(random() * 8)
  for (let i = 0; i < count; i++) packets.push(anyPacket(random))
  const [connectBytes = Buffer.alloc(0), ...others] = packets.map(packet => generate(packet, V5))
  const rest = Buffer.concat(others)
  const isConnectSpoiled = random() < 0.15
  const first = isConnectSpoiled ? spoil(connectBytes, random) : connectBytes
  return { bytes: Buffer.concat([first, random() < 0.6 ? spoil(rest, random) : rest]), isConnectSpoiled }
}

function connect(random: Random): Packet {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const clientId = pick(IDS)
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 5,
    clientId,
    // The codec of others does not write an empty client id otherwise.
    clean: clientId === '' || random() < 0.5,
    keepalive: pick([0, 1, 60, 65_535]),
    properties: {
      ...(random() < 0.5 ? { sessionExpiryInterval: pick([0, 1, 600, 0xffff_ffff]) } : {}),
      ...(random() < 0.3 ? { receiveMaximum: pick([1, 2, 65_535]) } : {}),
      ...(random() < 0.2 ? { maximumPacketSize: pick([1, 20, 40, 100, 0xffff_ffff]) } : {}),
      ...(random() < 0.3 ? { topicAliasMaximum: pick([0, 1, 65_535]) } : {}),
      ...(random() < 0.05 ? { authenticationMethod: 'x' } : {}),
    },
    ...(random() < 0.3
      ? {
          will: {
            topic: pick(TOPICS),
            payload: Buffer.from('will'),
            qos: pick([0, 1, 2] as const),
            retain: random() < 0.5,
            properties: random() < 0.5 ? { willDelayInterval: pick([0, 1, 600]) } : {},
          },
        }
      : {}),
  }
}

function anyPacket(random: Random): Packet {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const messageId = pick([1, 2, 3, 65_535])
  switch (Math.floor(random() * 14)) {
    case 0:
    case 1:
    case 2:
      return {
        cmd: 'subscribe',
        messageId,
        subscriptions: Array.from({ length: pick([1, 2, 3]) }, () => ({
          topic: pick(FILTERS),
          qos: pick([0, 1, 2] as const),
          nl: random() < 0.2,
          rap: random() < 0.5,
          rh: pick([0, 1, 2]),
        })),
        ...(random() < 0.3 ? { properties: { subscriptionIdentifier: pick([1, 268_435_455]) } } : {}),
      }
    case 3:
      return { cmd: 'unsubscribe', messageId, unsubscriptions: [pick(FILTERS), pick(FILTERS)] }
    case 4:
      return { cmd: 'puback', messageId, reasonCode: pick([0, 0x10, 0x80]) }
    case 5:
      return { cmd: 'pubrec', messageId, reasonCode: pick([0, 0x80]) }
    case 6:
      return { cmd: 'pubrel', messageId }
    case 7:
      return { cmd: 'pubcomp', messageId }
    case 8:
      return { cmd: 'pingreq' }
    case 9:
      return random() < 0.5 ? { cmd: 'disconnect', reasonCode: pick([0, 4, 0x80]) } : { cmd: 'pingreq' }
    default:
      return {
        cmd: 'publish',
        topic: pick(TOPICS),
        payload: Buffer.alloc(pick([0, 1, 50, 500])),
        qos: pick([0, 1, 2] as const),
        retain: random() < 0.3,
        dup: false,
        messageId,
        properties: {
          ...(random() < 0.3 ? { topicAlias: pick([1, 2, 64, 65]) } : {}),
          ...(random() < 0.3 ? { messageExpiryInterval: pick([0, 1, 0xffff_ffff]) } : {}),
          ...(random() < 0.3 ? { userProperties: { a: ['1', '2'], ü: 'x' } } : {}),
          ...(random() < 0.2 ? { correlationData: Buffer.from([0]), responseTopic: 'r' } : {}),
        },
      }
  }
}

/** Changes, takes out, or repeats something. */
function spoil(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes
  const at = Math.floor(random() * bytes.length)
  const length = 1 + Math.floor(random() * 4)
  switch (Math.floor(random() * 5)) {
    case 0:
    case 1: {
      const changed = Buffer.from(bytes)
      changed[at] = Math.floor(random() * 256)
      return changed
    }
    case 2:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
    case 3:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
    default:
      return bytes.subarray(0, at)
  }
}

function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  const longest = random() < 0.2 ? 3 : bytes.length
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + Math.floor(random() * longest)
    yield bytes.subarray(at, end)
    at = end
  }
}
