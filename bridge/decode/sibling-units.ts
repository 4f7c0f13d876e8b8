/** Units that stand beside the values they are for: `unit`, `temperature_unit`, Tasmota's `TempUnit`. */

import { fieldClass } from '../telemetry/field-classes.ts'
import type { Field } from '../telemetry/reading.ts'
import { spellUnit } from '../telemetry/units.ts'
import type { JsonObject } from './json.ts'
import { keyOf } from './keys.ts'

const UNIT_KEYS = ['unit', 'units', 'uom', 'u', 'unit_of_measurement', 'unitName', 'Unit', 'Units'] as const

/** The unit of an object that is one value. */
export function unitBeside(object: JsonObject): string | undefined {
  const unit = UNIT_KEYS.map(name => object[name]).find(text => typeof text === 'string')
  return typeof unit === 'string' ? spellUnit(unit) : undefined
}

/**
 * Gives units to the object's fields, which stand in `fields` from `first` on: to the one that the key names,
 * else to all of that kind; a bare `unit` also to an only number.
 */
export function applyUnits(object: JsonObject, fields: Field[], first: number, prefix: string): void {
  for (const name in object) {
    const stem = keyOf(name).unitOf
    const text = object[name]
    if (stem === undefined || typeof text !== 'string') continue
    const unit = spellUnit(text)
    if (unit === undefined) continue
    const fits = fitting(stem, unit, fields.slice(first), prefix)
    for (let i = first; i < fields.length; i++) {
      const field = fields[i]!
      if (typeof field.value === 'number' && field.unit === undefined && fits(field))
        fields[i] = { ...field, unit }
    }
  }
}

function fitting(
  stem: string,
  unit: string,
  fields: readonly Field[],
  prefix: string,
): (field: Field) => boolean {
  const numbers = fields.filter(field => typeof field.value === 'number')
  if (stem !== '' && numbers.some(field => field.name === prefix + stem))
    return field => field.name === prefix + stem
  if (stem === '' && numbers.length === 1) return () => true
  const kind = stem === '' ? fieldClass('', unit) : fieldClass(stem)
  return field => kind !== undefined && fieldClass(field.name) === kind
}
