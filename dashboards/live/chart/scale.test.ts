import { expect, test } from 'vitest'
import { Scale } from './scale.ts'

test('grows at once and shrinks after half a minute', () => {
  const scale = new Scale()
  scale.fit(20, 22, 0)
  const before = scale.high
  scale.fit(20, 30, 1_000)
  expect(scale.high).toBeGreaterThan(30)
  scale.fit(20, 22, 2_000)
  scale.fit(20, 22, 29_000)
  expect(scale.high).toBeGreaterThan(30)
  scale.fit(20, 22, 32_000)
  expect(scale.high).toBe(before)
})

test('a flat line has something around it', () => {
  const scale = new Scale()
  scale.fit(231, 231, 0)
  expect(scale.low).toBeLessThan(231)
  expect(scale.high).toBeGreaterThan(231)
  scale.fit(231, 231.5, 1_000)
  expect(scale.high).toBeLessThan(232)
})
