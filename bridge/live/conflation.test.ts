import { expect, test } from 'vitest'
import { Conflation } from './conflation.ts'

const reading = (seq: number, device: string, values: Record<string, number>, timeUs = seq * 1000) => {
  const fields = Object.entries(values).map(([name, value]) => ({ name, value }))
  return { seq, device, topic: 't', tags: {}, fields, timeUs, receivedUs: timeUs }
}

test('keeps the newest value of each field, with its own time, in order; counts the rest', () => {
  const newest = new Conflation()
  const all = [
    reading(1, 'a', { x: 1, y: 1 }),
    reading(2, 'b', { x: 2 }),
    reading(3, 'a', { x: 3 }),
    reading(4, 'a', { x: 4 }, 2500), // late
    reading(5, 'b', { x: 5 }, 2000), // the same time again
  ]
  for (const one of all) newest.take(one, one.fields)
  const left = newest.toJson().map(json => JSON.parse(json))
  expect(left.map(({ device, time, values }) => [device, time, values])).toEqual([
    ['a', 1, { y: 1 }],
    ['a', 3, { x: 3 }],
    ['b', 2, { x: 5 }],
  ])
  expect([newest.keptValues, newest.skippedValues]).toEqual([3, 3])
})
