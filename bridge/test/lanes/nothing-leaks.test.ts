import { expect, it } from 'vitest'
import { runHistories } from './histories.ts'

/** Ten thousand in `npm run test:long`. */
const HISTORIES = 150

it('in any order of subscribing, sleeping and changing rights nobody hears what they may not', async () => {
  const report = await runHistories(HISTORIES, 1)
  expect(report.leaks).toEqual([])
  // It is no history if nothing happens in it.
  expect(report.delivered).toBeGreaterThan(HISTORIES)
  expect(report.denied).toBeGreaterThan(HISTORIES / 2)
  expect(report.changes).toBeGreaterThan(HISTORIES / 2)
}, 120_000)
