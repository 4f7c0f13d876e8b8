/** docs/security.md promises by tests: each of them is there, under that name. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const DOCS = join(import.meta.dirname, '../docs')
const page = readFileSync(join(DOCS, 'security.md'), 'utf8')

interface Named {
  readonly file: string
  readonly names: readonly string[]
}

/** `[words](../path.test.ts) "one name", "another name of the same file"`. */
function testsIn(text: string): Named[] {
  return [...text.matchAll(/\[[^\]]+\]\((\.\.\/[^)]+\.test\.tsx?)\)((?:,? "[^"]+")*)/g)].map(
    ([, file = '', names = '']) => ({
      file: join(DOCS, file),
      names: [...names.matchAll(/"([^"]+)"/g)].map(([, name]) => name!),
    }),
  )
}

const count = (letter: string, last: number) => Array.from({ length: last }, (_, at) => `${letter}${at + 1}`)
const IDS = [...count('F', 11), ...count('M', 19), ...count('W', 12), ...count('H', 19)]
const rows = new Map(
  [...page.matchAll(/^\| ([FMWH]\d+) \| (.+?) \| (.*?) ?\|$/gm)].map(([, id, promise, tests]) => [
    id!,
    { promise: promise!, tests: tests! },
  ]),
)

it('every id of the checklist is on the page once, in order', () => {
  expect([...rows.keys()]).toEqual(IDS)
  expect(page.match(/^\| [FMWH]\d+ \|/gm)).toHaveLength(IDS.length)
})

describe.each([...rows])('%s', (_id, { promise, tests }) => {
  it('has a test, or says why not', () => {
    if (promise.startsWith('does not apply: ')) expect(tests).toBe('')
    else for (const named of testsIn(tests)) expect(named.names.length, named.file).toBeGreaterThan(0)
    expect(promise.startsWith('does not apply: ') || testsIn(tests).length > 0).toBe(true)
  })
})

it.each(testsIn(page))('$file has the tests that it is named for', ({ file, names }) => {
  expect(existsSync(file)).toBe(true)
  const text = readFileSync(file, 'utf8')
  expect(names.filter(name => !text.includes(name))).toEqual([])
})

it.each(['security.md', 'tls.md', 'deploy.md', '../SECURITY.md'])('links of %s lead somewhere', name => {
  const path = join(DOCS, name)
  const targets = [...readFileSync(path, 'utf8').matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)].map(
    ([, target]) => target!,
  )
  expect(targets.filter(target => !existsSync(join(dirname(path), target)))).toEqual([])
})
