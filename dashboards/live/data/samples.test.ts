import { expect, test } from 'vitest'
import { Samples } from './samples.ts'

const account = (received: number, waiting = 0) => ({
  received, stored: received - waiting, waiting, quarantined: 0, ignored: {}, dropped: {}, balanced: true,
})

test('two looks make a rate; a count that begins anew is no negative rate', () => {
  const samples = new Samples()
  samples.add(0, account(100))
  samples.add(2000, account(120, 5))
  samples.add(4000, account(3))
  expect([...samples.received.subarray(0, samples.length)]).toEqual([10, 0])
  expect(samples.waiting[0]).toBe(5)
})

test('the course is bounded and keeps its newest end', () => {
  const samples = new Samples()
  for (let i = 0; i < 5000; i++) samples.add(i * 1000, account(i * 7))
  expect(samples.length).toBeLessThanOrEqual(900)
  expect(samples.times[samples.length - 1]).toBe(4_999_000)
  expect(samples.received[0]).toBe(7)
})
