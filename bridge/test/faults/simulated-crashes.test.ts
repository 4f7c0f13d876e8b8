import { expect, it } from 'vitest'
import { crashMany } from './simulated-crashes.ts'

it('1,000 power cuts on a disk that loses, tears and reorders what was not synced lose nothing acknowledged', async () => {
  const report = await crashMany(1000, 20_261_124)
  console.info(`simulated crashes: ${JSON.stringify(report)}`)
  expect(report.crashes).toBe(1000)
  expect(report.acknowledged).toBeGreaterThan(5000)
  expect(report.drains).toBeGreaterThan(200)
}, 120_000)
