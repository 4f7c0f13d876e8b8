import { expect, it } from 'vitest'
import { fuzzSessions } from './sessions.ts'

it('3,000 spoiled sessions harm nobody, and leave nothing that is not bounded', async () => {
  const startMs = performance.now()
  const report = await fuzzSessions({ sessions: 3_000, seed: 20_261_124 })
  const perSecond = Math.round(report.sessions / ((performance.now() - startMs) / 1000))
  console.info(`sessions: ${perSecond}/s, ${JSON.stringify(report)}`)
  expect(report.greeted).toBeGreaterThan(1_000)
  expect(report.accepted).toBeGreaterThan(1_000)
  expect(report.controlled).toBeGreaterThan(10)
}, 120_000)
