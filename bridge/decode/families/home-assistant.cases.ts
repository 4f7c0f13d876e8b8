import type { Table } from './table.ts'

export default {
  family: 'ha-statestream',
  stories: {
    'states and attributes': [
      ['homeassistant/sensor/well_level/unit_of_measurement', '"cm"', 'ignored'],
      [
        'homeassistant/sensor/well_level/state',
        '132.5',
        { device: 'sensor.well_level', fields: { state: [132.5, 'cm'] } },
      ],
      [
        'statestream/climate/den/current_temperature',
        '19.5',
        { device: 'climate.den', fields: { current_temperature: 19.5 } },
      ],
      ['homeassistant/lock/door/state', '"locked"', { device: 'lock.door', fields: { state: 'locked' } }],
    ],
    'no values': [
      ['homeassistant/sensor/well_level/state', 'unavailable', 'ignored'],
      ['homeassistant/sensor/well_level/last_updated', '"2026-03-10T11:00:00+00:00"', 'ignored'],
      ['homeassistant/status', 'online', 'ignored'],
    ],
    'states beside discovery topics': [
      ['homeassistant/sensor/den-pc/cpu_load/state', '14', { device: 'den-pc', fields: { cpu_load: 14 } }],
    ],
  },
} satisfies Table
