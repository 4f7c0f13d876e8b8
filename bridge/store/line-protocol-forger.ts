/** For the tests: messages of somebody who wants to write into the series of others, and what must come of them. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Random, seeded } from '../../broker/seeded.ts'
import { type Accepted, Catalog, type TypeScope } from '../catalog/catalog.ts'
import { createDecoder, type Decodable } from '../decode/decoder.ts'
import type { Reading } from '../telemetry/reading.ts'
import { type Point, referencePoints } from './line-protocol-reference.ts'

export const FORGED_AT_US = Date.UTC(2026, 2, 10, 12) * 1000

/** What means something to line protocol, to InfluxQL, to a terminal, or to a reader of one of them. */
const PIECES = [
  ...[
    '\n',
    '\r\n',
    '\0',
    '\t',
    '\x1b[2J',
    '\x7f',
    '\x85',
    '\u2028',
    '\u202e',
    '\u2066',
    '\ufeff',
    '\ud800',
    '\udc00',
  ],
  ...['\\', '\\\\', '\\"', '\\,', '\\ ', '\\=', '"', "'", ',', '=', ' ', '  ', '#', '.', ';', '`', '~', '_'],
  ...[
    'device=victim',
    ',device=victim',
    ' value=1',
    ' value=1 1',
    '\nreading,device=victim value=6',
    'time',
    'device',
  ],
  ...[
    'topic',
    'room',
    '__proto__',
    'constructor',
    'toString',
    '_field',
    '_measurement',
    'é',
    '温度',
    '🌡',
    'a',
    'B',
    '7',
  ],
  ...['0f1e2d3c4b5a6978', 'x'.repeat(300)],
]
const VALUES: readonly unknown[] = [
  21.5,
  -0,
  1e300,
  5e-324,
  2 ** 53,
  0,
  true,
  false,
  'ON',
  'text',
  '1e999',
  'NaN',
  null,
]

export interface Forged {
  readonly reading: Reading
  readonly accepted: Accepted
  readonly point: Point
  /** Which catalog took it. */
  readonly round: number
}

export interface ForgeOptions {
  readonly scope?: TypeScope
  /** Messages until the next catalog. */
  readonly perRound?: number
}

/** `visit` sees every point of `count` messages. Throws an Error that names the seed when a promise is broken. */
export function forge(
  count: number,
  seed: number,
  visit: (forged: Forged) => void,
  { scope = 'device', perRound = 2_000 }: ForgeOptions = {},
): number {
  const random = seeded(seed)
  let points = 0
  for (let round = 0; round * perRound < count; round++) {
    const messages = Math.min(perRound, count - round * perRound)
    withCatalog(scope, catalog => {
      const parts = { decoder: createDecoder({ maxTopics: 500 }), catalog, seed, round }
      for (let i = 0; i < messages; i++) points += forgeOne(forgedMessage(random), parts, visit)
    })
  }
  return points
}

interface Parts {
  readonly decoder: ReturnType<typeof createDecoder>
  readonly catalog: Catalog
  readonly seed: number
  readonly round: number
}

function forgeOne(message: Decodable, parts: Parts, visit: (forged: Forged) => void): number {
  const { decoder, catalog, seed, round } = parts
  try {
    const decoded = decoder.decode(message, FORGED_AT_US)
    if (decoded.facts) catalog.learn(decoded.facts)
    if (decoded.kind !== 'readings') return 0
    for (const reading of decoded.readings) {
      const accepted = catalog.accept(reading, decoded.by, FORGED_AT_US)
      const [point, ...others] = referencePoints(accepted.line)
      if (point === undefined || others.length > 0)
        throw new Error(`${others.length + 1} points of one reading`)
      visit({ reading, accepted, point, round })
    }
    return decoded.readings.length
  } catch (cause) {
    const { topic, payload } = message
    throw new Error(`seed ${seed}, topic ${JSON.stringify(topic)}, payload ${Buffer.from(payload)}`, {
      cause,
    })
  }
}

function withCatalog(scope: TypeScope, action: (catalog: Catalog) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'trestle-forger-'))
  try {
    action(new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope }))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function forgedMessage(random: Random): Decodable {
  const any = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const text = (most: number) =>
    Array.from({ length: 1 + Math.floor(random() * most) }, () => any(PIECES)).join('')
  const topic = Array.from({ length: 1 + Math.floor(random() * 4) }, () => text(3))
    .join('/')
    .toWellFormed()
  const payload = (): unknown => {
    const kind = random()
    if (kind < 0.15) return any(VALUES)
    if (kind < 0.25) return text(4)
    const fields = Array.from({ length: 1 + Math.floor(random() * 5) }, () => [
      text(3),
      random() < 0.2 ? { [text(2)]: any(VALUES) } : random() < 0.3 ? text(4) : any(VALUES),
    ])
    return Object.fromEntries(random() < 0.5 ? [...fields, ['deviceId', text(3)]] : fields)
  }
  const json = payload()
  const line = `${text(2)},${text(1)}=${text(2)} ${text(2)}=${any(['1', '"x"', 'true', '3i'])}`
  const bytes =
    random() < 0.1 ? line : typeof json === 'string' && random() < 0.5 ? json : JSON.stringify(json)
  return { topic, payload: Buffer.from(bytes), retain: false }
}
