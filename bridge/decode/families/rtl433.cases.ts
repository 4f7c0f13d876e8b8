import type { Table } from './table.ts'

export default {
  family: 'rtl_433',
  stories: {
    'one topic, many sensors': [
      [
        'rtl_433/shed/events',
        { time: '2026-03-10 11:00:00', model: 'Nexus', channel: 1, id: 9, temperature_C: 5.5 },
        { device: 'Nexus/1/9', fields: { temperature_C: [5.5, '°C'] }, time: null },
      ],
      [
        'rtl_433/shed/events',
        { time: '1773144000.25', model: 'TPMS-X', id: 'ab12', pressure_kPa: 230 },
        { device: 'TPMS-X/ab12', fields: { pressure_kPa: [230, 'kPa'] }, time: '2026-03-10T12:00:00.250Z' },
      ],
    ],
    'a topic a value': [
      [
        'radio/rtl_433/shed/devices/Nexus/1/9/humidity',
        '55',
        { device: 'Nexus/1/9', fields: { humidity: 55 } },
      ],
      ['radio/rtl_433/shed/devices/Nexus/1/9/time', '2026-03-10 11:00:00', 'ignored'],
    ],
  },
} satisfies Table
