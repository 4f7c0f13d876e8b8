import { expect, it } from 'vitest'
import { localInUrl } from './hosts.ts'

it.each([
  ['0.0.0.0', 'localhost'],
  ['::', 'localhost'],
  ['::1', '[::1]'],
  ['127.0.0.1', '127.0.0.1'],
  ['trestle.local', 'trestle.local'],
])('a bridge that listens on %s is found here at %s', (host, expected) => {
  expect(localInUrl(host)).toBe(expected)
  expect(URL.canParse(`http://${localInUrl(host)}:8080`)).toBe(true)
})
