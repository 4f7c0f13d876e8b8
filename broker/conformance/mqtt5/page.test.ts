import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const page = readFileSync(join(ROOT, 'docs/conformance-mqtt5.md'), 'utf8')
const rows = [...page.matchAll(/^\| (\d\.\d+\.\d-\d+) \| .+? \| (.+?) \| (.*?) ?\|$/gm)].map(
  ([, id = '', verdict = '', tests = '']) => ({ id, verdict, tests }),
)

/** How many statements the standard numbers in each section. Those of 2.2.1 begin with 2. */
const STATEMENTS: Readonly<Record<string, number>> = {
  '1.5.4': 3,
  '1.5.5': 1,
  '1.5.7': 1,
  '2.1.3': 1,
  '2.2.1': 5,
  '2.2.2': 1,
  '3.1.0': 2,
  '3.1.2': 30,
  '3.1.3': 12,
  '3.1.4': 6,
  '3.2.0': 2,
  '3.2.2': 22,
  '3.3.1': 13,
  '3.3.2': 20,
  '3.3.4': 10,
  '3.4.2': 3,
  '3.5.2': 3,
  '3.6.1': 1,
  '3.6.2': 3,
  '3.7.2': 3,
  '3.8.1': 1,
  '3.8.3': 5,
  '3.8.4': 8,
  '3.9.2': 2,
  '3.9.3': 2,
  '3.10.1': 1,
  '3.10.3': 2,
  '3.10.4': 6,
  '3.11.2': 2,
  '3.11.3': 2,
  '3.12.4': 1,
  '3.14.0': 1,
  '3.14.1': 1,
  '3.14.2': 4,
  '3.14.4': 3,
  '3.15.1': 1,
  '3.15.2': 3,
  '4.1.0': 2,
  '4.2.0': 1,
  '4.3.1': 1,
  '4.3.2': 5,
  '4.3.3': 13,
  '4.4.0': 2,
  '4.5.0': 2,
  '4.6.0': 6,
  '4.7.0': 1,
  '4.7.1': 2,
  '4.7.2': 1,
  '4.7.3': 4,
  '4.8.2': 6,
  '4.9.0': 3,
  '4.12.0': 7,
  '4.12.1': 2,
  '4.13.1': 1,
  '4.13.2': 1,
  '6.0.0': 4,
}

it('the page has every statement of the standard, in its order', () => {
  const expected = Object.entries(STATEMENTS).flatMap(([section, count]) =>
    Array.from({ length: count }, (_, i) => `${section}-${i + (section === '2.2.1' ? 2 : 1)}`),
  )
  expect(rows.map(({ id }) => id)).toEqual(expected)
  const kinds = rows.map(({ verdict }) => /^(kept|the client's side|argued)/.exec(verdict)?.[0])
  const count = (kind: string) => kinds.filter(each => each === kind).length
  const said = `${count('kept')} are kept by the broker, ${count("the client's side")} bind the client, ${count('argued')} are argued`
  expect(page.replaceAll('\n', ' ')).toContain(said)
})

it('each test that the page names is there', () => {
  for (const { id, verdict, tests } of rows) {
    // Without a test: what binds others, what there is not, or what is never sent.
    if (tests === '')
      expect([id, verdict]).toEqual([
        id,
        expect.stringMatching(/^(the client's side|argued|kept.+(None|There) )/),
      ])
    for (const test of tests.split('<br>').filter(each => each !== '')) {
      const [, file = '', title = ''] = /^\[[\w.-]+\]\(\.\.\/([\w/.-]+\.test\.ts)\): (.+)$/.exec(test) ?? []
      const source = readFileSync(join(ROOT, file), 'utf8')
      expect([id, title, source.includes(title)]).toEqual([id, title, true])
    }
  }
})
