/**
 * Every query of dashboards and alerts, in InfluxQL: InfluxDB 1.x speaks it, 2.x behind a mapping, 3 too. Grafana puts
 * in `$timeFilter`, `$__interval` and the dashboard's variables. These stand in regular expressions, whether one value
 * is chosen, or several, or all, and ask to be escaped for one (`:regex`): left to itself, Grafana does not escape what
 * begins like a number, and a device `1st/lamp` would end the expression.
 *
 * What is built here is run against a real InfluxDB by queries.test.ts.
 */

import { patternOf, type Quantity } from './quantities.ts'

/** Where the bridge writes what. */
export type Measurement = 'reading' | 'trestle' | 'trestle_device'

/** Which fields: the one of this name, or all that match. The latter come as a column each, named `mean_<field>`. */
export type Fields = { readonly name: string } | { readonly pattern: string }

export interface Selection {
  readonly from: Measurement
  readonly fields: Fields
  /** How the values of an interval become one; `last` also takes booleans and texts. */
  readonly by: 'mean' | 'last' | 'max' | 'count' | 'spread'
  readonly where?: readonly string[]
  /** A series for each value of these tags. */
  readonly per?: readonly string[]
}

/** The course of values over time. Intervals without a value are left out, not filled with made-up ones. */
export function course(selection: Selection): string {
  return grouped(selected(selection), selection, ['time($__interval)', ...tags(selection)])
}

/** What most panels ask: a quantity over time, a series a device, of the rooms or of the device that is chosen. */
export function courseOf(quantity: Quantity, of: 'room' | 'device'): string {
  return course({
    from: 'reading',
    fields: fieldsOf(quantity),
    by: 'mean',
    where: [chosen(of)],
    per: ['device'],
  })
}

/** Growth of a counter per second. Some begin anew with a start: falling is not negative growth. */
export function rate(selection: Selection): string {
  const value = `non_negative_derivative(${selected(selection)}, 1s)`
  return grouped(value, selection, ['time($__interval)', ...tags(selection)])
}

/** One value for the whole time range, of each series. */
export function summary(selection: Selection): string {
  return grouped(selected(selection), selection, tags(selection))
}

export interface Standing {
  readonly from: Measurement
  readonly field: string
  /** Of another field that stands beside it, what its last value has to be, such as `< 0`. */
  readonly while: { readonly field: string; readonly is: string }
  readonly per: string
}

/** One value of each series, of its last point, where that is as it has to be. What was so before and is no more, is not. */
export function standing({ from, field, while: { field: beside, is }, per }: Standing): string {
  const newest = `SELECT last("${beside}") AS "${beside}", "${field}" FROM "${from}" WHERE $timeFilter GROUP BY "${per}"`
  return `SELECT "${field}" FROM (${newest}) WHERE "${beside}" ${is} GROUP BY "${per}"`
}

/** Values of a tag, for a variable. */
export function tagValues(from: Measurement, tag: string, where: readonly string[] = []): string {
  const condition = where.length === 0 ? '' : ` WHERE ${where.join(' AND ')}`
  return `SHOW TAG VALUES FROM "${from}" WITH KEY = "${tag}"${condition}`
}

/** Names of all fields, for a variable. */
export function fieldNames(from: Measurement): string {
  return `SHOW FIELD KEYS FROM "${from}"`
}

/** What a variable says about a tag; both have the same name unless told otherwise. */
export function chosen(tag: string, variable = tag): string {
  return `"${tag}" =~ /${oneOf(variable)}/`
}

/** A regular expression for the values that are chosen. */
export function oneOf(variable: string): string {
  return `^\${${variable}:regex}$`
}

/** Not these values of a tag; what lacks the tag stays in. */
export function noneOf(tag: string, values: readonly string[]): string {
  return `"${tag}" !~ /^(?i:${values.join('|')})$/`
}

/** All fields of a quantity, whatever a family calls them. */
function fieldsOf({ words }: Quantity): Fields {
  return { pattern: patternOf(words) }
}

function selected({ by, fields }: Selection): string {
  return `${by}(${'name' in fields ? `"${fields.name}"` : `/${fields.pattern}/`})`
}

function tags({ per = [] }: Selection): string[] {
  return per.map(tag => `"${tag}"`)
}

function grouped(value: string, { from, where = [] }: Selection, groups: readonly string[]): string {
  const condition = [...where, '$timeFilter'].join(' AND ')
  const grouping = groups.length === 0 ? '' : ` GROUP BY ${groups.join(', ')}`
  const fill = groups.some(group => group.startsWith('time(')) ? ' fill(none)' : ''
  return `SELECT ${value} FROM "${from}" WHERE ${condition}${grouping}${fill}`
}
