import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { openDataDirectory, SetupError } from './data-directory.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-data-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

it('keeps its node id, and its files are for their owner alone', () => {
  const first = openDataDirectory(join(dir, 'data'))
  const { nodeId } = first
  expect(nodeId).toMatch(/^[0-9a-f]{32}$/)
  expect(statSync(first.path).mode & 0o077).toBe(0)
  expect(statSync(join(first.path, 'format.json')).mode & 0o077).toBe(0)
  first.close()
  const second = openDataDirectory(join(dir, 'data'))
  expect(second.nodeId).toBe(nodeId)
  second.close()
})

it('is for one at a time, and free again once that one has closed it', () => {
  const first = openDataDirectory(dir)
  expect(() => openDataDirectory(dir)).toThrow(`in use by another process (pid ${process.pid})`)
  first.close()
  openDataDirectory(dir).close()
})

it('of a newer format, or damaged, is refused in one line and left as it is', () => {
  openDataDirectory(dir).close()
  const file = join(dir, 'format.json')
  for (const content of [JSON.stringify({ version: 2, nodeId: '0'.repeat(32) }), '', '{', '{"version":1}']) {
    writeFileSync(file, content)
    expect(() => openDataDirectory(dir)).toThrow(SetupError)
    expect(readFileSync(file, 'utf8')).toBe(content)
  }
  chmodSync(file, 0o600)
})
