/**
 * `npm run test:long`: WebSocket frames and HTTP requests as in the default set, many more, from other seeds.
 * RELIABILITY_SHARE=0.1 runs a tenth of everything; FUZZ_SEED chooses another beginning.
 */

import { afterAll, beforeAll, expect, it } from 'vitest'
import { removeDataDir, startTrestle, type Trestle } from '../test/trestle.ts'
import { fuzzFrames } from './frames.ts'
import { fuzzRequests } from './requests.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const SEED = Number(process.env.FUZZ_SEED ?? 1)
const times = (count: number) => Math.max(1000, Math.round(count * SHARE))

let trestle: Trestle
const report: string[] = []
beforeAll(async () => {
  trestle = await startTrestle()
})
afterAll(async () => {
  console.info(
    `\nfuzzing the bridge, share ${SHARE}, seeds from ${SEED}\n${report.map(line => `  ${line}`).join('\n')}`,
  )
  expect(await trestle.stop()).toBe(0)
  removeDataDir(trestle.dataDir)
})

async function timed<T extends object>(what: string, run: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  const result = await run()
  report.push(`${what} in ${Math.round((performance.now() - startMs) / 1000)} s: ${JSON.stringify(result)}`)
  return result
}

it('500,000 random WebSocket frames', async () => {
  const { residentMb } = await timed('frames', () => fuzzFrames(trestle, times(500_000), SEED))
  expect(residentMb).toBeLessThan(600)
})

it('100,000 random requests', async () => {
  const { residentMb } = await timed('requests', () => fuzzRequests(trestle, times(100_000), SEED))
  expect(residentMb).toBeLessThan(600)
  expect(trestle.stderr()).not.toMatch(/ERROR|uncaught|\bERR_/i)
})
