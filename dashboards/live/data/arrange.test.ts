import { expect, test } from 'vitest'
import { arrange, NO_ROOM, worstOf } from './arrange.ts'
import { Device } from './fleet.ts'

function device(
  id: string,
  room: string,
  state: Device['state'] = 'reporting',
  fields: readonly string[] = ['temperature'],
) {
  const made = new Device(id)
  made.room = room
  made.state = state
  for (const name of fields) made.field(name)
  made.rank()
  return made
}

const all = [
  device('hall-10', 'Hall'),
  device('hall-9', 'Hall', 'late'),
  device('sink', 'Kitchen', 'alarm', ['water_leak', 'battery']),
  device('stray', ''),
  device('meter', 'Kitchen', 'offline', ['power']),
]
const list = (wishes: Partial<Parameters<typeof arrange>[1]>) =>
  arrange(all, { search: '', kind: 'all', order: 'room', ...wishes }).map(group => [
    group.name,
    ...group.devices.map(d => d.id),
  ])

test('rooms by name, devices by name with numbers as numbers, the homeless last', () => {
  expect(list({})).toEqual([
    ['Hall', 'hall-9', 'hall-10'],
    ['Kitchen', 'meter', 'sink'],
    [NO_ROOM, 'stray'],
  ])
})

test('without any room there is no head', () => {
  expect(arrange([device('a', '')], { search: '', kind: 'all', order: 'room' })[0]?.name).toBe('')
})

test('every word of a search must be found, in name, room or id', () => {
  expect(list({ search: ' KITCHEN  si' })).toEqual([['Kitchen', 'sink']])
  expect(list({ search: 'attic' })).toEqual([])
})

test('kinds and worst first', () => {
  expect(list({ kind: 'attention', order: 'worst' })).toEqual([['', 'sink', 'hall-9', 'meter']])
  expect(list({ kind: 'energy' })).toEqual([['Kitchen', 'meter']])
  expect(worstOf(all)).toBe('alarm')
  expect(worstOf([all[0]!])).toBeNull()
})
