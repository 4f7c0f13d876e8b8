/**
 * Bytes against everything that reads packets, without a network: the guard's framer and checks, the codecs, the PROXY
 * header. What must hold:
 *
 * - Nothing throws but the codec's faults, and nothing takes long.
 * - However the bytes are split, the same packets are found.
 * - What we take by MQTT 3.1 and 3.1.1, a library of others (mqtt-packet) reads without an error, as the same packet.
 * - Object.prototype stays as it was.
 */

import assert from 'node:assert/strict'
import { generate, type Packet, parser } from 'mqtt-packet'
import type { Codec } from '../front/codec/codec.ts'
import { Fault } from '../front/codec/fault.ts'
import { mqtt3Codec } from '../front/codec/mqtt3.ts'
import { mqtt5Codec } from '../front/codec/mqtt5.ts'
import * as types from '../front/codec/packets.ts'
import { readConnect } from '../guard/connect.ts'
import { Framer } from '../guard/framer.ts'
import { readProxyHeader } from '../guard/proxy-header.ts'
import { Topics } from '../guard/topics.ts'
import { Chance } from './chance.ts'
import { connectOf, type Level, packetOf } from './grammar.ts'
import { mutate, withRightLength } from './mutate.ts'

export interface PacketReport {
  readonly mutations: number
  /** Packets that were whole, and those of them that passed. */
  readonly packets: number
  readonly passed: number
  readonly slowestMs: number
}

const LIMITS = { maxTopicBytes: 1024, maxTopicLevels: 32, maxFiltersPerSubscribe: 512 }
const MAX_PACKET_BYTES = 2 * 1024 ** 2
const SLOW_MS = 200
const POOL = 512

type Codecs = Readonly<Record<Level, Codec>>

interface Found {
  readonly bytes: Buffer
  readonly at: number
  readonly body: number
  readonly end: number
}

/** Throws an Error that names seed and bytes when a promise is broken. */
export function fuzzPackets(mutations: number, seed: number): PacketReport {
  const chance = new Chance(seed)
  const topics = new Topics(LIMITS)
  const codecs: Codecs = {
    3: mqtt3Codec(3, topics, LIMITS),
    4: mqtt3Codec(4, topics, LIMITS),
    5: mqtt5Codec(topics),
  }
  const prototype = Object.getOwnPropertyNames(Object.prototype).join()
  const pools = { 3: poolOf(chance, 3), 4: poolOf(chance, 4), 5: poolOf(chance, 5) }
  let packets = 0
  let passed = 0
  let slowestMs = 0
  for (let n = 0; n < mutations; n++) {
    const level = chance.pick([3, 4, 4, 5, 5] as const)
    const pool = pools[level]
    let bytes = mutate(chance, chance.pick(pool), pool)
    if (chance.is(0.5)) bytes = withRightLength(bytes)
    // Now and then something valid behind it: the reader must have kept its place.
    if (chance.is(0.1)) bytes = Buffer.concat([bytes, chance.pick(pool)])
    try {
      const startMs = performance.now()
      for (const found of frame(chance, bytes)) {
        packets++
        if (passes(found, codecs[level])) passed++
      }
      const tookMs = performance.now() - startMs
      if (chance.is(0.02)) readProxyHeader(chance.is(0.5) ? bytes : proxyHeaderOf(chance))
      if (tookMs > slowestMs) slowestMs = Math.min(tookMs, againMs(chance, bytes, codecs[level]))
    } catch (cause) {
      const hex = bytes.toString('hex').slice(0, 4000)
      throw new Error(`seed ${seed}, mutation ${n}, level ${level}: ${hex}`, { cause })
    }
  }
  demand(Object.getOwnPropertyNames(Object.prototype).join() === prototype, 'Object.prototype unchanged')
  demand(slowestMs < SLOW_MS, `no packet of ${slowestMs} ms`)
  return { mutations, packets, passed, slowestMs }
}

/** What is slow is so each time; a machine that was busy is not. */
function againMs(chance: Chance, bytes: Buffer, codec: Codec): number {
  const startMs = performance.now()
  for (const found of frame(chance, bytes)) passes(found, codec)
  return performance.now() - startMs
}

