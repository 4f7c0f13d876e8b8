/**
 * What a text says: a number (with its unit), a boolean, a text, or nothing.
 *
 * Not everything that starts like a number is one: `192.168.1.23`, `2024-11-03`, `2024.6.4`, `14:36` and
 * `00049000012345` stay texts. A number is what a person would write as one.
 */

import type { Value } from '../telemetry/reading.ts'
import { spellUnit, unitAfterNumber } from '../telemetry/units.ts'

export interface Scalar {
  readonly value: Value
  readonly unit?: string
}

const BOOLEANS = new Map([
  ['ON', true],
  ['OFF', false],
  ['on', true],
  ['off', false],
  ['On', true],
  ['Off', false],
  ['true', true],
  ['false', false],
  ['True', true],
  ['False', false],
  ['TRUE', true],
  ['FALSE', false],
])

/** ON/OFF, true/false. `online` is left to topics that speak of availability: elsewhere it is one of several states. */
export function booleanOf(text: string): boolean | undefined {
  return text.length <= 5 ? BOOLEANS.get(text) : undefined
}

/** How firmwares and gateways say that there is no value at the moment. */
const NO_VALUES = new Set([
  '',
  'nan',
  '-nan',
  'inf',
  '-inf',
  '+inf',
  'infinity',
  '-infinity',
  'null',
  'none',
  'nil',
  'undefined',
  'unknown',
  'unavailable',
  'n/a',
  'na',
  '-',
  '--',
  '---',
])

export function isNoValue(text: string): boolean {
  // `NONE` in capitals is one of several states, `None` is Python's nothing.
  return text.length <= 11 && text !== 'NONE' && NO_VALUES.has(text.trim().toLowerCase())
}

/** Longest text worth trying as a number: the digits of a double in full, and a unit. */
const MAX_NUMBER_LENGTH = 64

/**
 * A number in plain decimal form, `undefined` for anything else. Integers beyond 2^53 come as bigint.
 * Leading zeros mean an identifier, and `12e45678` is rather a serial number than a number.
 */
export function numberOf(text: string): number | bigint | undefined {
  const end = endOfNumber(text)
  return end === text.length && end > 0 ? toNumber(text) : undefined
}

function toNumber(text: string): number | bigint | undefined {
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  if (Number.isInteger(value) && !Number.isSafeInteger(value) && isDigits(text)) return BigInt(text)
  return value
}

function isDigits(text: string): boolean {
  return /^-?\d+$/.test(text)
}

/** Where the number at the start of the text ends; 0 when it does not start with one. */
function endOfNumber(text: string): number {
  if (text.length > MAX_NUMBER_LENGTH) return 0
  let i = 0
  const first = text.charCodeAt(0)
  if (first === 43 || first === 45) i = 1
  const start = i
  while (isDigitAt(text, i)) i++
  const whole = i - start
  if (whole > 1 && text.charCodeAt(start) === 48) return 0
  let fraction = 0
  if (text.charCodeAt(i) === 46) {
    let j = i + 1
    while (isDigitAt(text, j)) j++
    fraction = j - i - 1
    if (whole + fraction === 0) return 0
    i = j
  }
  if (whole + fraction === 0) return 0
  return endOfExponent(text, i, fraction > 0)
}

function endOfExponent(text: string, at: number, hasFraction: boolean): number {
  const e = text.charCodeAt(at)
  if (e !== 101 && e !== 69) return at
  const sign = text.charCodeAt(at + 1)
  const hasSign = sign === 43 || sign === 45
  let j = at + (hasSign ? 2 : 1)
  const digits = j
  while (isDigitAt(text, j)) j++
  return j > digits && j - digits <= (hasSign || hasFraction ? 3 : 2) ? j : at
}

function isDigitAt(text: string, i: number): boolean {
  const code = text.charCodeAt(i)
  return code >= 48 && code <= 57
}

/** `21.5 °C`, `54.3%`: a number and a known unit, and nothing else. */
export function quantityOf(text: string): Scalar | undefined {
  const end = endOfNumber(text)
  if (end === 0 || text.length - end > 12) return undefined
  if (end === text.length) {
    const value = toNumber(text)
    return value === undefined ? undefined : { value }
  }
  const unit = unitAfterNumber(text.slice(end).trim())
  const value = unit === undefined ? undefined : toNumber(text.slice(0, end))
  return value === undefined || unit === undefined ? undefined : { value, unit: spellUnit(unit) ?? unit }
}

const DECIMAL_COMMA = /^[+-]?\d{1,9},\d{1,2}$/

/** `21,5`. Three digits after the comma would be thousands as likely as a fraction. */
export function decimalCommaOf(text: string): number | undefined {
  return DECIMAL_COMMA.test(text) ? Number(text.replace(',', '.')) : undefined
}

/** A whole payload that is a text: what it says, or undefined when it says that there is no value. */
export function scalarOf(text: string): Scalar | undefined {
  if (isNoValue(text)) return undefined
  const flag = booleanOf(text)
  if (flag !== undefined) return { value: flag }
  const quantity = quantityOf(text)
  if (quantity !== undefined) return quantity
  return { value: decimalCommaOf(text) ?? text }
}
