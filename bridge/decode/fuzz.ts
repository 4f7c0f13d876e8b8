/** For the tests: messages of the tables, spoiled by a seeded hand, and what must hold for any message. */

import { readdirSync } from 'node:fs'
import { type Random, seeded } from '../../broker/seeded.ts'
import { writableName } from '../store/line-protocol.ts'
import type { Decoded, Field } from '../telemetry/reading.ts'
import type { Decodable, Decoder } from './decoder.ts'
import { createDecoder } from './decoder.ts'
import type { Table } from './families/table.ts'
import { cleanName } from './names.ts'

export interface FuzzReport {
  readonly messages: number
  readonly readings: number
  readonly slowestMs: number
  readonly slowestTopic: string
}

/** Throws an Error that names seed and message when a promise is broken. */
export async function fuzz(messages: number, seed: number): Promise<FuzzReport> {
  const sources = await messagesOfTables()
  const random = seeded(seed)
  let decoder = createDecoder({ maxTopics: 1_000 })
  let readings = 0
  let slowestMs = 0
  let slowestTopic = ''
  for (let n = 0; n < messages; n++) {
    if (n % 20_000 === 19_999) decoder = createDecoder({ maxTopics: 1_000 })
    const message = spoil(pick(sources, random), pick(sources, random), random)
    const start = performance.now()
    const decoded = decodeOrExplain(decoder, message, seed)
    const tookMs = performance.now() - start
    if (tookMs > slowestMs) {
      slowestMs = tookMs
      slowestTopic = message.topic
    }
    if (decoded.kind === 'readings') readings += decoded.readings.length
  }
  return { messages, readings, slowestMs, slowestTopic }
}

export const FUZZ_NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

function decodeOrExplain(decoder: Decoder, message: Decodable, seed: number): Decoded {
  try {
    const decoded = decoder.decode(message, FUZZ_NOW_US)
    expectSound(decoded, FUZZ_NOW_US)
    return decoded
  } catch (cause) {
    const payload = Buffer.from(message.payload).toString('base64').slice(0, 2_000)
    throw new Error(`seed ${seed}, topic ${JSON.stringify(message.topic)}, payload ${payload}`, { cause })
  }
}

/** What the rest of the bridge relies on. */
export function expectSound(decoded: Decoded, nowUs: number): void {
  if (decoded.kind !== 'readings') {
    demand(decoded.reason !== '' && decoded.by !== '', 'a reason and a source')
    return
  }
  demand(decoded.readings.length > 0, 'readings')
  for (const { device, tags, fields, timeUs } of decoded.readings) {
    demand(isCleanName(device), `device ${JSON.stringify(device)}`)
    demand(tags.topic !== undefined, 'a topic')
    for (const [name, value] of Object.entries(tags))
      demand(isCleanName(name) && isCleanName(value), `tag ${name}`)
    demand(fields.length > 0, 'fields')
    demand(new Set(fields.map(field => field.name)).size === fields.length, 'each name once')
    for (const field of fields) expectSoundField(field)
    const isTimely =
      timeUs === null || (Number.isSafeInteger(timeUs) && timeUs > 978e12 && timeUs <= nowUs + 600e6)
    demand(isTimely, `time ${timeUs}`)
  }
}

function expectSoundField({ name, value, unit }: Field): void {
  demand(isCleanName(name), `field ${JSON.stringify(name)}`)
  demand(typeof value !== 'number' || Number.isFinite(value), `${name} is finite`)
  demand(typeof value !== 'string' || (value !== '' && value.isWellFormed()), `${name} is a text`)
  demand(['number', 'string', 'boolean', 'bigint'].includes(typeof value), `${name} has a value`)
  demand(unit === undefined || (unit !== '' && unit.length <= 24), `${name} has a unit`)
}

/** Line protocol carries it as it is. */
function isCleanName(name: string): boolean {
  return name !== '' && name.isWellFormed() && writableName(name) === name && cleanName(name, 1024) === name
}

function demand(isTrue: boolean, what: string): void {
  if (!isTrue) throw new Error(`broken promise: ${what}`)
}

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)]!

async function messagesOfTables(): Promise<Decodable[]> {
  const directory = new URL('./families/', import.meta.url)
  const files = readdirSync(directory).filter(file => file.endsWith('.cases.ts'))
  const tables = await Promise.all(
    files.map(async file => (await import(new URL(file, directory).href)).default as Table),
  )
  return tables.flatMap(table =>
    Object.values(table.stories)
      .flat()
      .map(([topic, payload]) => ({ topic, payload: bytesOf(payload), retain: false })),
  )
}

function bytesOf(payload: string | object | Uint8Array): Buffer {
  if (payload instanceof Uint8Array) return Buffer.from(payload)
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}

const ODD = [
  ...[
    'null',
    'NaN',
    '-Infinity',
    '1e400',
    '{}',
    '[]',
    '""',
    '"\\ud800"',
    '"__proto__"',
    '9007199254740993',
    '-0',
    '{"value":',
  ],
  ...[
    '\0',
    '\n',
    '\\',
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '=',
    ' ',
    '\ud83d',
    'ÿ',
    '1'.repeat(40),
    '[['.repeat(50),
    '\u001b[',
  ],
  ...[
    '"ts":1773144000',
    '"time":"2026-03-10T12:00:00Z"',
    '"id":"x"',
    '"deviceId":5',
    '"unit":"C"',
    '"v":1',
    '"n":"a"',
    '"bn":"b"',
  ],
].map(text => Buffer.from(text))

const ODD_LEVELS = [
  '',
  '+',
  '\n',
  'a\\',
  '$state',
  'set',
  'state',
  '0',
  '1'.repeat(30),
  '\ud800',
  '..',
  'relay',
  'x'.repeat(300),
  'é',
  '{x}',
]

/** A topic of one message with the payload of another, both changed in a few places. */
function spoil(one: Decodable, other: Decodable, random: Random): Decodable {
  const levels = one.topic.split('/')
  for (let n = Math.floor(random() * 3); n > 0; n--) {
    levels.splice(Math.floor(random() * levels.length), random() < 0.5 ? 1 : 0, pick(ODD_LEVELS, random))
  }
  let payload = Buffer.from(random() < 0.6 ? one.payload : other.payload)
  for (let n = Math.floor(random() * 4); n > 0; n--) payload = spoilBytes(payload, random)
  return { topic: levels.join('/') || '/', payload, retain: random() < 0.5 }
}

function spoilBytes(bytes: Buffer, random: Random): Buffer<ArrayBuffer> {
  const at = Math.floor(random() * (bytes.length + 1))
  const how = random()
  if (how < 0.2) return Buffer.from(bytes.subarray(0, at))
  if (how < 0.4)
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + Math.floor(random() * 4))])
  if (how < 0.7) return Buffer.concat([bytes.subarray(0, at), pick(ODD, random), bytes.subarray(at)])
  if (how < 0.8) return Buffer.concat([bytes, bytes.subarray(at)])
  const copy = Buffer.from(bytes)
  if (at < copy.length) copy[at] = Math.floor(random() * 256)
  return copy
}
