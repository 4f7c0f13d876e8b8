import protobuf from 'protobufjs/minimal.js'
import type { Table } from './table.ts'

const MS = 1_773_144_000_000

interface Metric {
  readonly name?: string
  readonly alias?: number
  readonly type?: number
  readonly unit?: string
  readonly int?: number
  readonly double?: number
  readonly float?: number
  readonly text?: string
  readonly flag?: boolean
  readonly isNull?: boolean
  readonly ageMs?: number
}

/** A payload by the specification's schema, written by hand as the tests must not share the reader. */
function payload(seq: number, ...metrics: Metric[]): Uint8Array {
  const w = protobuf.Writer.create().uint32(8).uint64(MS)
  for (const m of metrics) {
    w.uint32(18).fork()
    if (m.name !== undefined) w.uint32(10).string(m.name)
    if (m.alias !== undefined) w.uint32(16).uint64(m.alias)
    w.uint32(24).uint64(MS - (m.ageMs ?? 0))
    if (m.type !== undefined) w.uint32(32).uint32(m.type)
    if (m.isNull) w.uint32(56).bool(true)
    if (m.unit !== undefined) {
      w.uint32(74).fork().uint32(10).string('engUnit')
      w.uint32(18).fork().uint32(8).uint32(12).uint32(66).string(m.unit).ldelim().ldelim()
    }
    if (m.int !== undefined) w.uint32(80).uint32(m.int)
    if (m.float !== undefined) w.uint32(101).float(m.float)
    if (m.double !== undefined) w.uint32(105).double(m.double)
    if (m.flag !== undefined) w.uint32(112).bool(m.flag)
    if (m.text !== undefined) w.uint32(122).string(m.text)
    w.ldelim()
  }
  return w.uint32(24).uint64(seq).finish()
}

export default {
  family: 'sparkplug-b',
  stories: {
    'names, types and units come from the birth': [
      [
        'spBv1.0/G/NBIRTH/edge',
        payload(
          0,
          { name: 'bdSeq', type: 8, int: 0 },
          { name: 'Load', alias: 1, type: 9, float: 0.1, unit: '%' },
        ),
        {
          device: 'edge',
          fields: { Load: [0.1, '%'] },
          without: ['bdSeq'],
          time: '2026-03-10T12:00:00.000Z',
        },
      ],
      [
        'spBv1.0/G/DBIRTH/edge/pump',
        payload(
          1,
          { name: 'In/Count', alias: 2, type: 3, int: 4_294_967_289 },
          { name: 'In/On', alias: 3, type: 11, flag: true },
        ),
        { device: 'pump', fields: { 'In/Count': -7, 'In/On': true } },
      ],
      [
        'spBv1.0/G/DDATA/edge/pump',
        payload(2, { alias: 2, int: 4_294_967_286, ageMs: 1000 }, { alias: 3, isNull: true }),
        { device: 'pump', fields: { 'In/Count': -10 }, without: ['In/On'], time: '2026-03-10T11:59:59.000Z' },
      ],
      [
        'spBv1.0/G/NDATA/edge',
        payload(3, { alias: 1, float: 0.2 }),
        { device: 'edge', fields: { Load: [0.2, '%'] } },
      ],
      ['spBv1.0/G/NDEATH/edge', payload(4, { name: 'bdSeq', type: 8, int: 0 }), 'ignored'],
    ],
    'without a birth, names in the message still count': [
      [
        'spBv1.0/G/DDATA/edge/pump',
        payload(9, { name: 'Serial', type: 12, text: '0012' }),
        { device: 'pump', fields: { Serial: '0012' } },
      ],
      ['spBv1.0/G/DDATA/edge/pump', payload(10, { alias: 77, type: 10, double: 1 }), 'rejected'],
    ],
    'commands, hosts and broken bytes': [
      ['spBv1.0/G/NCMD/edge', payload(0), 'ignored'],
      ['spBv1.0/STATE/host', { online: true, timestamp: MS }, 'ignored'],
      ['spBv1.0/G/NDATA/edge', Uint8Array.of(0x12, 0xff, 0x01), 'rejected'],
    ],
  },
} satisfies Table
