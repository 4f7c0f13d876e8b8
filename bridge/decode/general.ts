/** The general rules: what a payload says when its topic has no reader of its own. */

import { availabilityIn } from './availability.ts'
import { MAX_TEXT_LENGTH, readDocument, type Subjects } from './document.ts'
import { families } from './families.ts'
import { type Context, type Family, ignored, type Plan, type Result, rejected } from './family.ts'
import type { Json } from './json.ts'
import { keyOf } from './keys.ts'
import { isPicture, isPictureText, type Payload, startsDocument } from './payload.ts'
import { type Scalar, scalarOf } from './scalar.ts'

/** A result, and the family that it came from when that was seen by the payload only. */
export interface Finding {
  readonly result: Result
  readonly by?: string
}

export function readGeneral(payload: Payload, plan: Plan, context: Context): Finding {
  const text = payload.text()
  if (text === null) {
    return { result: isPicture(payload.bytes) ? ignored('picture') : rejected('not UTF-8 text') }
  }
  if (text === '') return { result: ignored('empty') }
  if (plan.isAvailability) {
    const result = readAvailability(payload, plan, context)
    if (result !== undefined) return { result }
  }
  return startsDocument(text) ? readJson(payload.json(), plan, context) : readText(text, plan, context)
}

export function readAvailability(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const available = availabilityIn(payload)
  if (available === undefined) return undefined
  const { device, tags } = plan.scalar
  context.tell({ device, available })
  const fields = [{ name: 'available', value: available }]
  return { kind: 'readings', readings: [{ device, measurement: 'reading', tags, fields, timeUs: null }] }
}

function readJson(json: Json | undefined, plan: Plan, context: Context): Finding {
  if (json === undefined) return { result: rejected('broken JSON') }
  for (const family of marked(json)) {
    const result = family.recognise?.(json, plan, context)
    if (result !== undefined) return { result, by: family.name }
  }
  return { result: documentResult(json, plan, context) }
}

/** A document by the general rules; a family that has unwrapped or amended it continues here. */
export function documentResult(json: Json, subjects: Subjects, context: Context): Result {
  const { readings, cut } = readDocument(json, subjects, context.nowUs)
  if (readings.length > 0) return { kind: 'readings', readings, cut }
  return cut === undefined ? ignored('no values') : rejected(cut)
}

const byMark = new Map<string, Family[]>()
for (const family of families) {
  for (const mark of family.marks ?? []) byMark.set(mark, [...(byMark.get(mark) ?? []), family])
}

/** Families that one of the keys hints at. */
function marked(json: Json): readonly Family[] {
  const sample = Array.isArray(json) ? json[0] : json
  if (sample === null || typeof sample !== 'object' || Array.isArray(sample)) return NONE
  let found = NONE
  for (const key in sample) {
    const hints = byMark.get(key)
    if (hints === undefined || hints === found) continue
    found = found.length === 0 ? hints : [...new Set([...found, ...hints])]
  }
  return found
}

const NONE: readonly Family[] = []
const textFamilies = families.filter(family => family.recogniseText !== undefined)

function readText(text: string, plan: Plan, context: Context): Finding {
  if (isPictureText(text)) return { result: ignored('picture') }
  if (text.startsWith('\x1b[')) return { result: ignored('log') }
  if (text.startsWith('<')) return { result: ignored('markup') }
  const value = unquote(text)
  if (value === text) {
    for (const family of textFamilies) {
      const result = family.recogniseText?.(text, plan, context)
      if (result !== undefined) return { result, by: family.name }
    }
  }
  return { result: scalarResult(value, plan) }
}

/** A JSON text is as good as one without its quotes. */
function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"') || text.length < 2) return text
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value.trim() : text
  } catch {
    return text
  }
}

export function scalarResult(text: string, plan: Plan): Result {
  if (text.length > MAX_TEXT_LENGTH) return rejected('text too long')
  const { device, tags, leaf, known } = plan.scalar
  const key = keyOf(leaf.slice(leaf.lastIndexOf('.') + 1))
  const scalar: Scalar | undefined =
    key.isText && scalarOf(text) !== undefined ? { value: text } : scalarOf(text)
  if (scalar === undefined || (typeof scalar.value === 'string' && !scalar.value.isWellFormed())) {
    return ignored('no value')
  }
  const unit = known?.get(leaf)?.unit ?? scalar.unit ?? key.unit
  const field =
    unit === undefined ? { name: leaf, value: scalar.value } : { name: leaf, value: scalar.value, unit }
  return {
    kind: 'readings',
    readings: [{ device, measurement: 'reading', tags, fields: [field], timeUs: null }],
  }
}
