import { expect, it } from 'vitest'
import { times } from '../faults/long-run.ts'
import { runHistories } from './histories.ts'

it('ten thousand histories, and no leak', { timeout: 7_200_000 }, async () => {
  const seed = Date.now() % 2 ** 30
  const { leaks, ...figures } = await runHistories(times(10_000), seed)
  process.stderr.write(`rights, seed ${seed}: ${JSON.stringify(figures)}, ${leaks.length} leaks\n`)
  expect(leaks).toEqual([])
})
