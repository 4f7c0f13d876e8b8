/**
 * Sparkplug B payloads on the wire: the fields of `org.eclipse.tahu.protobuf.Payload` that carry values, read by
 * hand, as a data message may leave out names and types that its birth gave, which generated code does not expect.
 * https://github.com/eclipse-sparkplug/sparkplug/blob/master/specification
 */

import protobuf from 'protobufjs/minimal.js'

export interface Metric {
  name: string
  alias: bigint | undefined
  timestampMs: number | undefined
  datatype: number
  isNull: boolean
  unit: string | undefined
  value: Raw | undefined
  members: Metric[] | undefined
  isDefinition: boolean
}

/** As it stands on the wire; what it means depends on the datatype. */
export type Raw = number | bigint | boolean | string | Uint8Array

export interface SparkplugPayload {
  readonly timestampMs: number | undefined
  readonly seq: number | undefined
  readonly metrics: readonly Metric[]
}

type Reader = protobuf.Reader

/** No node has more; a template within a template is bounded as well. */
const MAX_METRICS = 20_000
const MAX_DEPTH = 8

/** Throws when the bytes are no such payload. */
export function readPayload(bytes: Uint8Array): SparkplugPayload {
  const reader = protobuf.Reader.create(bytes)
  let timestampMs: number | undefined
  let seq: number | undefined
  const metrics: Metric[] = []
  eachField(reader, reader.len, field => {
    if (field === 1) timestampMs = Number(unsigned(reader))
    else if (field === 2 && metrics.length < MAX_METRICS) metrics.push(readMetric(reader, 0))
    else if (field === 3) seq = Number(unsigned(reader))
    else return false
    return true
  })
  return { timestampMs, seq, metrics }
}

function readMetric(reader: Reader, depth: number): Metric {
  const metric: Metric = {
    name: '',
    alias: undefined,
    timestampMs: undefined,
    datatype: 0,
    isNull: false,
    unit: undefined,
    value: undefined,
    members: undefined,
    isDefinition: false,
  }
  eachField(reader, reader.uint32() + reader.pos, field => {
    if (field === 1) metric.name = reader.string()
    else if (field === 2) metric.alias = unsigned(reader)
    else if (field === 3) metric.timestampMs = Number(unsigned(reader))
    else if (field === 4) metric.datatype = reader.uint32()
    else if (field === 7) metric.isNull = reader.bool()
    else if (field === 9) metric.unit = readUnit(reader)
    else if (field === 10) metric.value = reader.uint32()
    else if (field === 11) metric.value = unsigned(reader)
    else if (field === 12) metric.value = shortest(reader.float())
    else if (field === 13) metric.value = reader.double()
    else if (field === 14) metric.value = reader.bool()
    else if (field === 15) metric.value = reader.string()
    else if (field === 16) metric.value = reader.bytes()
    else if (field === 17) metric.members = readDataSet(reader)
    else if (field === 18 && depth < MAX_DEPTH) readTemplate(reader, metric, depth)
    else return false
    return true
  })
  return metric
}

function readTemplate(reader: Reader, metric: Metric, depth: number): void {
  const members: Metric[] = []
  eachField(reader, reader.uint32() + reader.pos, field => {
    if (field === 2 && members.length < MAX_METRICS) members.push(readMetric(reader, depth + 1))
    else if (field === 5) metric.isDefinition = reader.bool()
    else return false
    return true
  })
  metric.members = members
}

/** Each cell becomes a member `<row>.<column>`. */
function readDataSet(reader: Reader): Metric[] {
  const columns: string[] = []
  const types: number[] = []
  const members: Metric[] = []
  let row = 0
  eachField(reader, reader.uint32() + reader.pos, (field, wire) => {
    if (field === 2) columns.push(reader.string())
    else if (field === 3 && wire === 2)
      for (const end = reader.uint32() + reader.pos; reader.pos < end; ) types.push(reader.uint32())
    else if (field === 3) types.push(reader.uint32())
    else if (field === 4) {
      const cells = readRow(reader)
      for (let i = 0; i < cells.length && members.length < MAX_METRICS; i++) {
        const name = `${row}.${columns[i] ?? i}`
        members.push({ ...EMPTY, name, datatype: types[i] ?? 0, value: cells[i] })
      }
      row++
    } else return false
    return true
  })
  return members
}

const EMPTY: Metric = {
  name: '',
  alias: undefined,
  timestampMs: undefined,
  datatype: 0,
  isNull: false,
  unit: undefined,
  value: undefined,
  members: undefined,
  isDefinition: false,
}

function readRow(reader: Reader): (Raw | undefined)[] {
  const cells: (Raw | undefined)[] = []
  eachField(reader, reader.uint32() + reader.pos, field => {
    if (field !== 1) return false
    let cell: Raw | undefined
    eachField(reader, reader.uint32() + reader.pos, kind => {
      if (kind === 1) cell = reader.uint32()
      else if (kind === 2) cell = unsigned(reader)
      else if (kind === 3) cell = shortest(reader.float())
      else if (kind === 4) cell = reader.double()
      else if (kind === 5) cell = reader.bool()
      else if (kind === 6) cell = reader.string()
      else return false
      return true
    })
    cells.push(cell)
    return true
  })
  return cells
}

const UNIT_KEYS = new Set([
  'engUnit',
  'engineeringUnit',
  'engineeringUnits',
  'unit',
  'units',
  'Unit',
  'Units',
  'EngUnit',
])

/** A set of properties is two lists, of keys and of values. */
function readUnit(reader: Reader): string | undefined {
  const keys: string[] = []
  const texts: (string | undefined)[] = []
  eachField(reader, reader.uint32() + reader.pos, field => {
    if (field === 1) keys.push(reader.string())
    else if (field === 2) texts.push(readText(reader))
    else return false
    return true
  })
  const at = keys.findIndex((key, i) => UNIT_KEYS.has(key) && texts[i] !== undefined)
  return at === -1 ? undefined : texts[at]
}

function readText(reader: Reader): string | undefined {
  let text: string | undefined
  eachField(reader, reader.uint32() + reader.pos, field => {
    if (field !== 8) return false
    text = reader.string()
    return true
  })
  return text
}

/** Calls for each field; what `take` leaves is skipped. */
function eachField(reader: Reader, end: number, take: (field: number, wire: number) => boolean): void {
  if (end > reader.len) throw new RangeError('a field is longer than the payload')
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag >>> 3 === 0) throw new RangeError('field number 0')
    if (!take(tag >>> 3, tag & 7)) reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new RangeError('a field reaches beyond its message')
}

function unsigned(reader: Reader): bigint {
  const value: number | { low: number; high: number } = reader.uint64()
  if (typeof value === 'number') return BigInt(value)
  return (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0)
}

/** A float32 has seven digits: 21.1 must not become 21.100000381469727. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits))
    if (Math.fround(rounded) === value) return rounded
  }
  return value
}

/** `Node Control/Rebirth` = true, as a host asks for it. */
export function rebirthCommand(nowMs: number): Uint8Array {
  const writer = protobuf.Writer.create()
  writer.uint32(8).uint64(nowMs).uint32(18).fork()
  writer
    .uint32(10)
    .string('Node Control/Rebirth')
    .uint32(24)
    .uint64(nowMs)
    .uint32(32)
    .uint32(11)
    .uint32(112)
    .bool(true)
  return writer.ldelim().finish()
}
