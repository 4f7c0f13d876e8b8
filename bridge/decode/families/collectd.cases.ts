import type { Table } from './table.ts'

export default {
  family: 'collectd',
  stories: {
    'values with their time, one or several': [
      [
        'collectd/nas/load/load',
        '1773144000.500:0.25:0.5:1\u0000',
        {
          device: 'nas',
          fields: { 'load.load.0': 0.25, 'load.load.1': 0.5, 'load.load.2': 1 },
          time: '2026-03-10T12:00:00.500Z',
        },
      ],
      [
        'collectd/nas/cpu-1/percent-idle',
        'N:97.5',
        { device: 'nas', fields: { 'cpu-1.percent-idle': 97.5 }, time: null },
      ],
      ['collectd/nas/cpu-1/percent-idle', '1773144000:nan', 'ignored'],
    ],
  },
} satisfies Table
