/**
 * The part of Sparkplug's protobuf that the simulators speak, by hand: the same metrics give the same bytes.
 *
 *   Payload   1 timestamp, 2 metric ..., 3 seq
 *   Metric    1 name, 2 alias, 3 timestamp, 4 datatype, 9 properties, 11 long, 13 double, 14 boolean, 15 string
 *   PropertySet 1 key ..., 2 value ...      PropertyValue 1 type, 8 string
 */

export interface Metric {
  readonly name?: string
  readonly alias?: number
  readonly timeMs?: number
  readonly unit?: string | undefined
  readonly type: 'long' | 'double' | 'boolean' | 'string'
  readonly value: number | boolean | string
}

export interface SparkplugPayload {
  readonly timeMs?: number
  readonly metrics: readonly Metric[]
  readonly seq?: number
}

/** Sparkplug's numbers of the types: Int64, Double, Boolean, String. */
const DATATYPE = { long: 4, double: 10, boolean: 11, string: 12 } as const

const VARINT = 0
const FIXED64 = 1
const BYTES = 2

export function encodeSparkplug({ timeMs, metrics, seq }: SparkplugPayload): Uint8Array {
  const parts: number[] = []
  if (timeMs !== undefined) number(parts, 1, timeMs)
  for (const metric of metrics) bytes(parts, 2, encodeMetric(metric))
  if (seq !== undefined) number(parts, 3, seq)
  return Uint8Array.from(parts)
}

function encodeMetric({ name, alias, timeMs, unit, type, value }: Metric): number[] {
  const parts: number[] = []
  if (name !== undefined) text(parts, 1, name)
  if (alias !== undefined) number(parts, 2, alias)
  if (timeMs !== undefined) number(parts, 3, timeMs)
  number(parts, 4, DATATYPE[type])
  if (unit !== undefined) bytes(parts, 9, encodeUnit(unit))
  if (type === 'long') number(parts, 11, Number(value))
  else if (type === 'double') double(parts, 13, Number(value))
  else if (type === 'boolean') number(parts, 14, value === true ? 1 : 0)
  else text(parts, 15, String(value))
  return parts
}

function encodeUnit(unit: string): number[] {
  const value: number[] = []
  number(value, 1, DATATYPE.string)
  text(value, 8, unit)
  const set: number[] = []
  text(set, 1, 'engUnit')
  bytes(set, 2, value)
  return set
}

/** Names and values of the metrics of a command; those it does not know are left out. */
export function commandedMetrics(payload: Uint8Array): { name: string; value: unknown }[] {
  const found: { name: string; value: unknown }[] = []
  for (const [field, metric] of fieldsOf(payload)) {
    if (field !== 2 || !(metric instanceof Uint8Array)) continue
    let name: string | undefined
    let value: unknown
    for (const [number_, content] of fieldsOf(metric)) {
      if (number_ === 1 && content instanceof Uint8Array) name = Buffer.from(content).toString()
      else if (number_ === 14) value = content === 1
      else if (number_ === 15 && content instanceof Uint8Array) value = Buffer.from(content).toString()
      else if (number_ >= 10 && number_ <= 13) value = content
    }
    if (name !== undefined) found.push({ name, value })
  }
  return found
}

function* fieldsOf(data: Uint8Array): Generator<[field: number, content: number | Uint8Array]> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let factor = 1; at < data.length; factor *= 128) {
      const byte = data[at++]!
      value += (byte & 127) * factor
      if (byte < 128) break
    }
    return value
  }
  while (at < data.length) {
    const key = varint()
    const kind = key & 7
    if (kind === VARINT) yield [key >> 3, varint()]
    else if (kind === BYTES) {
      const length = varint()
      yield [key >> 3, data.subarray(at, at + length)]
      at += length
    } else {
      const size = kind === FIXED64 ? 8 : 4
      if (at + size > data.length) return
      yield [key >> 3, kind === FIXED64 ? view.getFloat64(at, true) : view.getFloat32(at, true)]
      at += size
    }
  }
}

function varint(parts: number[], value: number): void {
  let left = value
  while (left >= 128) {
    parts.push((left % 128) | 128)
    left = Math.floor(left / 128)
  }
  parts.push(left)
}

function number(parts: number[], field: number, value: number): void {
  varint(parts, field * 8 + VARINT)
  varint(parts, Math.round(value))
}

function double(parts: number[], field: number, value: number): void {
  varint(parts, field * 8 + FIXED64)
  const encoded = Buffer.alloc(8)
  encoded.writeDoubleLE(value)
  parts.push(...encoded)
}

function bytes(parts: number[], field: number, content: readonly number[] | Uint8Array): void {
  varint(parts, field * 8 + BYTES)
  varint(parts, content.length)
  parts.push(...content)
}

function text(parts: number[], field: number, value: string): void {
  bytes(parts, field, Buffer.from(value))
}
