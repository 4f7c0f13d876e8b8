import type { Table } from './table.ts'

export default {
  family: 'evcc',
  stories: {
    'site, loadpoints and vehicles': [
      ['evcc/site/homePower', '512', { device: 'evcc', fields: { 'site.homePower': 512 } }],
      ['evcc/site/battery/soc', '55', { device: 'evcc', fields: { 'site.battery.soc': 55 } }],
      ['evcc/loadpoints/2/chargePower', '3680', { device: 'loadpoints/2', fields: { chargePower: 3680 } }],
      ['evcc/vehicles/zoe/range', '240', { device: 'vehicles/zoe', fields: { range: 240 } }],
      ['evcc/status', 'offline', { device: 'evcc', fields: { available: false } }],
    ],
    'commands and signs of life': [
      ['evcc/loadpoints/2/mode/set', 'now', 'ignored'],
      ['evcc/updated', '1773144000', 'ignored'],
    ],
  },
} satisfies Table
