import { expect, it } from 'vitest'
import { times } from '../test/faults/long-run.ts'
import { expectUnforged } from './line-protocol-expectations.ts'
import { forge } from './line-protocol-forger.ts'

it('a million messages with names made to forge', { timeout: 1_200_000 }, () => {
  const seed = Date.now() % 2 ** 31
  const messages = times(1_000_000)
  const points = forge(messages, seed, expectUnforged)
  process.stderr.write(
    `forged names, seed ${seed}: ${messages} messages, ${points} points, each as it was meant\n`,
  )
  expect(points).toBeGreaterThan(messages / 2)
})
