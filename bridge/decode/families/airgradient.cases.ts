import type { Table } from './table.ts'

export default {
  family: 'airgradient',
  stories: {
    'the serial number is the device': [
      [
        'airgradient/readings/84fce6',
        { serialno: '84fce6', rco2: 612, atmp: 22.5, firmware: '3.1' },
        { device: '84fce6', fields: { rco2: 612, atmp: 22.5, firmware: '3.1' } },
      ],
    ],
  },
} satisfies Table
