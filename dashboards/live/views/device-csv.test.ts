import { expect, test } from 'vitest'
import { Course } from '../data/course.ts'
import { Field } from '../data/fleet.ts'
import { toCsv } from './device-csv.ts'

test('a row per time, a column per field; texts of devices are no formulas', () => {
  const temperature = new Field('temperature')
  temperature.unit = '°C'
  temperature.set(21.5, 1)
  const mode = new Field('mode')
  mode.set('=1+1', 1)
  const [first, second] = [new Course(), new Course()]
  first.add(1000, 21.5)
  first.add(2000, 22)
  second.add(2000, '=HYPERLINK("x","y")')
  expect(
    toCsv(
      new Map([
        [temperature, first],
        [mode, second],
      ]),
    ),
  ).toBe(
    'time,temperature (°C),mode\r\n1970-01-01T00:00:01.000Z,21.5,\r\n' +
      '1970-01-01T00:00:02.000Z,22,"\'=HYPERLINK(""x"",""y"")"\r\n',
  )
})
