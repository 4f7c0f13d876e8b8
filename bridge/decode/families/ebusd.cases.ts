import type { Table } from './table.ts'

export default {
  family: 'ebusd',
  stories: {
    'messages, one field or several': [
      [
        'ebusd/hmu/FlowTemp',
        { temp: { value: 33.5 }, sensor: { value: 'ok' } },
        { device: 'hmu', fields: { 'FlowTemp.temp': 33.5, 'FlowTemp.sensor': 'ok' } },
      ],
      ['ebusd/720/Hc1Pressure', '1.25', { device: '720', fields: { Hc1Pressure: 1.25 } }],
      ['ebusd/global/uptime', '77', { device: 'ebusd', fields: { 'global.uptime': 77 } }],
    ],
    commands: [
      ['ebusd/hmu/FlowTemp/get', '', 'ignored'],
      ['ebusd/720/Hc1Mode/set', 'auto', 'ignored'],
    ],
  },
} satisfies Table
