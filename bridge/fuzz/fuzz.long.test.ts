/**
 * `npm run test:long`: WebSocket frames and HTTP requests as in the default set, many more. FUZZ_SEED chooses another
 * beginning.
 */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { Report, times } from '../test/faults/long-run.ts'
import { removeDataDir, startTrestle, type Trestle } from '../test/trestle.ts'
import { fuzzFrames } from './frames.ts'
import { fuzzRequests } from './requests.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 1)

const report = new Report(`fuzzing the bridge, seeds from ${SEED}`)
let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle()
})
afterAll(async () => {
  report.write()
  expect(await trestle.stop()).toBe(0)
  removeDataDir(trestle.dataDir)
})

it('500,000 random WebSocket frames', async () => {
  const result = await fuzzFrames(trestle, times(500_000), SEED)
  report.row('frames', JSON.stringify(result))
  expect(result.residentMb).toBeLessThan(600)
})

it('100,000 random requests', async () => {
  const result = await fuzzRequests(trestle, times(100_000), SEED)
  report.row('requests', JSON.stringify(result))
  expect(result.residentMb).toBeLessThan(600)
  expect(trestle.stderr()).not.toMatch(/ERROR|uncaught|\bERR_/i)
})
