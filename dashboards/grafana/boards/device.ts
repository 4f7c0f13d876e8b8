/** One device: all that it measures, whatever the names. */

import { choiceOfMany, choiceOfOne, choiceOrEverything, dashboard } from '../board.ts'
import { chosen, course, courseOf, fieldNames, oneOf, summary, tagValues } from '../influxql.ts'
import { figure, lines, states } from '../panels.ts'
import { grafanaUnit, QUANTITIES, STATES } from '../quantities.ts'

const { battery, link, ...curves } = QUANTITIES

export const device = dashboard({
  uid: 'trestle-device',
  title: 'Trestle: device',
  description: 'One device with all of its values. Quantities that it does not measure stay empty.',
  variables: [
    choiceOrEverything('room', 'Room', tagValues('reading', 'room')),
    choiceOfOne('device', 'Device', tagValues('reading', 'device', [chosen('room')])),
    choiceOfMany('field', 'Fields', fieldNames('reading')),
  ],
  rows: [
    {
      panels: [
        figure(
          {
            title: 'Silent for',
            description: 'By the bridge’s own figures: `influx.selfMetrics`.',
            unit: 's',
            width: 6,
            steps: [
              { color: 'green', value: null },
              { color: 'orange', value: 900 },
              { color: 'red', value: 3600 },
            ],
          },
          {
            text: summary({
              from: 'trestle_device',
              fields: { name: 'silent_s' },
              by: 'last',
              where: [chosen('name', 'device')],
            }),
          },
        ),
        ...[battery, link].map(quantity =>
          figure(
            { title: quantity.title, unit: grafanaUnit(quantity), width: 6 },
            {
              text: summary({
                from: 'reading',
                fields: { name: quantity.field },
                by: 'last',
                where: [chosen('device')],
              }),
            },
          ),
        ),
        figure(
          { title: 'Available', width: 6 },
          {
            text: summary({
              from: 'reading',
              fields: { name: 'available' },
              by: 'last',
              where: [chosen('device')],
            }),
          },
        ),
        lines(
          {
            title: 'Chosen fields',
            description:
              'Every numeric field of the device that is chosen at the top, on one axis, without a unit.',
            width: 24,
          },
          {
            text: course({
              from: 'reading',
              fields: { pattern: oneOf('field') },
              by: 'mean',
              where: [chosen('device')],
            }),
            alias: '$col',
          },
        ),
        states(
          { title: 'States', width: 24, height: 6 },
          {
            text: course({
              from: 'reading',
              fields: { pattern: STATES },
              by: 'last',
              where: [chosen('device')],
            }),
            alias: '$col',
          },
        ),
      ],
    },
    {
      title: 'By quantity',
      panels: Object.values(curves).map(quantity =>
        lines(
          { title: quantity.title, unit: grafanaUnit(quantity), width: 8 },
          { text: courseOf(quantity, 'device'), alias: '$col' },
        ),
      ),
    },
  ],
})
