/**
 * Which fields of a device share a lane. Lanes, not axes: fields of one unit share one, another unit makes
 * another. Switches and words are rails below.
 */

import type { Field } from '../data/fleet.ts'
import { asSwitch, isDiagnostic } from '../words/fields.ts'

export interface Series {
  readonly field: Field
  /** 1 to 6: a field keeps its colour for as long as it is shown. */
  readonly color: number
}

export type Lane =
  | {
      readonly kind: 'lines'
      readonly unit: string | null
      readonly series: readonly Series[]
      readonly height: number
    }
  | { readonly kind: 'switch' | 'words'; readonly field: Field; readonly height: number }

const MOST_SERIES = 4
const COLORS = 6
/** Longer texts are not states but remarks. */
const LONGEST_WORD = 20
/** So many fields are charted unless a person chooses. */
const MOST_BY_DEFAULT = 10
const RAIL_HEIGHT = 26

/** What is charted unless the address names fields: what is about the room, not about the device. */
export function fieldsByDefault(ranked: readonly Field[]): readonly Field[] {
  const charted = ranked.filter(field => isChartable(field) && !isDiagnostic(field))
  return (charted.length > 0 ? charted : ranked.filter(isChartable)).slice(0, MOST_BY_DEFAULT)
}

export function isChartable(field: Field): boolean {
  return field.value !== null && (typeof field.value !== 'string' || field.value.length <= LONGEST_WORD)
}

export function lanesOf(fields: readonly Field[]): readonly Lane[] {
  const numbers = fields.filter(field => typeof field.value === 'number')
  const groups: { unit: string | null; series: Series[] }[] = []
  for (const [at, field] of numbers.entries()) {
    const series = { field, color: (at % COLORS) + 1 }
    // Without a unit nothing says that two fields are of one kind.
    const open = groups.find(
      group => group.unit !== null && group.unit === field.unit && group.series.length < MOST_SERIES,
    )
    if (open) open.series.push(series)
    else groups.push({ unit: field.unit, series: [series] })
  }
  const lines = groups.map(
    ({ unit, series }, at): Lane => ({
      kind: 'lines',
      unit,
      series,
      height: heightOf(series.length, at, groups.length),
    }),
  )
  const rails = fields
    .filter(field => field.value !== null && typeof field.value !== 'number')
    .map(
      (field): Lane => ({
        kind: asSwitch(field, field.value!) === null ? 'words' : 'switch',
        field,
        height: RAIL_HEIGHT,
      }),
    )
  return [...lines, ...rails]
}

function heightOf(series: number, at: number, lanes: number): number {
  if (lanes === 1) return 260
  if (series >= 2 || lanes === 2) return 176
  return at === 0 ? 132 : lanes > 4 ? 88 : 116
}
