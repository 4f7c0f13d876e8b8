/** The general rules: what a payload says when its topic has no reader of its own. */

import { onlineOf } from './availability.ts'
import { families } from './families.ts'
import { type Context, type Family, ignored, type Plan, type Result, rejected } from './family.ts'
import { type Json, jsonLines, MAX_LINES } from './json.ts'
import { MAX_ROWS, NO_ROW, rowOf } from './key-rows.ts'
import type { Key } from './keys.ts'
import {
  isMedia,
  isPicture,
  isPictureText,
  type Payload,
  type PlainNumbers,
  startsDocument,
} from './payload.ts'
import { type Recipe, readByRecipe, recipeOf } from './recipe.ts'
import { availabilityResult, documentResult, scalarResult } from './results.ts'

/** A result, and the family that it came from when that was seen by the payload only. */
export interface Finding {
  readonly result: Result
  readonly by?: string
}

export function readGeneral(payload: Payload, plan: Plan, context: Context): Finding {
  if (isMedia(payload.contentType)) return { result: ignored('picture') }
  const plain = plan.isAvailability ? undefined : payload.plainNumbers()
  if (plain !== undefined) return readPlain(payload, plain, plan, context)
  const text = payload.text()
  if (text === null) return readBytes(payload, plan, context)
  if (text === '') return { result: ignored('empty') }
  if (plan.isAvailability) {
    const result = availabilityResult(payload, plan, context)
    if (result !== undefined) return { result }
  }
  return startsDocument(text) ? readDocuments(payload, text, plan, context) : readText(text, plan, context)
}

/** By the number of a row. Past as many as there are rows it begins anew. */
const recipes = new Map<number, Recipe | null>()

function readPlain(payload: Payload, plain: PlainNumbers, plan: Plan, context: Context): Finding {
  const { row, rowNumber, numbers } = plain
  let recipe = recipes.get(rowNumber)
  if (recipe === undefined) {
    if (recipes.size >= MAX_ROWS) recipes.clear()
    recipe = familiesOf(row.map(({ raw }) => raw)).length === 0 ? recipeOf(row) : null
    recipes.set(rowNumber, recipe)
  }
  const isBare = recipe !== null && plan.object.prefix === ''
  const reading = isBare ? readByRecipe(recipe!, numbers, plan.object, context.nowUs) : undefined
  if (reading === undefined) return readJson(payload.json()!, plan, context)
  return { result: { kind: 'readings', readings: [reading] } }
}

const byteFamilies = families.filter(family => family.recogniseBytes !== undefined)

function readBytes(payload: Payload, plan: Plan, context: Context): Finding {
  if (payload.isDeclaredText) return { result: rejected('not UTF-8 text') }
  if (isPicture(payload.bytes)) return { result: ignored('picture') }
  for (const family of byteFamilies) {
    const result = family.recogniseBytes?.(payload, plan, context)
    if (result !== undefined) return { result, by: family.name }
  }
  return { result: rejected('not UTF-8 text') }
}

function readDocuments(payload: Payload, text: string, plan: Plan, context: Context): Finding {
  const json = payload.json()
  if (json !== undefined) return readJson(json, plan, context)
  const lines = jsonLines(text)
  if (lines === undefined) {
    // Somebody's text may begin with a brace.
    if (payload.contentType === 'text/plain') return readText(text, plan, context)
    return { result: rejected('broken JSON') }
  }
  const cut = lines.length > MAX_LINES ? 'too many lines' : undefined
  const results = lines.slice(0, MAX_LINES).map(line => readJson(line, plan, context).result)
  const readings = results.flatMap(result => (result.kind === 'readings' ? result.readings : []))
  return { result: readings.length === 0 ? ignored('no values') : { kind: 'readings', readings, cut } }
}

function readJson(json: Json, plan: Plan, context: Context): Finding {
  for (const family of marked(json)) {
    const result = family.recognise?.(json, plan, context)
    if (result !== undefined) return { result, by: family.name }
  }
  return { result: documentResult(json, plan, context) }
}

const byMark = new Map<string, Family[]>()
for (const family of families) {
  for (const mark of family.marks ?? []) byMark.set(mark, [...(byMark.get(mark) ?? []), family])
}

/** Rows of keys are few, and live as long as they are known: what one hints at is worked out once. */
const hintedBy = new WeakMap<readonly Key[], readonly Family[]>()

/** Families that one of the keys hints at. */
function marked(json: Json): readonly Family[] {
  const sample = Array.isArray(json) ? json[0] : json
  if (sample === null || typeof sample !== 'object' || Array.isArray(sample)) return NONE
  const row = rowOf(sample)
  const known = hintedBy.get(row)
  if (known !== undefined) return known
  const found = familiesOf(Object.keys(sample))
  if (row !== NO_ROW) hintedBy.set(row, found)
  return found
}

function familiesOf(keys: readonly string[]): readonly Family[] {
  const found = new Set<Family>()
  for (const key of keys) for (const family of byMark.get(key) ?? NONE) found.add(family)
  return found.size === 0 ? NONE : [...found]
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
  const isOnline = /(^|[._])status$/i.test(plan.scalar.leaf) ? onlineOf(value) : undefined
  if (isOnline !== undefined) context.tell({ device: plan.scalar.device, available: isOnline })
  return { result: scalarResult(isOnline === undefined ? value : String(isOnline), plan) }
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
