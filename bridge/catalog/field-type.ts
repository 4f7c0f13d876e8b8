/**
 * A field keeps the type that it was first stored with: stores refuse a point whose field changes its type (InfluxDB:
 * "field type conflict", with the whole point). A value that fits without loss is converted; another goes to a text
 * field beside it, exact.
 */

import type { Value } from '../telemetry/reading.ts'

export type FieldType = 'number' | 'boolean' | 'text'
/** As stored: no bigint, no NaN. */
export type StoredValue = number | boolean | string

export function typeOfValue(value: Value): FieldType {
  switch (typeof value) {
    case 'number':
      return 'number'
    case 'boolean':
      return 'boolean'
    default:
      return 'text'
  }
}

/** Null: the value does not fit the type without loss. */
export function convert(value: Value, type: FieldType): StoredValue | null {
  switch (type) {
    case 'number':
      return toNumber(value)
    case 'boolean':
      if (typeof value === 'boolean') return value
      return value === 0 || value === 1 ? value === 1 : null
    case 'text':
      return String(value)
  }
}

function toNumber(value: Value): number | null {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  const number = Number(value)
  return Number.isFinite(number) && String(number) === String(value) ? number : null
}
