import type { Table } from './table.ts'

export default {
  family: 'espresense',
  stories: {
    'a beacon, and the room that hears it': [
      [
        'espresense/devices/phone:ann/loft',
        { id: 'phone:ann', distance: 3.25 },
        { device: 'phone:ann', room: 'loft', fields: { distance: 3.25 } },
      ],
      [
        'espresense/rooms/loft/telemetry',
        { uptime: 12 },
        { device: 'loft', room: 'loft', fields: { uptime: 12 } },
      ],
      [
        'espresense/rooms/loft/max_distance',
        '9.5',
        { device: 'loft', room: 'loft', fields: { max_distance: 9.5 } },
      ],
    ],
    settings: [['espresense/settings/phone:ann/config', { name: 'Ann' }, 'ignored']],
  },
} satisfies Table
