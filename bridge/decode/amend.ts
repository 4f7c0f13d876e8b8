/** What a rule makes of readings: leaves out, renames, converts, gives units. */

import { matchesGlob } from '../telemetry/globs.ts'
import type { MessageProperties } from '../telemetry/message.ts'
import type { Field, Reading, Tags, Value } from '../telemetry/reading.ts'
import { availabilityOf } from './availability.ts'
import { cleanName, fieldName } from './names.ts'
import type { Rule } from './rules.ts'
import { numberOf } from './scalar.ts'

export function amend(
  readings: readonly Reading[],
  rule: Rule,
  userProperties: MessageProperties['userProperties'] = [],
): Reading[] {
  const added = tagsFrom(userProperties, rule)
  return readings.flatMap(reading => {
    const fields = new Map<string, Field>()
    for (const field of reading.fields) {
      const amended = isWanted(field.name, rule) ? amendField(field, rule) : undefined
      if (amended !== undefined) fields.set(amended.name, amended)
    }
    if (fields.size === 0) return []
    return [
      {
        ...reading,
        measurement: rule.measurement ?? reading.measurement,
        tags: added === null ? reading.tags : { ...reading.tags, ...added },
        fields: [...fields.values()],
      },
    ]
  })
}

/** Null: none. Of a property that comes twice, the first counts. */
function tagsFrom(userProperties: MessageProperties['userProperties'], rule: Rule): Tags | null {
  if (rule.userProperties === undefined || userProperties.length === 0) return null
  const tags: Record<string, string> = {}
  for (const [property, value] of userProperties) {
    const tag = own(rule.userProperties, property)
    if (tag !== undefined && value !== '' && !Object.hasOwn(tags, tag)) tags[tag] = cleanName(value)
  }
  return tags
}

function isWanted(name: string, { ignore, only }: Rule): boolean {
  if (Array.isArray(ignore) && ignore.some(glob => matchesGlob(glob, name))) return false
  return only === undefined || only.some(glob => matchesGlob(glob, name))
}

function amendField(field: Field, rule: Rule): Field | undefined {
  const name = fieldName(own(rule.rename, field.name) ?? field.name)
  const value = convert(field.value, own(rule.types, name))
  if (value === undefined) return undefined
  const unit = own(rule.units, name) ?? field.unit
  return unit === undefined ? { name, value } : { name, value, unit }
}

/** A field may be called `constructor`: what every object has is no setting of the rule. */
function own<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined
}

/** Undefined when the value cannot be of that type. */
function convert(value: Value, type: 'number' | 'text' | 'boolean' | undefined): Value | undefined {
  if (type === undefined) return value
  if (type === 'text') return String(value)
  if (type === 'number') {
    if (typeof value === 'boolean') return value ? 1 : 0
    return typeof value === 'string' ? numberIn(value) : value
  }
  if (typeof value === 'string') return WORDS.get(value.toLowerCase()) ?? availabilityOf(value)
  return typeof value === 'boolean' ? value : Number(value) !== 0
}

/** A declared number may also have leading zeros, or a comma. */
function numberIn(text: string): number | bigint | undefined {
  const plain = text
    .trim()
    .replace(',', '.')
    .replace(/^([+-]?)0+(?=\d)/, '$1')
  return numberOf(plain)
}

const WORDS = new Map([
  ['open', true],
  ['opened', true],
  ['detected', true],
  ['active', true],
  ['motion', true],
  ['locked', true],
  ['closed', false],
  ['close', false],
  ['clear', false],
  ['inactive', false],
  ['no motion', false],
  ['unlocked', false],
])
