import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { Catalog } from '../catalog/catalog.ts'
import { referencePoints } from '../store/line-protocol-reference.ts'
import type { Value } from '../telemetry/reading.ts'
import { createDecoder } from './decoder.ts'

const NOW_MS = Date.UTC(2026, 2, 10, 12)
const NOW_US = NOW_MS * 1000
const dir = mkdtempSync(join(tmpdir(), 'trestle-hostile-'))
afterAll(() => rmSync(dir, { recursive: true }))

let catalog: Catalog
let n = 0
beforeEach(() => {
  catalog = open()
})

function open(maxAgeMs?: number): Catalog {
  return new Catalog({ journalPath: join(dir, `${n++}.jsonl`), scope: 'device', maxAgeMs })
}

interface Stored {
  readonly fields: Record<string, Value>
  readonly timeMs: number
}

/** What of a message ends up in the store, read by a strict stranger; null: nothing of it. */
function store(payload: string, topic = 'lab/meter-1/state', into = catalog): Stored | null {
  const decoded = createDecoder().decode({ topic, payload: Buffer.from(payload), retain: false }, NOW_US)
  if (decoded.kind !== 'readings') return null
  const [point, ...more] = decoded.readings.flatMap(reading =>
    referencePoints(into.accept(reading, decoded.by, NOW_US).line),
  )
  expect(more).toEqual([])
  return { fields: Object.fromEntries(point!.fields), timeMs: Number(point!.timeNs) / 1e6 }
}

/** Ten million digits are no name for a test. */
function named<Row extends readonly [string, ...unknown[]]>(rows: Row[]): [name: string, row: Row][] {
  return rows.map(row => [row[0].slice(0, 40), row])
}

const at = (iso: string) => Date.parse(iso)
const ARRIVAL = NOW_MS

describe('a time counts when it is plausible, in whichever unit it comes', () => {
  it.each(
    named<[stamp: string, timeMs: number]>([
      ['0', ARRIVAL],
      ['1', ARRIVAL],
      ['-1', ARRIVAL],
      ['-1773144000', ARRIVAL],
      ['1.61', ARRIVAL],
      ['946684800', ARRIVAL],
      ['978307199', ARRIVAL],
      ['978307200', at('2001-01-01T00:00:00Z')],
      ['1773144000', NOW_MS],
      ['1773143999.5', NOW_MS - 500],
      ['1773143999500', NOW_MS - 500],
      ['1773143999500000', NOW_MS - 500],
      ['1773143999500000000', NOW_MS - 500],
      ['"1773143999500000000"', NOW_MS - 500],
      ['"1773143999.5"', NOW_MS - 500],
      ['1773144599', NOW_MS + 599_000],
      ['1773144601', ARRIVAL],
      ['4102444800', ARRIVAL],
      ['9007199254740993', ARRIVAL],
      ['9223372036854775807', ARRIVAL],
      ['9223372036854775808', ARRIVAL],
      ['18446744073709551616', ARRIVAL],
      [`1${'0'.repeat(300)}`, ARRIVAL],
      ['1e18', at('2001-09-09T01:46:40Z')],
      ['1e19', ARRIVAL],
      ['1e999', ARRIVAL],
      ['-1e999', ARRIVAL],
      ['NaN', ARRIVAL],
      ['"NaN"', ARRIVAL],
      ['null', ARRIVAL],
      ['true', ARRIVAL],
      ['[]', ARRIVAL],
      ['{}', ARRIVAL],
      ['"2026-03-10T11:59:59.5Z"', NOW_MS - 500],
      ['"2026-03-10T12:59:59.5+01:00"', NOW_MS - 500],
      ['"2026-03-10T12:59:59"', ARRIVAL],
      ['"2026-02-30T00:00:00Z"', ARRIVAL],
      ['"2026-13-45T25:61:61Z"', ARRIVAL],
      ['"1970-01-01T00:00:00Z"', ARRIVAL],
      ['"2099-01-01T00:00:00Z"', ARRIVAL],
      ['"0000-00-00T00:00:00Z"', ARRIVAL],
      ['"+275760-09-13T00:00:00.001Z"', ARRIVAL],
      [`"${'1'.repeat(1_000_000)}"`, ARRIVAL],
      ['"__proto__"', ARRIVAL],
    ]),
  )('%s', (_, [stamp, timeMs]) => {
    expect(store(`{"ts":${stamp},"power":5}`)).toMatchObject({ fields: { power: 5 }, timeMs })
  })

  it('and when it is no older than the setting says', () => {
    const narrow = open(86_400_000)
    const stamp = (ms: number) => store(`{"ts":${ms},"power":5}`, undefined, narrow)?.timeMs
    expect(stamp(NOW_MS - 86_400_000)).toBe(NOW_MS - 86_400_000)
    expect(stamp(NOW_MS - 86_400_001)).toBe(NOW_MS)
    expect(narrow.stats.oldTimes).toBe(1)
  })
})

