/** Looks into documents whose shape nobody promised. */

import { type Json, type JsonObject, parseJson } from './json.ts'
import { uniqueName } from './names.ts'

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

/** An empty object for anything else. */
export function objectOf(json: Json | undefined): JsonObject {
  return isObject(json) ? json : {}
}

export function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? json : []
}

/** A text with something in it, or undefined. */
export function textOf(json: Json | undefined): string | undefined {
  return typeof json === 'string' && json !== '' ? json : undefined
}

/** A wrapper of one key: what it holds is the message. */
export function isOnly(object: JsonObject): boolean {
  let count = 0
  for (const _ in object) if (++count > 1) return false
  return true
}

/** What tells an entry from its neighbours better than its index. */
export function labelOf({ id, name }: JsonObject): string | undefined {
  const label = id ?? name
  if (typeof label === 'number') return String(label)
  return typeof label === 'string' && label !== '' && label.length <= 64 ? uniqueName(label) : undefined
}

/** `"payload":"{\"temp\":21}"`: a document packed into a text; anything else stays the text that it is. */
export function documentIn(text: string): string | Json[] | JsonObject {
  const json = text.startsWith('{') || text.startsWith('[') ? parseJson(text) : undefined
  return json !== null && typeof json === 'object' ? json : text
}
