/** A row of panels for each room: what one feels there, and what moves. */

import { choiceOfMany, DEVICE_LINK, dashboard } from '../board.ts'
import { chosen, course, courseOf, tagValues } from '../influxql.ts'
import { lines, states } from '../panels.ts'
import { grafanaUnit, QUANTITIES, STATES } from '../quantities.ts'

const { temperature, humidity, co2, illuminance, moisture } = QUANTITIES

export const room = dashboard({
  uid: 'trestle-room',
  title: 'Trestle: rooms',
  description: 'A row for each room. Devices that nobody gave a room are on the fleet dashboard.',
  variables: [choiceOfMany('room', 'Room', tagValues('reading', 'room'))],
  rows: [
    {
      title: '$room',
      repeat: 'room',
      panels: [
        ...[temperature, humidity, co2, illuminance, moisture].map(quantity =>
          lines(
            { title: quantity.title, unit: grafanaUnit(quantity), width: 8, link: DEVICE_LINK },
            { text: courseOf(quantity, 'room'), alias: '$tag_device $col' },
          ),
        ),
        states(
          { title: 'Motion, doors, switches', width: 8 },
          {
            text: course({
              from: 'reading',
              fields: { pattern: STATES },
              by: 'last',
              where: [chosen('room')],
              per: ['device'],
            }),
            alias: '$tag_device $col',
          },
        ),
      ],
    },
  ],
})
