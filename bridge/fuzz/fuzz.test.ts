import { afterAll, beforeAll, expect, it } from 'vitest'
import { removeDataDir, startTrestle, type Trestle } from '../test/trestle.ts'
import { fuzzFrames } from './frames.ts'
import { fuzzRequests } from './requests.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle()
})
afterAll(async () => {
  expect(await trestle.stop()).toBe(0)
  removeDataDir(trestle.dataDir)
})

it('20,000 random WebSocket frames harm nobody', async () => {
  const report = await fuzzFrames(trestle, 20_000, 20_261_124)
  console.info(`frames: ${JSON.stringify(report)}`)
  expect(report.residentMb).toBeLessThan(500)
}, 120_000)

it('4,000 random requests harm nobody', async () => {
  const report = await fuzzRequests(trestle, 4_000, 20_261_124)
  console.info(`requests: ${JSON.stringify(report)}`)
  expect(report.answers['200']).toBeGreaterThan(100)
  expect(report.residentMb).toBeLessThan(500)
  expect(trestle.stderr()).not.toMatch(/ERROR|uncaught|\bERR_/i)
}, 120_000)
