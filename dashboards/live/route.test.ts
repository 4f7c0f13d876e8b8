import { expect, test } from 'vitest'
import { fittingRange, formatRoute, parseRoute, rangeOf } from './route.ts'

test('an address round-trips, whatever a device is called', () => {
  for (const id of ['heat-pump', 'a/b c#d?e=f&g', '100%', 'küche', '..']) {
    expect(parseRoute(formatRoute('device', id, { range: '6h', q: 'x & y' }))).toEqual({
      view: 'device',
      id,
      params: { range: '6h', q: 'x & y' },
    })
  }
})

test('what is not an address of ours is the fleet', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/device', '#/device/', '#%']) {
    expect(parseRoute(hash).view).toBe('fleet')
  }
  expect(parseRoute('#/device/%E0%A4%A').id).toBe('%E0%A4%A')
})

test('empty parameters leave the address, an unknown range is an hour', () => {
  expect(formatRoute('fleet', '', { q: '', kind: 'climate' })).toBe('#/fleet?kind=climate')
  expect(rangeOf({ range: '3y' }).key).toBe('1h')
})

test('without a word about it, the range is one that the data can fill', () => {
  expect([60_000, 5 * 60_000, 20 * 60_000, 1e9].map(age => fittingRange(age).key)).toEqual([
    '4m',
    '15m',
    '1h',
    '1h',
  ])
})
