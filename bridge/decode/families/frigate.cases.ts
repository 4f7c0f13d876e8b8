import type { Table } from './table.ts'

export default {
  family: 'frigate',
  stories: {
    'a camera and what it sees': [
      ['frigate/yard/dog', '2', { device: 'yard', fields: { dog: 2 } }],
      ['frigate/yard/dog/active', '1', { device: 'yard', fields: { 'dog.active': 1 } }],
      ['frigate/yard/motion', 'OFF', { device: 'yard', fields: { motion: false } }],
      [
        'frigate/events',
        { type: 'new', before: { score: 0 }, after: { camera: 'yard', score: 0.75, end_time: null } },
        { device: 'yard', fields: { 'after.score': 0.75 }, without: ['before.score', 'after.end_time'] },
      ],
      ['frigate/available', 'offline', { device: 'frigate', fields: { available: false } }],
    ],
    'pictures and settings': [
      ['frigate/yard/dog/snapshot', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), 'ignored'],
      ['frigate/yard/detect/set', 'ON', 'ignored'],
      ['frigate/camera_activity', { yard: {} }, 'ignored'],
    ],
  },
} satisfies Table
