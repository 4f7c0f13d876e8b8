/** Looks into documents whose shape nobody promised. */

import type { Json, JsonObject } from './json.ts'

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
