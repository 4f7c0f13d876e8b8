/** The general rules, one by one: families that have unwrapped or amended a payload continue here. */

import { availabilityIn } from './availability.ts'
import { MAX_TEXT_LENGTH, readDocument } from './document.ts'
import { type Context, ignored, type Plan, type Result, rejected } from './family.ts'
import type { Json } from './json.ts'
import { keyOf } from './keys.ts'
import { fieldName } from './names.ts'
import type { Payload } from './payload.ts'
import { type Scalar, scalarOf } from './scalar.ts'
import type { Subjects } from './subject.ts'

/** What a document says. */
export function documentResult(json: Json, subjects: Subjects, context: Context): Result {
  const { readings, cut } = readDocument(json, subjects, context.nowUs)
  if (readings.length > 0) return { kind: 'readings', readings, cut }
  return cut === undefined ? ignored('no values') : rejected(cut)
}

/** What a plain value says. */
export function scalarResult(text: string, plan: Plan): Result {
  if (text.length > MAX_TEXT_LENGTH) return rejected('text too long')
  const { device, tags, leaf } = plan.scalar
  const key = keyOf(leaf.slice(leaf.lastIndexOf('.') + 1))
  const known = plan.scalar.known?.get(leaf)
  const found = scalarOf(text)
  // `off` is one of several modes, `2` is a number of one.
  const isName = key.isText && (!key.isMode || typeof found?.value === 'boolean')
  const isText = isName || known?.isText === true
  const scalar: Scalar | undefined = isText && found !== undefined ? { value: text } : found
  if (scalar === undefined || (typeof scalar.value === 'string' && !scalar.value.isWellFormed())) {
    return ignored('no value')
  }
  const usual = typeof scalar.value === 'number' ? plan.scalar.usualUnit?.(leaf) : undefined
  const unit = known?.unit ?? scalar.unit ?? key.unit ?? usual
  const name = fieldName(leaf)
  const field = unit === undefined ? { name, value: scalar.value } : { name, value: scalar.value, unit }
  return {
    kind: 'readings',
    readings: [{ device, measurement: 'reading', tags, fields: [field], timeUs: null }],
  }
}

/** Online or offline; undefined when the payload is about something else. */
export function availabilityResult(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const available = availabilityIn(payload)
  if (available === undefined) return undefined
  const { device, tags } = plan.scalar
  context.tell({ device, available })
  const fields = [{ name: 'available', value: available }]
  return { kind: 'readings', readings: [{ device, measurement: 'reading', tags, fields, timeUs: null }] }
}
