import type { Table } from './table.ts'

export default {
  family: 'pairs',
  stories: {
    'names and values in a line': [
      [
        'channels/7/publish',
        'field1=45&field2=60.5',
        { device: 'channels/7', fields: { field1: 45, field2: 60.5 } },
      ],
      [
        'lab/probe-1/out',
        'T: 21.5 °C, H: 40%',
        { device: 'probe-1', fields: { T: [21.5, '°C'], H: [40, '%'] } },
      ],
      [
        'ul/key123/probe-1/attrs',
        't|21.5|door|open',
        { device: 'probe-1', fields: { t: 21.5, door: 'open' } },
      ],
    ],
  },
} satisfies Table
