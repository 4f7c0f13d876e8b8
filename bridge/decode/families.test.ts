import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { Decoded, Reading } from '../telemetry/reading.ts'
import { createDecoder } from './decoder.ts'
import type { Case, Expected, ExpectedField, Table } from './families/table.ts'
import { families } from './families.ts'

const NOW_US = Date.UTC(2026, 2, 10, 12) * 1000

const directory = new URL('./families/', import.meta.url)
const files = readdirSync(directory).filter(file => file.endsWith('.cases.ts'))
const tables: Table[] = await Promise.all(
  files.map(async file => (await import(new URL(file, directory).href)).default as Table),
)

it('every family has its table of cases', () => {
  expect(tables.map(table => table.family).sort()).toEqual(
    ['general', ...families.map(family => family.name)].sort(),
  )
})

for (const { family, stories } of tables) {
  describe(family, () => {
    for (const [story, cases] of Object.entries(stories)) it(story, () => tell(cases, family))
  })
}

function tell(cases: readonly Case[], family: string): void {
  const decoder = createDecoder()
  for (const [topic, payload, meaning] of cases) {
    const decoded = decoder.decode({ topic, payload: bytesOf(payload), retain: false }, NOW_US)
    const what = `${topic} ${typeof payload === 'string' ? payload : JSON.stringify(payload)}`
    if (meaning === 'ignored' || meaning === 'rejected')
      expect(decoded, what).toMatchObject({ kind: meaning })
    else {
      expect(decoded, what).toMatchObject({ kind: 'readings', by: family })
      for (const expected of [meaning].flat() as Expected[]) expectReading(decoded, expected, what)
    }
  }
}

function expectReading(decoded: Decoded, expected: Expected, what: string): void {
  const readings = decoded.kind === 'readings' ? decoded.readings : []
  const reading =
    readings.find(candidate => fits(candidate, expected)) ?? readings.find(r => r.device === expected.device)
  const found = reading && {
    device: reading.device,
    fields: Object.fromEntries(
      reading.fields.filter(f => f.name in expected.fields).map(f => [f.name, asExpected(f, expected)]),
    ),
    ...('room' in expected ? { room: reading.tags.room } : {}),
    ...('time' in expected ? { time: timeText(reading) } : {}),
  }
  const { without = [], ...wanted } = expected
  expect(
    found,
    `${what}: ${JSON.stringify(readings, (_, v) => (typeof v === 'bigint' ? `${v}n` : v))}`,
  ).toEqual(wanted)
  expect(reading?.fields.filter(field => without.includes(field.name))).toEqual([])
}

function fits(reading: Reading, expected: Expected): boolean {
  const names = new Set(reading.fields.map(field => field.name))
  const isTimely = expected.time === undefined || timeText(reading) === expected.time
  return (
    reading.device === expected.device &&
    isTimely &&
    Object.keys(expected.fields).every(name => names.has(name))
  )
}

function asExpected({ name, value, unit }: Reading['fields'][number], { fields }: Expected): ExpectedField {
  return Array.isArray(fields[name]) ? [value, unit ?? ''] : value
}

function timeText({ timeUs }: Reading): string | null {
  return timeUs === null ? null : new Date(timeUs / 1000).toISOString()
}

function bytesOf(payload: Case[1]): Uint8Array {
  if (payload instanceof Uint8Array) return payload
  return Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload))
}
