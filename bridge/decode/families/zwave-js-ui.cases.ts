import type { Table } from './table.ts'

export default {
  family: 'zwave-js-ui',
  stories: {
    'plain values, with a time, and whole ValueIds': [
      ['zwave/hall/49/0/Illuminance', '120', { device: 'hall', fields: { '49.0.Illuminance': 120 } }],
      [
        'zwave/Loft/48/38/0/currentValue',
        '99',
        { device: '48', room: 'Loft', fields: { '38.0.currentValue': 99 } },
      ],
      [
        'zwave/hall/48/0/Motion',
        { time: 1_773_144_000_123, value: true },
        { device: 'hall', fields: { '48.0.Motion': true }, time: '2026-03-10T12:00:00.123Z' },
      ],
      [
        'zwave/9/50/1/value/66049',
        { id: '9-50-1', nodeId: 9, min: 0, max: 99, unit: 'W', value: 14.5, lastUpdate: 1_773_144_000_000 },
        { device: '9', fields: { '50.1.value.66049': [14.5, 'W'] }, without: ['nodeId', 'min'] },
      ],
      [
        'zwave/hall/status',
        { time: 1_773_144_000_000, value: false, status: 'Dead' },
        { device: 'hall', fields: { available: false } },
      ],
    ],
    'commands and the gateway': [
      ['zwave/hall/37/0/targetValue/set', 'true', 'ignored'],
      ['zwave/_CLIENTS/ZWAVE_GATEWAY-x/status', { value: true }, 'ignored'],
      ['zwave/9/nodeinfo', { name: 'x', loc: 'Loft' }, 'ignored'],
    ],
  },
} satisfies Table
