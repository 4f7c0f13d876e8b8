import { expect, test } from 'vitest'
import { Field } from '../data/fleet.ts'
import { fieldsByDefault, lanesOf } from './lanes.ts'

function field(name: string, value: number | boolean | string, unit: string | null = null): Field {
  const made = new Field(name)
  made.unit = unit
  made.set(value, 1)
  return made
}

const pump = [
  field('flow', 34, '°C'),
  field('power', 1460, 'W'),
  field('return', 29, '°C'),
  field('cop', 4),
  field('gain', 2),
  field('mode', 'heating'),
  field('compressor', true),
  field('state', 'ON'),
]

test('one unit, one lane; no unit, a lane of its own; switches and words are rails', () => {
  const lanes = lanesOf(pump).map(lane =>
    lane.kind === 'lines'
      ? lane.series.map(({ field }) => field.name).join('+')
      : `${lane.kind} ${lane.field.name}`,
  )
  expect(lanes).toEqual([
    'flow+return',
    'power',
    'cop',
    'gain',
    'words mode',
    'switch compressor',
    'switch state',
  ])
})

test('a fifth series of a unit begins another lane', () => {
  const lanes = lanesOf(['a', 'b', 'c', 'd', 'e'].map(name => field(name, 1, 'V')))
  expect(lanes.map(lane => (lane.kind === 'lines' ? lane.series.length : 0))).toEqual([4, 1])
})

test('what speaks about the device is left out, unless there is nothing else', () => {
  const shown = [field('temperature', 21, '°C'), field('battery', 90, '%'), field('note', 'x'.repeat(40))]
  expect(fieldsByDefault(shown).map(field => field.name)).toEqual(['temperature'])
  expect(fieldsByDefault([field('battery', 90, '%')]).map(field => field.name)).toEqual(['battery'])
})
