import { beforeEach, expect, test } from 'vitest'
import { scanned, takeCredentials } from './phone.ts'

beforeEach(() => {
  scanned.value = null
})

test('the id and secret of a scanned code are taken, and leave the address', () => {
  const query = new URLSearchParams({ username: 'phone-mia', password: 'a/b+c&d=é' })
  expect(takeCredentials(`#/sensor?${query}`)).toBe('#/sensor')
  expect(scanned.value).toEqual({ username: 'phone-mia', password: 'a/b+c&d=é' })
  expect(takeCredentials(`#/sensor?x=1&${query}`)).toBe('#/sensor?x=1')
})

test('half of them is nothing, but leaves the address as well', () => {
  expect(takeCredentials('#/sensor?password=secret')).toBe('#/sensor')
  expect(takeCredentials('#/sensor?username=phone-mia&password=')).toBe('#/sensor')
  expect(scanned.value).toBeNull()
})

test('other addresses stay as they are', () => {
  for (const hash of ['', '#/fleet?q=a', '#/sensor', '#/sensor?x=1', '#/device/a?password=field'])
    expect(takeCredentials(hash)).toBe(hash)
  expect(scanned.value).toBeNull()
})
