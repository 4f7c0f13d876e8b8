import type { Table } from './table.ts'

export default {
  family: 'thingsboard',
  stories: {
    'keys are devices, times are given': [
      [
        'v1/gateway/telemetry',
        {
          A: [{ ts: 1_773_144_000_000, values: { level: 1.5 } }],
          B: [{ ts: 1_773_144_000_000, values: { level: 2.5 } }],
        },
        [
          { device: 'A', fields: { level: 1.5 }, time: '2026-03-10T12:00:00.000Z' },
          { device: 'B', fields: { level: 2.5 }, time: '2026-03-10T12:00:00.000Z' },
        ],
      ],
      ['v1/devices/me/telemetry', { level: 1.5 }, { device: 'me', fields: { level: 1.5 } }],
    ],
    requests: [
      ['v1/devices/me/rpc/request/1', { method: 'x' }, 'ignored'],
      ['v1/gateway/connect', { device: 'A' }, 'ignored'],
    ],
  },
} satisfies Table
