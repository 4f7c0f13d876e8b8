import { expect, it } from 'vitest'
import { fuzz } from './fuzz.ts'

it('a million spoiled messages', { timeout: 600_000 }, async () => {
  const seed = Date.now() % 2 ** 31
  const report = await fuzz(1_000_000, seed)
  process.stderr.write(`decode fuzz, seed ${seed}: ${JSON.stringify(report)}\n`)
  expect(report.slowestMs).toBeLessThan(2_000)
})
