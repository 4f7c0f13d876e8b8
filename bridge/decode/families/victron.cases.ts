import type { Table } from './table.ts'

export default {
  family: 'victron',
  stories: {
    values: [
      [
        'N/c0ffee/solarcharger/278/Yield/Power',
        { value: 412.5 },
        { device: 'c0ffee/solarcharger/278', fields: { 'Yield.Power': 412.5 } },
      ],
      [
        'N/c0ffee/vebus/276/State',
        { max: 9, min: 0, value: 3 },
        { device: 'c0ffee/vebus/276', fields: { State: 3 } },
      ],
    ],
    'no values, and requests': [
      ['N/c0ffee/vebus/276/Ac/L3/P', { value: null }, 'ignored'],
      ['N/c0ffee/keepalive', { value: 1 }, 'ignored'],
      ['R/c0ffee/system/0/Serial', '', 'ignored'],
      ['W/c0ffee/vebus/276/Mode', { value: 3 }, 'ignored'],
    ],
  },
} satisfies Table
