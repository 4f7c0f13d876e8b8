/**
 * InfluxDB line protocol, as Telegraf publishes it: `measurement,tag=v field=1,other="x" 1700000000000000000`.
 * Read strictly, as sentences look a little like it. The measurement stands before the field (`cpu.usage_idle`);
 * a tag that names a machine is the device, and the other tags are kept. Telegraf's JSON says the same:
 * `{"name":"cpu","tags":{..},"fields":{..},"timestamp":1700000000}`, alone or as a list of `metrics`.
 * https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/
 */

import type { Field, Reading, Tags, Value } from '../../telemetry/reading.ts'
import type { Context, Family, Plan, Result } from '../family.ts'
import type { Json } from '../json.ts'
import { cleanRoom, uniqueName } from '../names.ts'
import { documentResult } from '../results.ts'
import { numberOf } from '../scalar.ts'
import { isObject } from '../shape.ts'
import { timeOf } from '../time.ts'

export const influxLine: Family = {
  name: 'influx-line',
  marks: ['fields', 'metrics'],
  recognise,
  recogniseText,
}

const MAX_LINES = 10_000
const MAX_TAGS = 32

function recogniseText(text: string, plan: Plan, context: Context): Result | undefined {
  const equals = text.indexOf('=')
  if (equals === -1 || !text.includes(' ')) return undefined
  const readings: Reading[] = []
  const lines = text.split('\n', MAX_LINES + 1)
  for (const line of lines.slice(0, MAX_LINES)) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const reading = readLine(trimmed, plan, context.nowUs)
    if (reading === undefined) return undefined
    if (reading.fields.length > 0) readings.push(reading)
  }
  const cut = lines.length > MAX_LINES ? 'too many lines' : undefined
  return readings.length === 0 ? undefined : { kind: 'readings', readings, cut }
}

/** Which tag names the device, best first. */
const DEVICE_TAGS = [
  'device',
  'device_id',
  'deviceId',
  'host',
  'hostname',
  'node',
  'sensor',
  'sensor_id',
  'id',
  'name',
  'mac',
]

function readLine(line: string, plan: Plan, nowUs: number): Reading | undefined {
  const head = cut(line, 0, ' ')
  const body = cut(line, head.end + 1, ' ')
  const stamp = line.slice(body.end + 1)
  if (head.end >= line.length || (stamp !== '' && !/^-?\d{1,19}$/.test(stamp))) return undefined
  const [measurement = '', ...tagParts] = split(head.text)
  const pairs = tagParts.map(pairOf)
  if (measurement === '' || measurement.includes('=') || pairs.some(pair => pair === undefined))
    return undefined
  const fields = fieldsOf(body.text, uniqueName(plain(measurement)))
  if (fields === undefined) return undefined
  const tags = new Map(
    pairs.filter(pair => pair !== undefined).map(([key, value]) => [plain(key), plain(value)]),
  )
  const timeUs = stamp === '' ? null : timeOf(BigInt(stamp), nowUs)
  return { ...placeOf(tags, plan), measurement: 'reading', fields, timeUs }
}

/** Takes the device out of the tags. */
function placeOf(tags: Map<string, string>, { object }: Plan): Pick<Reading, 'device' | 'tags'> {
  const deviceTag = DEVICE_TAGS.find(key => tags.has(key))
  const device = deviceTag === undefined ? object.device : uniqueName(tags.get(deviceTag)!)
  if (deviceTag !== undefined) tags.delete(deviceTag)
  return { device, tags: tagsOf(tags, object.tags) }
}

function recognise(json: Json, plan: Plan, context: Context): Result | undefined {
  if (!isObject(json)) return undefined
  const list = Array.isArray(json.metrics) ? json.metrics : [json]
  const results = list.slice(0, MAX_LINES).map(metric => readMetric(metric, plan, context))
  if (results.some(result => result === undefined)) return undefined
  const readings = results.flatMap(result => (result?.kind === 'readings' ? result.readings : []))
  const over = list.length > MAX_LINES ? 'too many lines' : undefined
  return readings.length === 0 ? undefined : { kind: 'readings', readings, cut: over }
}

function readMetric(json: Json, plan: Plan, context: Context): Result | undefined {
  if (!isObject(json) || !isObject(json.fields) || !isObject(json.tags)) return undefined
  const { name, fields, timestamp = null } = json
  if (typeof name !== 'string' || name === '') return undefined
  const tags = Object.entries(json.tags).filter(
    (pair): pair is [string, string] => typeof pair[1] === 'string',
  )
  const prefix = `${uniqueName(name)}.`
  const object = { ...plan.object, ...placeOf(new Map(tags), plan), prefix, isShared: false }
  return documentResult({ timestamp, ...fields }, { object, scalar: object }, context)
}

function fieldsOf(body: string, measurement: string): Field[] | undefined {
  const fields = new Map<string, Field>()
  for (const part of split(body)) {
    const pair = pairOf(part)
    const value = pair === undefined ? undefined : parseValue(pair[1])
    if (pair === undefined || value === undefined) return undefined
    if (value === '') continue
    const name = uniqueName(`${measurement}.${plain(pair[0])}`)
    fields.set(name, { name, value })
  }
  return [...fields.values()]
}

/** Ours (topic, room) stand above what the line says. */
function tagsOf(tags: ReadonlyMap<string, string>, own: Tags): Tags {
  if (tags.size === 0) return own
  const kept: Record<string, string> = {}
  for (const [key, value] of [...tags].slice(0, MAX_TAGS)) {
    const clean = key === 'room' ? cleanRoom(value) : uniqueName(value)
    if (clean !== undefined && clean !== '' && key !== '__proto__' && key !== 'device')
      kept[key === 'time' ? 'time_' : uniqueName(key)] = clean
  }
  return { ...kept, ...own }
}

function parseValue(text: string): Value | undefined {
  if (text.startsWith('"')) {
    return text.length > 1 && text.endsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : undefined
  }
  if (/^(t|T|true|True|TRUE)$/.test(text)) return true
  if (/^(f|F|false|False|FALSE)$/.test(text)) return false
  if (/^-?\d{1,19}[iu]$|^\d{20}u$/.test(text)) {
    const exact = BigInt(text.slice(0, -1))
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact
  }
  const number = /^[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})(e[+-]?\d{1,3})?$/i.test(text)
    ? Number(text)
    : numberOf(text)
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/** Up to the next separator that is neither escaped nor in quotes. */
function cut(text: string, from: number, separator: string): { text: string; end: number } {
  let isQuoted = false
  let end = from
  for (; end < text.length; end++) {
    const char = text[end]
    if (char === '\\') end++
    else if (char === '"' && (isQuoted || text[end - 1] === '=')) isQuoted = !isQuoted
    else if (char === separator && !isQuoted) break
  }
  return { text: text.slice(from, Math.min(end, text.length)), end: Math.min(end, text.length) }
}

function split(text: string): string[] {
  const parts: string[] = []
  for (let from = 0; from <= text.length; ) {
    const part = cut(text, from, ',')
    parts.push(part.text)
    from = part.end + 1
  }
  return parts
}

function pairOf(text: string): [string, string] | undefined {
  const { text: key, end } = cut(text, 0, '=')
  const value = text.slice(end + 1)
  return key === '' || value === '' || key.includes(' ') !== key.includes('\\ ') ? undefined : [key, value]
}

function plain(text: string): string {
  return text.includes('\\') ? text.replace(/\\([ ,=\\])/g, '$1') : text
}
