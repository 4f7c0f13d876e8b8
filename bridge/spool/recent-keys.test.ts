import { expect, it } from 'vitest'
import { RecentKeys } from './recent-keys.ts'

it('knows the last keys, at least as many as its capacity, and forgets the oldest', () => {
  const keys = new RecentKeys(1024)
  for (let i = 1; i <= 10_000; i++) {
    keys.add(i * 65_536 + 7)
    const oldest = Math.max(1, i - 1023)
    expect(keys.has(i * 65_536 + 7)).toBe(true)
    expect(keys.has(oldest * 65_536 + 7)).toBe(true)
  }
  expect(keys.has(1 * 65_536 + 7)).toBe(false)
  expect(keys.has(2 ** 52)).toBe(false)
})

it('tells apart keys that differ by the packet identifier alone, or by the payload alone', () => {
  const keys = new RecentKeys(4096)
  for (let packet = 0; packet < 1000; packet++) keys.add(0xdead_beef * 65_536 + packet)
  expect(keys.has(0xdead_beef * 65_536 + 1000)).toBe(false)
  expect(keys.has(0xdead_beee * 65_536 + 5)).toBe(false)
})

it('takes a key again without using up its room', () => {
  const keys = new RecentKeys(16)
  keys.add(1)
  for (let i = 0; i < 100_000; i++) keys.add(2)
  expect(keys.has(1)).toBe(true)
})
