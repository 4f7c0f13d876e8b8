/**
 * SenML, in JSON and in CBOR [RFC 8428]: a list of records, where base values (`bn`, `bt`, `bu`, `bv`, `bs`) hold
 * from their record on. Times below 2^28 are relative to now. The name of a record is the whole of `bn` and `n`; the
 * device is `bn`, and the field `n`.
 */

import { decode } from 'cborg'
import type { Field, Reading } from '../../telemetry/reading.ts'
import { spellUnit } from '../../telemetry/units.ts'
import { type Context, type Family, ignored, type Plan, type Result } from '../family.ts'
import type { Json, JsonObject } from '../json.ts'
import { fieldName, uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { isObject, textOf } from '../shape.ts'
import { plausible } from '../time.ts'

export const senml: Family = {
  name: 'senml',
  marks: ['bn', 'n', 'v', 'vb', 'vs', 'vd', 'bt', 'bv', 'bver'],
  recognise: (json, plan, context) => (Array.isArray(json) ? readPack(json, plan, context) : undefined),
  recogniseBytes: readCbor,
}

const LABELS = new Set([
  'bn',
  'bt',
  'bu',
  'bv',
  'bs',
  'bver',
  'n',
  'u',
  'v',
  'vs',
  'vb',
  'vd',
  's',
  't',
  'ut',
  'l',
])
const RELATIVE_BELOW_S = 2 ** 28

function isPack(records: readonly Json[]): records is JsonObject[] {
  if (records.length === 0) return false
  const isRecord = (json: Json) =>
    isObject(json) && Object.keys(json).every(key => LABELS.has(key) || key.endsWith('_'))
  if (!records.every(isRecord)) return false
  const [first] = records as JsonObject[]
  return typeof first?.bn === 'string' || typeof first?.n === 'string'
}

function readPack(records: readonly Json[], plan: Plan, context: Context): Result | undefined {
  if (!isPack(records)) return undefined
  const drafts = new Map<string, Omit<Reading, 'fields'> & { fields: Map<string, Field> }>()
  const base = { bn: '', bt: 0, bu: undefined as string | undefined, bv: 0, bs: 0 }
  for (const record of records) {
    if (typeof record.bn === 'string') base.bn = record.bn
    if (typeof record.bu === 'string') base.bu = record.bu
    base.bt = numberIn(record.bt) ?? base.bt
    base.bv = numberIn(record.bv) ?? base.bv
    base.bs = numberIn(record.bs) ?? base.bs
    const unitText = typeof record.u === 'string' ? record.u : base.bu
    const value = recordValue(record, base)
    if (value === undefined) continue
    const device = base.bn === '' ? plan.object.device : uniqueName(base.bn)
    const timeUs = timeOf(base.bt + (numberIn(record.t) ?? 0), context.nowUs)
    const key = `${timeUs} ${device}`
    const { tags } = plan.object
    const draft = drafts.get(key) ?? { device, measurement: 'reading', tags, fields: new Map(), timeUs }
    // Records without a name are told apart by what they measure.
    const name = fieldName(uniqueName(textOf(record.n) ?? unitText ?? 'value'))
    const unit = unitText === undefined ? undefined : spellUnit(unitText)
    draft.fields.set(name, unit === undefined ? { name, value } : { name, value, unit })
    drafts.set(key, draft)
  }
  const readings = [...drafts.values()].map(draft => ({ ...draft, fields: [...draft.fields.values()] }))
  return readings.length === 0 ? ignored('no values') : { kind: 'readings', readings }
}

function recordValue(record: JsonObject, base: { bv: number; bs: number }): Field['value'] | undefined {
  const { v, vb, vs, s } = record
  if (typeof v === 'bigint') return v
  const number = numberIn(v)
  if (number !== undefined) return base.bv + number
  if (typeof vb === 'boolean') return vb
  if (typeof vs === 'string') return vs.isWellFormed() && vs !== '' ? vs : undefined
  const sum = numberIn(s)
  return sum === undefined ? undefined : base.bs + sum
}

function numberIn(json: Json | undefined): number | undefined {
  return typeof json === 'number' && Number.isFinite(json) ? json : undefined
}

function timeOf(seconds: number, nowUs: number): number | null {
  if (seconds === 0) return null
  const us = Math.round(seconds * 1e6)
  return plausible(seconds < RELATIVE_BELOW_S ? nowUs + us : us, nowUs)
}

/** The labels as small integers [RFC 8428, table 6]. */
const CBOR_LABELS = new Map<unknown, string>([
  [-1, 'bver'],
  [-2, 'bn'],
  [-3, 'bt'],
  [-4, 'bu'],
  [-5, 'bv'],
  [-6, 'bs'],
  [0, 'n'],
  [1, 'u'],
  [2, 'v'],
  [3, 'vs'],
  [4, 'vb'],
  [5, 's'],
  [6, 't'],
  [7, 'ut'],
  [8, 'vd'],
])

/** A CBOR list of maps; most other bytes are told apart by the first. */
function readCbor(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const first = payload.bytes[0] ?? 0
  const isList = (first >= 0x81 && first <= 0x9b) || first === 0x9f
  if (!isList || payload.bytes.length > 65_536) return undefined
  let records: unknown
  try {
    records = decode(payload.bytes, { useMaps: true, allowBigInt: true, tags: DECIMALS })
  } catch {
    return undefined
  }
  if (!Array.isArray(records) || !records.every(record => record instanceof Map)) return undefined
  return readPack(records.map(recordOf), plan, context)
}

function recordOf(map: Map<unknown, unknown>): JsonObject {
  const named = [...map].map(([label, value]) => [CBOR_LABELS.get(label) ?? String(label), value])
  return Object.fromEntries(named) as JsonObject
}

/** Decimal fractions: 4([-1, 215]) is 21.5. cborg calls with a decoder of the tagged item. */
const DECIMALS = {
  4: (item: () => unknown) => {
    const [exponent, mantissa] = item() as [number, number]
    return Number(`${mantissa}e${exponent}`)
  },
}
