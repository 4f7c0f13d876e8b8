import type { Table } from './table.ts'

export default {
  family: 'senml',
  stories: {
    'base values hold from their record on': [
      [
        'gw/senml',
        [
          { bn: 'urn:dev:mac:01:', bt: 1_773_144_000, bu: 'V', n: 'u1', v: 12.5 },
          { n: 'u2', v: 13.5, t: -60 },
          { n: 't', u: 'Cel', v: 21.5 },
        ],
        [
          {
            device: 'urn:dev:mac:01:',
            fields: { u1: [12.5, 'V'], t: [21.5, '°C'] },
            time: '2026-03-10T12:00:00.000Z',
          },
          { device: 'urn:dev:mac:01:', fields: { u2: [13.5, 'V'] }, time: '2026-03-10T11:59:00.000Z' },
        ],
      ],
    ],
    'texts, booleans, sums and bases of values': [
      [
        'gw/senml',
        [
          { bn: 'm/', bv: 100, n: 'a', v: 1.5 },
          { n: 'b', vb: false },
          { n: 'c', vs: 'idle' },
          { n: 'd', s: 9 },
          { n: 'e', vd: 'AQI' },
        ],
        { device: 'm/', fields: { a: 101.5, b: false, c: 'idle', d: 9 }, without: ['e'], time: null },
      ],
    ],
    'times below 2^28 count from now': [
      [
        'gw/senml',
        [{ bn: 'm/', n: 'a', v: 1, t: -30 }],
        { device: 'm/', fields: { a: 1 }, time: '2026-03-10T11:59:30.000Z' },
      ],
    ],
    // [{-2: "m/", 0: "a", 1: "V", 2: 1.5}]
    'the same in CBOR': [
      [
        'gw/senml',
        Uint8Array.of(
          0x81,
          0xa4,
          0x21,
          0x62,
          0x6d,
          0x2f,
          0x00,
          0x61,
          0x61,
          0x01,
          0x61,
          0x56,
          0x02,
          0xf9,
          0x3e,
          0x00,
        ),
        { device: 'm/', fields: { a: [1.5, 'V'] } },
      ],
      ['gw/senml', Uint8Array.of(0x81, 0xa4, 0x21), 'rejected'],
    ],
  },
} satisfies Table
