import { expect, it } from 'vitest'
import { runHistories } from './histories.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)

it('ten thousand histories, and no leak', { timeout: 7_200_000 }, async () => {
  const seed = Date.now() % 2 ** 30
  const { leaks, ...figures } = await runHistories(Math.ceil(10_000 * SHARE), seed)
  process.stderr.write(`rights, seed ${seed}: ${JSON.stringify(figures)}, ${leaks.length} leaks\n`)
  expect(leaks).toEqual([])
})
