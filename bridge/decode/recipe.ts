/**
 * What an object of plain numbers says, where its keys alone settle that: which of them is the time, and what the others
 * are called. Worked out once for a row of keys; reading each object anew by the general rules took three times as long.
 */

import type { Field, Reading } from '../telemetry/reading.ts'
import type { Key } from './keys.ts'
import { fieldName, MAX_NAME_LENGTH } from './names.ts'
import type { Subject } from './subject.ts'
import { timeOf } from './time.ts'

export interface Recipe {
  /** Which of the numbers is the time; -1: none. */
  readonly timeAt: number
  readonly fields: readonly {
    readonly at: number
    readonly name: string
    /** What others call it: what is known of it goes by that. */
    readonly told: string
    readonly unit: string | undefined
  }[]
}

/** Null: it takes the general rules, which look at values, too. */
export function recipeOf(row: readonly Key[]): Recipe | null {
  const isPlain = ({ isSpecial, identity, name }: Key) =>
    !isSpecial && identity === undefined && name.length <= MAX_NAME_LENGTH
  const times = row.filter(key => key.timeRank !== undefined)
  if (!row.every(isPlain) || times.length > 1) return null
  const fields = row.flatMap((key, at) =>
    key.timeRank === undefined ? [{ at, name: fieldName(key.name), told: key.name, unit: key.unit }] : [],
  )
  const names = new Set(fields.map(({ name }) => name))
  if (fields.length === 0 || names.size < fields.length) return null
  return { timeAt: row.findIndex(key => key.timeRank !== undefined), fields }
}

/** The same as by the general rules. Undefined: what should be the time is none, and they decide what else it is. */
export function readByRecipe(
  { timeAt, fields }: Recipe,
  numbers: readonly number[],
  { device, tags, known, usualUnit }: Subject,
  nowUs: number,
): Reading | undefined {
  const timeUs = timeAt < 0 ? null : timeOf(numbers[timeAt], nowUs)
  if (timeAt >= 0 && timeUs === null) return undefined
  const read = fields.map(({ at, name, told, unit: own }): Field => {
    const value = numbers[at]!
    const unit = known?.get(told)?.unit ?? own ?? usualUnit?.(told)
    return unit === undefined ? { name, value } : { name, value, unit }
  })
  return { device, measurement: 'reading', tags, fields: read, timeUs }
}
