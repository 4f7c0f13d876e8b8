import type { Table } from './table.ts'

/** The test vector of the format's specification, within an advertisement. */
const RAW = '02010611FF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F'

export default {
  family: 'ruuvi',
  stories: {
    'decoded by the gateway': [
      [
        'ruuvi/AA:BB:CC:00:11:22/CB:B8:33:4C:88:4F',
        { gw_mac: 'AA:BB:CC:00:11:22', ts: '1773144000', temperature: 21.5, coords: '' },
        {
          device: 'CB:B8:33:4C:88:4F',
          fields: { temperature: 21.5 },
          time: '2026-03-10T12:00:00.000Z',
          without: ['coords', 'ts'],
        },
      ],
    ],
    'as hex': [
      [
        'ruuvi/AA:BB:CC:00:11:22/CB:B8:33:4C:88:4F',
        { rssi: -50, data: RAW },
        {
          device: 'CB:B8:33:4C:88:4F',
          fields: {
            rssi: -50,
            temperature: 24.3,
            humidity: 53.49,
            pressure: 100_044,
            accelZ: 1.036,
            voltage: 2.977,
            txPower: 4,
          },
        },
      ],
      [
        'ruuvi/AA:BB:CC:00:11:22/CB:B8:33:4C:88:4F',
        { rssi: -50, data: '0201' },
        { device: 'CB:B8:33:4C:88:4F', fields: { rssi: -50 } },
      ],
    ],
  },
} satisfies Table
