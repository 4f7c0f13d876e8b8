import type { Table } from './table.ts'

export default {
  family: 'domoticz',
  stories: {
    'many devices on one topic': [
      [
        'domoticz/out',
        {
          Battery: 255,
          RSSI: 5,
          dtype: 'Temp',
          id: '82001',
          idx: 7,
          name: 'Cellar',
          nvalue: 0,
          svalue1: '11.4',
        },
        { device: 'Cellar', fields: { svalue1: 11.4, RSSI: 5 }, without: ['Battery', 'idx'] },
      ],
      [
        'domoticz/out',
        { Battery: 80, RSSI: 12, dtype: 'Light/Switch', id: '82002', idx: 8, name: '', nvalue: 1 },
        { device: 'idx 8', fields: { nvalue: 1, Battery: 80 }, without: ['RSSI'] },
      ],
    ],
  },
} satisfies Table