function passes(found: Found, codec: Codec): boolean {
  const { bytes, at, body, end } = found
  // The guard lets through no other first byte, nor a CONNECT of 3.1 or 3.1.1 with a flaw.
  if (bytes[at]! >> 4 === types.CONNECT) {
    const { kind } = readConnect(bytes, body, end, LIMITS)
    if (bytes[at] !== 0x10 || (codec.version < 5 && kind !== 'connect')) return false
  }
  try {
    const ours = codec.decode(bytes, at, body, end)
    if (codec.version < 5) demandSame(ours, readByLibrary(bytesOf(found)))
    return true
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

function poolOf(chance: Chance, level: Level): Buffer[] {
  return Array.from({ length: POOL }, (_, i) =>
    i % 5 === 0 ? connectOf(chance, level) : packetOf(chance, level),
  )
}

/** The packets of these bytes, whole and in pieces: they must be the same. */
function frame(chance: Chance, bytes: Buffer): Found[] {
  const whole = new Framer(MAX_PACKET_BYTES)
  whole.push(bytes)
  const [found, end] = drain(whole)
  if (chance.is(0.3)) {
    const pieces = new Framer(MAX_PACKET_BYTES)
    const again: Found[] = []
    let outcome = 'more'
    for (let at = 0; at < bytes.length && outcome === 'more'; ) {
      const length = 1 + chance.below(chance.is(0.5) ? 3 : bytes.length)
      pieces.push(Buffer.from(bytes.subarray(at, at + length)))
      const [more, last] = drain(pieces)
      again.push(...more)
      outcome = last
      at += length
    }
    demand(outcome === end, `the same end in pieces: ${end}, not ${outcome}`)
    demand(again.length === found.length, `${found.length} packets in pieces, not ${again.length}`)
    for (const [i, packet] of found.entries())
      demand(bytesOf(packet).equals(bytesOf(again[i]!)), 'the same packets')
  }
  return found
}

function drain(framer: Framer): [Found[], string] {
  const found: Found[] = []
  for (;;) {
    const outcome = framer.next()
    if (outcome !== 'packet') return [found, outcome]
    found.push({ bytes: framer.bytes, at: framer.at, body: framer.body, end: framer.end })
  }
}

function bytesOf({ bytes, at, end }: Found): Buffer {
  return bytes.subarray(at, end)
}

function demandSame(ours: types.Packet, theirs: Packet): void {
  assert.deepStrictEqual(saidOf(ours), heardOf(theirs))
}

const BY_TYPE: Readonly<Record<number, Packet['cmd']>> = {
  [types.PUBACK]: 'puback',
  [types.PUBREC]: 'pubrec',
  [types.PUBREL]: 'pubrel',
  [types.PUBCOMP]: 'pubcomp',
  [types.PINGREQ]: 'pingreq',
  [types.DISCONNECT]: 'disconnect',
}

/** A packet as we read it, in words that both have. */
function saidOf(packet: types.Packet): unknown[] {
  switch (packet.type) {
    case types.CONNECT: {
      const { clientId, isCleanStart, keepAliveS, will, username, password } = packet
      const said = will === null ? null : [will.topic, String(will.payload), will.qos, will.retain]
      return ['connect', clientId, isCleanStart, keepAliveS, said, username, password && String(password)]
    }
    case types.PUBLISH: {
      const { topic, payload, qos, retain, dup, packetId } = packet
      return ['publish', topic, payload.toString('hex'), qos, retain, dup, packetId]
    }
    case types.SUBSCRIBE:
      return ['subscribe', packet.packetId, packet.requests.map(({ filter, qos }) => [filter, qos])]
    case types.UNSUBSCRIBE:
      return ['unsubscribe', packet.packetId, packet.filters]
    default:
      return [BY_TYPE[packet.type], 'packetId' in packet ? packet.packetId : null]
  }
}

/** The same of how the library read it. */
function heardOf(packet: Packet): unknown[] {
  switch (packet.cmd) {
    case 'connect': {
      const { clientId, clean, keepalive, will, username, password } = packet
      const heard = will ? [will.topic, String(will.payload), will.qos, will.retain] : null
      return [
        'connect',
        clientId,
        clean,
        keepalive,
        heard,
        username ?? null,
        password ? String(password) : null,
      ]
    }
    case 'publish': {
      const { topic, payload, qos, retain, dup, messageId = 0 } = packet
      return ['publish', topic, Buffer.from(payload as Buffer).toString('hex'), qos, retain, dup, messageId]
    }
    case 'subscribe':
      return ['subscribe', packet.messageId, packet.subscriptions.map(({ topic, qos }) => [topic, qos])]
    case 'unsubscribe':
      return ['unsubscribe', packet.messageId, packet.unsubscriptions]
    default:
      return [packet.cmd, packet.messageId ?? null]
  }
}

function readByLibrary(bytes: Buffer): Packet {
  const read: Packet[] = []
  const library = parser({ protocolVersion: 4 })
  library.on('packet', packet => read.push(packet))
  library.on('error', error => {
    throw new Error('the library refuses what we take', { cause: error })
  })
  demand(library.parse(Buffer.from(bytes)) === 0, 'nothing left over')
  demand(read.length === 1, `one packet, not ${read.length}`)
  return read[0]!
}

function proxyHeaderOf(chance: Chance): Buffer {
  const headers = [
    'PROXY TCP4 192.168.1.2 10.0.0.1 5000 1883\r\n',
    'PROXY TCP6 fd00::1 fd00::2 5000 1883\r\n',
    'PROXY UNKNOWN\r\n',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02',
    '\r\n\r\n\0\r\nQUIT\n\x20\0\0\0',
  ].map(header => Buffer.from(header, 'latin1'))
  return mutate(chance, chance.pick(headers), [generate({ cmd: 'pingreq' }), ...headers])
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`it owes ${what}`)
}
