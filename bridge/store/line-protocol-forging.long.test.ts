import { expect, it } from 'vitest'
import { expectUnforged } from './line-protocol-expectations.ts'
import { forge } from './line-protocol-forger.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)

it('a million messages with names made to forge', { timeout: 1_200_000 }, () => {
  const seed = Date.now() % 2 ** 31
  const messages = Math.round(1_000_000 * SHARE)
  const points = forge(messages, seed, expectUnforged)
  process.stderr.write(
    `forged names, seed ${seed}: ${messages} messages, ${points} points, each as it was meant\n`,
  )
  expect(points).toBeGreaterThan(messages / 2)
})
