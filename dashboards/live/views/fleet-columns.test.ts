import { expect, test } from 'vitest'
import { Device } from '../data/fleet.ts'
import { columnsOf } from './fleet-columns.ts'

const sizes = { row: 24, head: 40 }
const room = (name: string, count: number) => ({
  name,
  devices: Array.from({ length: count }, (_, i) => new Device(`${name}${i}`)),
})
const shape = (groups: Parameters<typeof columnsOf>[0], count: number) =>
  columnsOf(groups, count, sizes).map(column =>
    column.map(({ name, devices, isContinued }) => `${name}${isContinued ? '…' : ''} ${devices.length}`),
  )

test('every device is in one column, in order, and a cut room goes on in the next', () => {
  const groups = [room('A', 22), room('B', 18), room('C', 19), room('D', 22)]
  const columns = columnsOf(groups, 3, sizes)
  expect(columns.flatMap(column => column.flatMap(group => group.devices))).toEqual(
    groups.flatMap(group => group.devices),
  )
  expect(columns.length).toBe(3)
  expect(shape([room('A', 30)], 2)).toEqual([['A 14'], ['A… 16']])
})

test('no column begins or ends with a crumb of a room', () => {
  for (let count = 10; count < 60; count++) {
    for (const column of columnsOf([room('A', count), room('B', 13), room('C', 29)], 3, sizes)) {
      for (const group of column) expect(group.devices.length).toBeGreaterThanOrEqual(3)
    }
  }
})
