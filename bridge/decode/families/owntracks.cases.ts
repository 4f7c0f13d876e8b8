import type { Table } from './table.ts'

export default {
  family: 'owntracks',
  stories: {
    positions: [
      [
        'owntracks/ann/watch',
        { _type: 'location', lat: 47.5, lon: 8.25, tst: 1_773_144_000, batt: 55 },
        {
          device: 'ann/watch',
          fields: { lat: 47.5, lon: 8.25, batt: 55 },
          time: '2026-03-10T12:00:00.000Z',
          without: ['_type'],
        },
      ],
      [
        'owntracks/ann/watch/event',
        { _type: 'transition', event: 'leave', tst: 1_773_144_000 },
        { device: 'ann/watch', fields: { event: 'leave' } },
      ],
      [
        'owntracks/ann/watch',
        { _type: 'lwt', tst: 1_773_144_000 },
        { device: 'ann/watch', fields: { available: false } },
      ],
    ],
    'settings and secrets': [
      ['owntracks/ann/watch/waypoint', { _type: 'waypoint', lat: 1, lon: 2 }, 'ignored'],
      ['owntracks/ann/watch', { _type: 'encrypted', data: 'AAEC' }, 'ignored'],
      ['owntracks/ann/watch/info', { _type: 'card', name: 'Ann' }, 'ignored'],
    ],
  },
} satisfies Table
