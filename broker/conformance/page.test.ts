import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** How many statements the standard numbers in each section, by its Appendix B. */
const STATEMENTS: Readonly<Record<string, number>> = {
  '1.5.3': 3,
  '2.2.2': 2,
  '2.3.1': 7,
  '3.1.0': 2,
  '3.1.2': 24,
  '3.1.3': 11,
  '3.1.4': 5,
  '3.2.0': 1,
  '3.2.2': 6,
  '3.3.1': 12,
  '3.3.2': 3,
  '3.3.4': 1,
  '3.3.5': 2,
  '3.6.1': 1,
  '3.8.1': 1,
  '3.8.3': 4,
  '3.8.4': 6,
  '3.9.3': 2,
  '3.10.1': 1,
  '3.10.3': 2,
  '3.10.4': 6,
  '3.12.4': 1,
  '3.14.1': 1,
  '3.14.4': 3,
  '4.1.0': 2,
  '4.3.1': 1,
  '4.3.2': 2,
  '4.3.3': 2,
  '4.4.0': 1,
  '4.5.0': 2,
  '4.6.0': 6,
  '4.7.1': 3,
  '4.7.2': 1,
  '4.7.3': 4,
  '4.8.0': 2,
  '6.0.0': 4,
  '7.0.0': 2,
  '7.1.1': 1,
  '7.1.2': 1,
}

const page = readFileSync(join(import.meta.dirname, '../../docs/conformance.md'), 'utf8')
const rows = [...page.matchAll(/^\| (\d\.\d+\.\d-\d+) \| .+? \| (.+?) \| (.*?) ?\|$/gm)].map(
  ([, id, verdict, tests]) => ({ id: id!, verdict: verdict!, tests: tests! }),
)

it('the page has every statement of the standard, in its order', () => {
  const expected = Object.entries(STATEMENTS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}-${i + 1}`),
  )
  expect(rows.map(({ id }) => id)).toEqual(expected)
})

it('each test that the page names is there, and says that it is for that statement', () => {
  for (const { id, verdict, tests } of rows) {
    if (tests === '') {
      expect([id, verdict]).toEqual([id, expect.stringMatching(/^(the client's side|argued)/)])
      continue
    }
    for (const test of tests.split('<br>')) {
      const [, file, title] = /^\[[\w-]+\]\(\.\.\/(broker\/conformance\/[\w-]+\.test\.ts)\): (.+)$/.exec(
        test,
      )!
      const source = readFileSync(join(import.meta.dirname, '../..', file!), 'utf8')
      const isThere = source
        .split('\n')
        .some(line => line.includes(`${title} [MQTT-`) && line.includes(`[MQTT-${id}]`))
      expect([id, title, isThere]).toEqual([id, title, true])
    }
  }
})

it('tests name only statements that the page has', () => {
  const known = new Set(rows.map(({ id }) => id))
  for (const file of readdirSync(import.meta.dirname).filter(name => name.endsWith('.test.ts'))) {
    const source = readFileSync(join(import.meta.dirname, file), 'utf8')
    for (const [, id] of source.matchAll(/\[MQTT-(\d[\d.]+-\d+)\]/g))
      expect([file, id, known.has(id!)]).toEqual([file, id, true])
  }
})
