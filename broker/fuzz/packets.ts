/**
 * Bytes against everything that reads packets, without a network: the guard's framer and checks, the codec of MQTT 5,
 * the PROXY header. What must hold:
 *
 * - Nothing throws but the codec's faults, and nothing takes long.
 * - However the bytes are split, the same packets are found.
 * - What the guard lets through to the library that Aedes reads with, that library reads without an error, as one
 *   packet, with the same topic.
 * - Object.prototype stays as it was.
 */

import { generate, type Packet, parser } from 'mqtt-packet'
import { readConnect } from '../guard/connect.ts'
import { Framer } from '../guard/framer.ts'
import { checkPacket } from '../guard/packets.ts'
import { readProxyHeader } from '../guard/proxy-header.ts'
import { Topics } from '../guard/topics.ts'
import { decode } from '../mqtt5/codec/decode.ts'
import { Fault } from '../mqtt5/codec/fault.ts'
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
        if (passes(found, level, topics)) passed++
      }
      const tookMs = performance.now() - startMs
      if (chance.is(0.02)) readProxyHeader(chance.is(0.5) ? bytes : proxyHeaderOf(chance))
      if (tookMs > slowestMs) slowestMs = Math.min(tookMs, againMs(chance, bytes, level, topics))
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
function againMs(chance: Chance, bytes: Buffer, level: Level, topics: Topics): number {
  const startMs = performance.now()
  for (const found of frame(chance, bytes)) passes(found, level, topics)
  return performance.now() - startMs
}

function passes(found: Found, level: Level, topics: Topics): boolean {
  return level === 5 ? passes5(found, topics) : passes3(found, topics)
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

function passes5({ bytes, at, body, end }: Found, topics: Topics): boolean {
  if (bytes[at] === 0x10) readConnect(bytes, body, end, LIMITS)
  try {
    decode(bytes, at, body, end, topics)
    return true
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

function passes3(found: Found, topics: Topics): boolean {
  const { bytes, at, body, end } = found
  const isConnect = bytes[at] === 0x10
  const isFine = isConnect
    ? readConnect(bytes, body, end, LIMITS).kind === 'connect'
    : checkPacket(bytes, at, body, end, LIMITS, topics) === null
  if (!isFine) return false
  const read = readByLibrary(bytesOf(found))
  if (read.cmd === 'publish') {
    const topicEnd = body + 2 + bytes.readUInt16BE(body)
    demand(topics.read(bytes, body + 2, topicEnd) === read.topic, 'the same topic')
  }
  return true
}

function readByLibrary(bytes: Buffer): Packet {
  const read: Packet[] = []
  const library = parser({ protocolVersion: 4 })
  library.on('packet', packet => read.push(packet))
  library.on('error', error => {
    throw new Error('the library refuses what the guard lets through', { cause: error })
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
