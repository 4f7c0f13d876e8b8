/** No password that everybody knows: not in what is deployed, not in what people copy from the docs. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
/** With everything in them, but for the root. */
const FOLDERS = ['docs', 'deploy', 'dashboards/grafana/out', 'simulators/scenarios']
const FILES = [
  ...readdirSync(ROOT),
  ...FOLDERS.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(name => join(folder, name)),
  ),
].filter(path => /\.(ya?ml|md|service)$|^Dockerfile$|^\.env\.example$/.test(path))

/** What stands behind a name that means a secret, where a value would. */
const VALUE = /\b\w*(?:password|passwd|secret|token)\b\w*["']?\s*[:=]\s*["']?([^\s"'`,}|)]+)/gi
/** A place for one, not one: from the environment, a file, or an ellipsis. */
const PLACE =
  /^(\$|…|\.\.\.|<|\/|\(|not\b|unset\b|none\b|better$|2\.x$|token$|password$|true$|false$|null$|string|Bearer$|[A-Z_]+$)/

it.each(FILES)('%s has no password in it', path => {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const values = [...text.matchAll(VALUE)].map(([, value = '']) => value).filter(value => !PLACE.test(value))
  expect(values).toEqual([])
})

it('would see one', () => {
  for (const line of [
    'INFLUX_PASSWORD=hunter2',
    'GF_SECURITY_ADMIN_PASSWORD: admin',
    '"token": "abc"',
    "password: 'x'",
  ]) {
    const [match] = [...line.matchAll(VALUE)]
    expect(PLACE.test(match?.[1] ?? '$')).toBe(false)
  }
})