const DIGITS = '1'.repeat(10_000_000)

describe('a number is finite and exact, or a text, or nothing', () => {
  it.each(
    named<[json: string, fields: Record<string, Value> | null]>([
      ['21.5', { v: 21.5 }],
      ['-0', { v: 0 }],
      ['5e-324', { v: 5e-324 }],
      ['1e-400', { v: 0 }],
      ['1.7976931348623157e308', { v: Number.MAX_VALUE }],
      ['1e999', null],
      ['-1e999', null],
      ['NaN', null],
      ['Infinity', null],
      ['-Infinity', null],
      ['null', null],
      ['9007199254740991', { v: 2 ** 53 - 1 }],
      ['9007199254740993', { v_text: '9007199254740993' }],
      ['-9007199254740993', { v_text: '-9007199254740993' }],
      ['9223372036854775807', { v_text: '9223372036854775807' }],
      ['9223372036854775808', { v_text: '9223372036854775808' }],
      ['18446744073709551616', { v_text: '18446744073709551616' }],
      ['"1e999"', { v: '1e999' }],
      ['"9007199254740993"', { v_text: '9007199254740993' }],
      ['"NaN"', null],
      ['"inf"', null],
      ['"  "', null],
      ['""', null],
      ['"+5"', { v: 5 }],
      ['".5"', { v: 0.5 }],
      ['"5."', { v: 5 }],
      ['"--5"', { v: '--5' }],
      ['"0x10"', { v: '0x10' }],
      ['"1_000"', { v: '1_000' }],
      ['"007"', { v: '007' }],
      ['"12e45678"', { v: '12e45678' }],
      ['"٣"', { v: '٣' }],
      ['"1.2.3"', { v: '1.2.3' }],
      ['true', { v: true }],
      [DIGITS, null],
      [`"${DIGITS}"`, null],
      [`-${DIGITS}e${DIGITS}`, null],
      [`0.${DIGITS}`, { v: 1 / 9 }],
    ]),
  )('%s', (_, [json, fields]) => {
    const stored = store(`{"other":1,"v":${json}}`)
    expect(stored?.fields).toEqual({ other: 1, ...fields })
  })

  it.each(named([['NaN'], ['Infinity'], ['-inf'], ['1e999999'], [''], ['   '], [DIGITS]]))(
    'alone: %s',
    (_, [payload]) => {
      const stored = store(payload, 'lab/meter-1/power')
      for (const value of Object.values(stored?.fields ?? {})) expect(typeof value).toBe('string')
    },
  )
})

it('numbers that change their kind never spoil a field, nor the other fields beside it', () => {
  const kinds = [
    '1',
    '1.5',
    '"x"',
    'true',
    '9007199254740993',
    '-0',
    '"2"',
    '1e999',
    'null',
    '{"a":1}',
    '[1]',
  ]
  const lines = kinds.map(kind => store(`{"v":${kind},"sound":1}`)!)
  for (const { fields } of lines) expect(fields.sound).toBe(1)
  const types = new Set(lines.flatMap(({ fields }) => ('v' in fields ? [typeof fields.v] : [])))
  expect(types).toEqual(new Set(['number']))
})
