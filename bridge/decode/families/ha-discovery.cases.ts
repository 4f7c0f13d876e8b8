import type { Table } from './table.ts'

/** Discovery itself is never a reading: what it says shows in the readings of others, by `general`. */
export default {
  family: 'ha-discovery',
  stories: {
    'configurations are metadata': [
      [
        'homeassistant/sensor/well/config',
        { stat_t: 'well/level', unit_of_meas: 'cm', dev: { name: 'Well', sa: 'Garden' } },
        'ignored',
      ],
      [
        'homeassistant/device/well/config',
        {
          dev: { name: 'Well' },
          cmps: { a: { p: 'sensor', value_template: '{{ value_json.a }}' } },
          state_topic: 'x/y',
        },
        'ignored',
      ],
      ['homeassistant/sensor/well/config', '', 'ignored'],
      ['homeassistant/sensor/well/config', 'broken', 'ignored'],
    ],
  },
} satisfies Table
