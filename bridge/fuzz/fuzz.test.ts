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

it('events that are read, asked about or given up leave nothing in the log', async () => {
  const stop = new AbortController()
  const events = await fetch(`${trestle.url}/live/events`, { signal: stop.signal })
  expect(events.headers.get('content-type')).toMatch('text/event-stream')
  await events.body!.getReader().read()
  stop.abort()
  expect((await fetch(`${trestle.url}/live/events`, { method: 'HEAD' })).status).toBe(200)
  await trestle.get('/healthz')
  expect(trestle.stderr()).not.toMatch(/ERROR|ERR_/)
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
