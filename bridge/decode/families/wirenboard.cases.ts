import type { Table } from './table.ts'

export default {
  family: 'wirenboard',
  stories: {
    'values get the unit of their meta': [
      ['/devices/wb-map3e_7/meta', { driver: 'wb-mqtt-serial', title: { en: 'Meter' } }, 'ignored'],
      ['/devices/wb-map3e_7/controls/P L1/meta', { type: 'value', units: 'W', order: 3 }, 'ignored'],
      ['/devices/wb-map3e_7/controls/Air/meta/units', 'deg C', 'ignored'],
      [
        '/devices/wb-map3e_7/controls/P L1',
        '812.5',
        { device: 'wb-map3e_7', fields: { 'P L1': [812.5, 'W'] } },
      ],
      ['/devices/wb-map3e_7/controls/Air', '21.5', { device: 'wb-map3e_7', fields: { Air: [21.5, '°C'] } }],
    ],
    'commands and attributes': [
      ['/devices/wb-mr6_3/controls/K2/on', '0', 'ignored'],
      ['/devices/wb-mr6_3/controls/K2/meta/type', 'switch', 'ignored'],
      ['/devices/wb-mr6_3/meta/name', 'Relays', 'ignored'],
    ],
  },
} satisfies Table
