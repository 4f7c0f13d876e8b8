import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { History, LastValue } from '../store/store.ts'
import { eventually } from '../test/trestle.ts'
import { Catalog } from './catalog.ts'
import { fillCatalog } from './fill.ts'

const KNOWN: LastValue = {
  device: 'thermo',
  field: 'temperature',
  measurement: 'reading',
  tags: {},
  value: 21.5,
  timeUs: 1_763_800_000_000_000,
}

let dir: string
let catalog: Catalog
let stopping: AbortController
let fills: number
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'trestle-fill-'))
  catalog = new Catalog({ journalPath: join(dir, 'catalog.jsonl'), scope: 'device' })
  stopping = new AbortController()
  fills = 0
})
afterEach(async () => {
  stopping.abort()
  await catalog.close()
  rmSync(dir, { recursive: true })
})

function fillFrom(lastValues: History['lastValues']): Promise<void> {
  const onFilled = () => void fills++
  return fillCatalog({ catalog, history: { lastValues }, onFilled, signal: stopping.signal })
}

it('a start has the devices of before when the store answers soon', async () => {
  await fillFrom(async () => [KNOWN])
  expect(catalog.device('thermo')?.fields.temperature?.value).toBe(21.5)
})

it('a start does not wait for a store that is away, and knows its devices once it is back', async () => {
  let attempts = 0
  await fillFrom(async () => {
    if (++attempts < 2) throw new Error('away')
    return [KNOWN]
  })
  expect(attempts).toBe(1)
  await eventually(
    async () => catalog.device('thermo'),
    device => device !== null,
  )
})

it('a start does not wait for a store that does not answer', async () => {
  const answer = Promise.withResolvers<readonly LastValue[]>()
  await fillFrom(() => answer.promise)
  expect(catalog.device('thermo')).toBeNull()
  expect([catalog.isComplete, fills]).toEqual([false, 0])
  answer.resolve([KNOWN])
  await answer.promise
  await eventually(
    async () => catalog.device('thermo'),
    device => device !== null,
  )
  expect([catalog.isComplete, fills]).toEqual([true, 1])
})
