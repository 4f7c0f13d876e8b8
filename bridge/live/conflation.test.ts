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

test('that devices are gone takes out what they said before, and costs no look at the others', () => {
  const newest = new Conflation()
  const devices = Array.from({ length: 10_000 }, (_, i) => `device-${i}`)
  let seq = 0
  for (const device of devices)
    for (const topic of ['a', 'b', 'c']) {
      const one = { ...reading(++seq, device, { x: 1 }), topic }
      newest.take(one, one.fields)
    }
  const startMs = performance.now()
  for (const device of devices.slice(1)) {
    const fields = [{ name: 'available', value: false }]
    newest.take(
      { ...reading(++seq, device, {}), topic: '', tags: { availableBy: 'forgotten' }, fields },
      fields,
    )
  }
  // 20 ms on a machine of its own; a look at all the others for each took 6.6 s.
  expect(performance.now() - startMs).toBeLessThan(2000)
  expect(newest.keptValues).toBe(3 + 9999)
  expect(newest.toJson().filter(json => json.includes('"x"'))).toHaveLength(3)
})
