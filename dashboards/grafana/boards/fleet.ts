/** The whole house at a glance: who is there, and how things are. */

import { choiceOrEverything, DEVICE_LINK, dashboard } from '../board.ts'
import { chosen, course, courseOf, summary, tagValues } from '../influxql.ts'
import { bars, lines, rows, states } from '../panels.ts'
import { grafanaUnit, QUANTITIES, type Quantity } from '../quantities.ts'
import type { Query } from '../targets.ts'

const { temperature, humidity, co2, power, battery, link } = QUANTITIES

export const fleet = dashboard({
  uid: 'trestle-fleet',
  title: 'Trestle: fleet',
  description: 'Every device of the house. Choose rooms at the top; a click on a line opens the device.',
  variables: [choiceOrEverything('room', 'Room', tagValues('reading', 'room'))],
  rows: [
    {
      panels: [
        lines({ ...looks(temperature), link: DEVICE_LINK }, byDevice(temperature)),
        lines({ ...looks(humidity), link: DEVICE_LINK }, byDevice(humidity)),
        lines({ ...looks(power), link: DEVICE_LINK }, byDevice(power)),
        lines({ ...looks(co2), link: DEVICE_LINK }, byDevice(co2)),
      ],
    },
    {
      title: 'Devices',
      panels: [
        rows(
          {
            title: 'Silent for',
            description:
              'Time since each device was last heard, longest first. The bridge writes it once a minute, when ' +
              '`influx.selfMetrics` is set.',
            unit: 's',
            width: 8,
            height: 10,
            link: {
              title: 'Open this device',
              url: '/d/trestle-device?var-device=${__data.fields.name}&${__url_time_range}',
            },
          },
          {
            text: summary({
              from: 'trestle_device',
              fields: { name: 'silent_s' },
              by: 'last',
              per: ['name'],
            }),
          },
        )
          .overrideByName('Time', [{ id: 'custom.hidden', value: true }])
          .overrideByName('last', [{ id: 'displayName', value: 'silent for' }])
          .overrideByName('name', [{ id: 'displayName', value: 'device' }]),
        bars(
          {
            ...looks(battery),
            width: 8,
            height: 10,
            steps: [
              { color: 'red', value: null },
              { color: 'orange', value: 15 },
              { color: 'green', value: 30 },
            ],
          },
          0,
          100,
          newestByDevice(battery),
        ),
        bars(
          {
            ...looks(link),
            description:
              'Link quality of Zigbee (0 to 255), signal in percent or dBm of others, as they say it.',
            width: 8,
            height: 10,
          },
          0,
          255,
          newestByDevice(link),
        ),
        states(
          {
            title: 'Available',
            description: 'What devices, their gateways and their last wills say about being there.',
          },
          {
            text: course({
              from: 'reading',
              fields: { name: 'available' },
              by: 'last',
              where: [chosen('room')],
              per: ['device'],
            }),
            alias: '$tag_device',
          },
        ),
      ],
    },
  ],
})

function looks(quantity: Quantity) {
  return { title: quantity.title, unit: grafanaUnit(quantity) }
}

function byDevice(quantity: Quantity): Query {
  return { text: courseOf(quantity, 'room'), alias: '$tag_device $col' }
}

/** By the plain name: a bar for each device, and none for fields that it does not have. */
function newestByDevice({ field }: Quantity): Query {
  const text = summary({
    from: 'reading',
    fields: { name: field },
    by: 'last',
    where: [chosen('room')],
    per: ['device'],
  })
  return { text, alias: '$tag_device' }
}
