import { expect, test } from 'vitest'
import { Outbox } from './outbox.ts'

const message = (at: number) => ({ topic: 'home/hall/phone/state', payload: String(at) })

test('what was not acknowledged waits for the next connection; nothing is counted twice', async () => {
  const outbox = new Outbox()
  for (let at = 0; at < 3; at++) outbox.put(message(at))
  outbox.pump(
    ({ payload }) => (payload === '0' ? Promise.resolve() : Promise.reject(new Error('gone'))),
    () => 0,
  )
  await new Promise(setImmediate)
  expect([outbox.sent, outbox.acknowledged, outbox.waiting]).toEqual([1, 1, 2])
  const again: string[] = []
  outbox.pump(
    async ({ payload }) => {
      again.push(payload)
    },
    () => 0,
  )
  await new Promise(setImmediate)
  expect(again.toSorted()).toEqual(['1', '2'])
  expect([outbox.sent, outbox.acknowledged, outbox.waiting, outbox.lost]).toEqual([3, 3, 0, 0])
})

test('no more than a few are under way, and without room the oldest leave, counted', () => {
  const outbox = new Outbox()
  for (let at = 0; at < 10_007; at++) outbox.put(message(at))
  expect([outbox.waiting, outbox.lost]).toEqual([10_000, 7])
  let first = ''
  outbox.pump(
    ({ payload }) => {
      first ||= payload
      return new Promise(() => undefined)
    },
    () => 0,
  )
  expect([first, outbox.underWay, outbox.waiting]).toEqual(['7', 32, 9968])
})
