import type { Table } from './table.ts'

export default {
  family: 'influx-line',
  stories: {
    'tags, fields of every type, a time in nanoseconds': [
      [
        'telegraf/x',
        'disk,host=nas,path=/var used=12i,free=1.5,label="a, b",ok=t 1773144000123456789',
        {
          device: 'nas',
          fields: { 'disk.used': 12, 'disk.free': 1.5, 'disk.label': 'a, b', 'disk.ok': true },
          time: '2026-03-10T12:00:00.123Z',
        },
      ],
      [
        'telegraf/x',
        'net,host=nas rx=9223372036854775807i',
        { device: 'nas', fields: { 'net.rx': 9223372036854775807n }, time: null },
      ],
      ['telegraf/x', 'my\\ room t\\ 1=21.5', { device: 'x', fields: { 'my room.t 1': 21.5 } }],
    ],
    'as JSON': [
      [
        'telegraf/x',
        { name: 'disk', tags: { host: 'nas', path: '/var' }, fields: { used: 12 }, timestamp: 1_773_144_000 },
        { device: 'nas', fields: { 'disk.used': 12 }, time: '2026-03-10T12:00:00.000Z' },
      ],
      [
        'telegraf/x',
        {
          metrics: [
            { name: 'mem', tags: { host: 'a' }, fields: { used: 1.5 } },
            { name: 'mem', tags: { host: 'b' }, fields: { used: 2.5 } },
          ],
        },
        [
          { device: 'a', fields: { 'mem.used': 1.5 } },
          { device: 'b', fields: { 'mem.used': 2.5 } },
        ],
      ],
    ],
    'many lines': [
      [
        'telegraf/x',
        '# comment\nmem,host=a used=1\nmem,host=b used=2\n',
        [
          { device: 'a', fields: { 'mem.used': 1 } },
          { device: 'b', fields: { 'mem.used': 2 } },
        ],
      ],
    ],
  },
} satisfies Table
