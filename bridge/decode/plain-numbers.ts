/**
 * What sensors send most: an object of plain numbers with the keys of the last time, `{"temperature":21.5,"ts":1763800000123}`.
 * It is read from the bytes; making a text of them and parsing that took three times as long. Whatever is not exactly
 * that is left to the JSON parser, and what is comes out as by that one.
 */

import type { JsonObject } from './json.ts'
import type { Key } from './keys.ts'

const SPACE = 32
const QUOTE = 34
const COMMA = 44
const MINUS = 45
const DOT = 46
const ZERO = 48
const NINE = 57
const COLON = 58
const OPEN = 123
const CLOSE = 125

/** 10^0 to 10^15 are exact doubles, and so is an integer of 15 digits: dividing one by the other rounds once, correctly. */
const MAX_DIGITS = 15
const POWERS_OF_TEN = Array.from({ length: MAX_DIGITS + 1 }, (_, exponent) => 10 ** exponent)

/** In the order of the keys. Undefined: it is something else. `row`: keys whose names stand in JSON as they are. */
export function parsePlainNumbers(bytes: Uint8Array, row: readonly Key[]): number[] | undefined {
  if (bytes[0] !== OPEN) return undefined
  const numbers: number[] = []
  let at = 1
  for (let i = 0; i < row.length; i++) {
    const { raw } = row[i]!
    if (i > 0 && bytes[at++] !== COMMA) return undefined
    if (bytes[at] === SPACE) at++
    if (bytes[at++] !== QUOTE) return undefined
    for (let c = 0; c < raw.length; c++) if (bytes[at++] !== raw.charCodeAt(c)) return undefined
    if (bytes[at++] !== QUOTE || bytes[at++] !== COLON) return undefined
    if (bytes[at] === SPACE) at++

    const isNegative = bytes[at] === MINUS
    if (isNegative) at++
    const first = at
    let digits = 0
    let pointAt = -1
    for (; ; at++) {
      const byte = bytes[at]!
      if (byte >= ZERO && byte <= NINE) digits = digits * 10 + (byte - ZERO)
      else if (byte === DOT && pointAt < 0) pointAt = at
      else break
    }
    const whole = (pointAt < 0 ? at : pointAt) - first
    const fraction = pointAt < 0 ? 0 : at - pointAt - 1
    // RFC 8259, 6: no number begins or ends with its point, or has a zero before its first digit.
    if (whole === 0 || (fraction === 0 && pointAt >= 0)) return undefined
    if ((whole > 1 && bytes[first] === ZERO) || whole + fraction > MAX_DIGITS) return undefined
    const value = digits / POWERS_OF_TEN[fraction]!
    numbers.push(isNegative ? -value : value)
  }
  return bytes[at] === CLOSE && at + 1 === bytes.length ? numbers : undefined
}

/** What the JSON parser makes of them. */
export function objectOf(row: readonly Key[], numbers: readonly number[]): JsonObject {
  const object: Record<string, number> = {}
  for (let i = 0; i < row.length; i++) object[row[i]!.raw] = numbers[i]!
  return object
}

/** The names stand in JSON as they are, and the object takes them as it does others. */
export function arePlainNumbers(object: JsonObject, row: readonly Key[]): boolean {
  for (const name in object) if (typeof object[name] !== 'number') return false
  return row.length > 0 && row.every(key => key.isPlain)
}
