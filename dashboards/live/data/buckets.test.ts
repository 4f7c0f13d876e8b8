import { expect, test } from 'vitest'
import { Buckets, SLOTS } from './buckets.ts'

const RANGE = SLOTS * 1000
const dump = (buckets: Buckets, from: number, until: number) => {
  const rows: [number, number, number][] = []
  buckets.each(from, until, (...row) => rows.push(row))
  return rows
}

test('readings of one slot become its mean and its last value', () => {
  const buckets = new Buckets(RANGE)
  buckets.add(5_000, 1)
  buckets.add(5_900, 3)
  buckets.add(6_000, 7)
  expect(dump(buckets, 0, 10_000)).toEqual([
    [5_500, 2, 3],
    [6_500, 7, 7],
  ])
})

test('history never overwrites or doubles what came live', () => {
  const buckets = new Buckets(RANGE)
  buckets.add(5_000, 10)
  buckets.fill(5_200, 99, 99)
  buckets.fill(4_000, 4, 5)
  expect(dump(buckets, 0, 10_000)).toEqual([
    [4_500, 4, 5],
    [5_500, 10, 10],
  ])
})

test('the ring forgets what is older than its range, and refuses it', () => {
  const buckets = new Buckets(RANGE)
  buckets.add(1_000, 1)
  buckets.add(1_000 + RANGE, 2)
  buckets.fill(1_000, 3, 3)
  expect(dump(buckets, 0, 2_000 + RANGE)).toEqual([[1_500 + RANGE, 2, 2]])
})

test('what it was at a time, as far back as is asked', () => {
  const buckets = new Buckets(RANGE)
  buckets.add(5_000, 1)
  buckets.add(9_000, 2)
  expect(buckets.valueAt(9_999, 0)).toBe(2)
  expect(buckets.valueAt(8_000, 5_000)).toBe(1)
  expect(buckets.valueAt(8_000, 1_000)).toBeNaN()
})
