import { expect, it } from 'vitest'
import { fuzzPackets } from './packets.ts'

it('100,000 spoiled packets are read or refused, as the library reads them, however they are split', () => {
  const report = fuzzPackets(100_000, 20_261_124)
  console.info(`packets: ${JSON.stringify(report)}`)
  expect(report.packets).toBeGreaterThan(50_000)
  // Reading on after the first mistake is what finds the later ones.
  expect(report.passed).toBeGreaterThan(5_000)
}, 60_000)
