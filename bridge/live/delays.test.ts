import { expect, test } from 'vitest'
import { Delays } from './delays.ts'

test('tells quantiles a fifth too high at the most, and forgets after two windows', () => {
  const delays = new Delays(0)
  expect(delays.quantile(0.5, 0)).toBeNaN()
  for (let ms = 1; ms <= 1000; ms++) delays.note(ms / 10, 1, 100)
  for (const [share, ms] of [
    [0.5, 50],
    [0.99, 99],
  ] as const) {
    expect(delays.quantile(share, 200)).toBeGreaterThanOrEqual(ms * 0.999)
    expect(delays.quantile(share, 200)).toBeLessThanOrEqual(ms * 1.21)
  }
  delays.note(1e9, 1e6, 9000)
  expect(delays.quantile(0.5, 15_000)).toBeGreaterThan(8000)
  expect(delays.quantile(0.5, 40_000)).toBeNaN()
})
