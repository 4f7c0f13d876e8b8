import type { Table } from './table.ts'

export default {
  family: 'dsmr',
  stories: {
    'decimals as texts, and a time': [
      [
        'dsmr/json',
        {
          id: 77,
          timestamp: '2026-03-10T11:00:00Z',
          electricity_delivered_1: '12.250',
          phase_voltage_l2: null,
        },
        {
          device: 'dsmr',
          fields: { electricity_delivered_1: 12.25 },
          time: '2026-03-10T11:00:00.000Z',
          without: ['phase_voltage_l2'],
        },
      ],
      ['dsmr/day-consumption/gas', '1.750', { device: 'dsmr', fields: { 'day-consumption.gas': 1.75 } }],
    ],
  },
} satisfies Table
