import { expect, test } from 'vitest'
import { formatRoute, parseRoute, rangeOf } from './route.ts'

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
