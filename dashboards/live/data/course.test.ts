import { expect, test } from 'vitest'
import { Course } from './course.ts'

const bucket = (time: number, mean: number) => ({ time, count: 2, mean, min: mean - 1, max: mean + 1, last: mean })
const dump = (course: Course) => Array.from({ length: course.length }, (_, i) => [course.times[i], course.mean[i]])

test('buckets stand at their middle, raw readings follow in order', () => {
  const course = new Course()
  course.load([bucket(0, 10), bucket(1000, 20)], 1000)
  course.add(2500, 30)
  course.add(2400, 99)
  expect(dump(course)).toEqual([[500, 10], [1500, 20], [2500, 30]])
  expect([course.low[1], course.high[1], course.rawFromMs]).toEqual([19, 21, 2000])
})

test('readings that came while history was under way are neither lost nor doubled', () => {
  const course = new Course()
  course.add(1900, 1)
  course.add(3100, 2)
  course.load([bucket(1000, 20), bucket(2000, 21)], 1000)
  expect(dump(course)).toEqual([[1500, 20], [2500, 21], [3100, 2]])
  course.load([bucket(1000, 20), bucket(2000, 21), bucket(3000, 2)], 1000)
  expect(dump(course).length).toBe(3)
})

test('a course that is held at a past time forgets what came after it', () => {
  const course = new Course()
  course.add(9000, 3)
  course.load([bucket(1000, 20)], 1000, 2000)
  expect(dump(course)).toEqual([[1500, 20]])
})

test('words become numbers and back; on and off are one and nought', () => {
  const course = new Course()
  for (const [at, word] of ['idle', 'heating', 'idle'].entries()) course.add(at + 1, word)
  expect(dump(course).map(([, value]) => course.word(value!))).toEqual(['idle', 'heating', 'idle'])
  const lamp = new Course()
  lamp.add(1, 'ON')
  lamp.add(2, false)
  expect(dump(lamp)).toEqual([[1, 1], [2, 0]])
})

test('finds the nearest point, and grows past its first size', () => {
  const course = new Course()
  expect(course.nearest(5)).toBe(-1)
  for (let i = 0; i < 2000; i++) course.add(i * 10 + 1, i)
  expect(course.mean[course.nearest(10_008)]).toBe(1001)
  expect(course.nearest(-5)).toBe(0)
  expect(course.nearest(1e9)).toBe(1999)
  expect(course.firstFrom(1e9)).toBe(2000)
  expect(course.isFull).toBe(false)
})
