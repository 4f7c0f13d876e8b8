/**
 * InfluxDB line protocol as this bridge writes it, and its strict reader.
 *
 *     measurement,tag=value,tag=value field=value,field=value 1763800000123456000\n
 *     `---------- head ----------´ `------- fields --------´ `-- nanoseconds --´
 *
 * - In names a backslash escapes only a following comma, space or (not in measurements) equals sign; elsewhere
 *   it stands for itself. A name can therefore not end in a backslash, and holds no newline: either would run
 *   into what follows. The escape functions replace what cannot be written.
 * - In strings a backslash escapes `"` and `\`. A newline stands there raw, so a line may span several rows:
 *   whoever cuts lines must know about quotes (`splitLines`).
 * - `time` is no name for a tag or a field. A line needs its timestamp.
 */

import type { Tags, Value } from '../telemetry/reading.ts'

/** One field of one series. The parser hands out the same object every time, so that it can key a map. */
export interface SeriesField {
  readonly measurement: string
  /** All tags of the line, in its order; `device` is one of them. */
  readonly tags: Tags
  readonly field: string
}

/** Sees every value of every line, in order. Microseconds since the epoch; what a line says below that is cut. */
export type Visit = (field: SeriesField, value: Value, timeUs: number) => void

export type Parsed =
  | { readonly ok: true; readonly lines: number }
  /** The line at byte `offset` is malformed; lines before it were visited. */
  | { readonly ok: false; readonly reason: string; readonly offset: number }

// Bytes that a name cannot carry: control characters, and a backslash where it would escape what follows.
// `\"` counts too: InfluxDB unescapes it in field names.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNWRITABLE = /[\0-\x1f\x7f]|\\(?=[,= "]|$)/g

/** The nearest name that line protocol can carry: itself, unless it was not cleaned. Never empty. */
export function writableName(name: string): string {
  const writable = name.replace(UNWRITABLE, '_')
  return writable === '' ? '_' : writable
}

/** A line that starts with `#` would be a comment. */
export function escapeMeasurement(name: string): string {
  return writableName(name).replace(/^#/, '_').replace(/[, ]/g, '\\$&')
}

/** For the names of tags and fields. InfluxDB refuses `time`. */
export function escapeName(name: string): string {
  return name === 'time' ? 'time_' : escapeTagValue(name)
}

export function escapeTagValue(value: string): string {
  return writableName(value).replace(/[,= ]/g, '\\$&')
}

/** A string field's value, with its quotes. */
export function escapeString(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Each line with its newline, sharing the memory of `lines`. Ends lines exactly where InfluxDB does. */
export function splitLines(lines: Uint8Array): Uint8Array[] {
  const split: Uint8Array[] = []
  for (let start = 0; start < lines.length; ) {
    const end = endOfLine(lines, start)
    split.push(lines.subarray(start, end))
    start = end
  }
  return split
}

const NEWLINE = 10
const SPACE = 32
const QUOTE = 34
const COMMA = 44
const MINUS = 45
const DOT = 46
const ZERO = 48
const NINE = 57
const EQUALS = 61
const BACKSLASH = 92

function endOfLine(bytes: Uint8Array, start: number): number {
  let isInFields = false
  let isQuoted = false
  // A quote opens a string only right of an equals sign; in a name it is a character like any other.
  let isValue = false
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH && at + 2 < bytes.length) at++
    else if (isQuoted) isQuoted = byte !== QUOTE
    else if (byte === NEWLINE) return at + 1
    else if (byte === SPACE) isInFields = true
    else if (isInFields && byte === EQUALS) isValue = true
    else if (isInFields && byte === COMMA) isValue = false
    else if (isValue && byte === QUOTE) isQuoted = true
  }
  return bytes.length
}

/** What came before the fields of a line, parsed once and found again by its bytes. */
interface Head {
  readonly measurement: string
  readonly tags: Tags
  /** In the order of first sight, which most lines repeat. */
  readonly fields: KnownField[]
  readonly fieldsByKey: Map<string, KnownField>
}

interface KnownField {
  readonly index: number
  /** The escaped name and the equals sign, a character per byte. */
  readonly key: string
  readonly field: SeriesField
}

/** Bounds the memory of one parser, to some 500 MB: past so many heads and fields it begins anew. */
const MAX_KNOWN = 2_000_000
/** 10^0 to 10^22 are exact doubles: dividing an integer below 2^53 by one of them rounds once, correctly. */
const POWERS_OF_TEN = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent)
const MAX_EXACT_DIGITS = 15
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const INTEGER = /^-?\d+i$/
const MAX_INT64 = 2n ** 63n - 1n
const TRUE = new Set(['t', 'T', 'true', 'True', 'TRUE'])
const FALSE = new Set(['f', 'F', 'false', 'False', 'FALSE'])

const NOTHING = Buffer.alloc(0)

class Malformed extends Error {}

/**
 * Reads many lines, at 0.4 µs for one of three fields: a head and its field names are decoded once and found
 * again by their bytes, numbers are read from the bytes.
 */
export class LineParser {
  readonly #heads = new Map<string, Head>()
  #known = 0
  #bytes: Buffer = NOTHING
  #at = 0
  // The fields of the line at hand: they wait for its timestamp.
  readonly #fields: SeriesField[] = []
  readonly #values: Value[] = []

  /** Stops at the first malformed line. `visit` may keep the fields that it is given. */
  parse(lines: Uint8Array, visit: Visit): Parsed {
    const bytes = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength)
    this.#bytes = bytes
    this.#at = 0
    let start = 0
    let count = 0
    try {
      for (; start < bytes.length; start = this.#at) {
        const fields = this.#parseFields(this.#parseHead())
        const timeUs = this.#parseTimeUs()
        for (let i = 0; i < fields; i++) visit(this.#fields[i]!, this.#values[i]!, timeUs)
        count++
      }
      return { ok: true, lines: count }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      const line = bytes.toString('utf8', start, Math.min(endOfLine(bytes, start), start + 200)).trimEnd()
      return { ok: false, reason: `unable to parse '${line}': ${error.message}`, offset: start }
    } finally {
      this.#bytes = NOTHING
    }
  }

  #parseHead(): Head {
    const bytes = this.#bytes
    const start = this.#at
    let end = bytes.indexOf(SPACE, start)
    while (end > start && bytes[end - 1] === BACKSLASH) end = bytes.indexOf(SPACE, end + 1)
    if (end < 0) throw new Malformed('missing fields')
    this.#at = end + 1
    // One byte a character: any bytes make a string that only they make.
    const key = bytes.toString('latin1', start, end)
    const known = this.#heads.get(key)
    if (known) return known
    const head = decodeHead(bytes.toString('utf8', start, end))
    this.#remember()
    this.#heads.set(key, head)
    return head
  }

  #remember(): void {
    if (++this.#known <= MAX_KNOWN) return
    this.#heads.clear()
    this.#known = 1
  }

  /** Their number; they are in `#fields` and `#values`. */
  #parseFields(head: Head): number {
    const bytes = this.#bytes
    let expected = 0
    for (let count = 0; ; ) {
      const { index, field } = this.#parseKey(head, expected)
      this.#fields[count] = field
      this.#values[count] = this.#parseValue()
      count++
      expected = index + 1
      const next = bytes[this.#at++]
      if (next === SPACE) return count
      if (next !== COMMA) throw new Malformed(next === NEWLINE ? 'missing timestamp' : 'invalid field format')
    }
  }

  #parseKey(head: Head, expected: number): KnownField {
    const bytes = this.#bytes
    const start = this.#at
    const likely = head.fields[expected]
    if (likely) {
      const { key } = likely
      let length = 0
      while (length < key.length && bytes[start + length] === key.charCodeAt(length)) length++
      if (length === key.length) {
        this.#at = start + length
        return likely
      }
    }
    let end = bytes.indexOf(EQUALS, start)
    while (end > start && bytes[end - 1] === BACKSLASH) end = bytes.indexOf(EQUALS, end + 1)
    if (end <= start) throw new Malformed('missing field name')
    this.#at = end + 1
    const key = bytes.toString('latin1', start, end + 1)
    const known = head.fieldsByKey.get(key)
    if (known) return known
    const name = decodeKey(bytes.toString('utf8', start, end))
    const added = {
      index: head.fields.length,
      key,
      field: { measurement: head.measurement, tags: head.tags, field: name },
    }
    this.#remember()
    head.fields.push(added)
    head.fieldsByKey.set(key, added)
    return added
  }

  #parseValue(): Value {
    const bytes = this.#bytes
    const start = this.#at
    if (bytes[start] === QUOTE) return this.#parseString()
    const isNegative = bytes[start] === MINUS
    let at = isNegative ? start + 1 : start
    const firstDigit = at
    let digits = 0
    let pointAt = -1
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte >= ZERO && byte <= NINE) digits = digits * 10 + (byte - ZERO)
      else if (byte === DOT && pointAt < 0 && at > firstDigit) pointAt = at
      else break
    }
    const end = bytes[at]
    const length = at - firstDigit
    if (length > 0 && length <= MAX_EXACT_DIGITS && (end === SPACE || end === COMMA)) {
      this.#at = at
      const value = pointAt < 0 ? digits : digits / POWERS_OF_TEN[at - pointAt - 1]!
      return isNegative ? -value : value
    }
    return this.#parseWord()
  }

  /** Whatever is not a plain short number. */
  #parseWord(): number | boolean | bigint {
    const bytes = this.#bytes
    const start = this.#at
    let end = start
    while (end < bytes.length && bytes[end] !== COMMA && bytes[end] !== SPACE && bytes[end] !== NEWLINE) end++
    this.#at = end
    const word = bytes.toString('latin1', start, end)
    if (word === '') throw new Malformed('missing field value')
    if (TRUE.has(word)) return true
    if (FALSE.has(word)) return false
    if (INTEGER.test(word)) return decodeInteger(word.slice(0, -1))
    const value = Number(word)
    if (!NUMBER.test(word) || !Number.isFinite(value)) throw new Malformed('invalid number')
    return value
  }

  #parseString(): string {
    const bytes = this.#bytes
    const start = this.#at + 1
    let isEscaped = false
    let end = start
    for (; end < bytes.length && bytes[end] !== QUOTE; end++) {
      if (bytes[end] !== BACKSLASH) continue
      isEscaped = true
      end++
    }
    if (end >= bytes.length) throw new Malformed('unbalanced quotes')
    this.#at = end + 1
    const text = bytes.toString('utf8', start, end)
    return isEscaped ? text.replace(/\\(["\\])/g, '$1') : text
  }

  /** By its digits, all but the last three: a double would not hold the nanoseconds. */
  #parseTimeUs(): number {
    const bytes = this.#bytes
    const start = this.#at
    let end = start
    while (end < bytes.length && bytes[end]! >= ZERO && bytes[end]! <= NINE) end++
    if (end === start || end - start > 19 || (end < bytes.length && bytes[end] !== NEWLINE)) {
      throw new Malformed('bad timestamp')
    }
    let timeUs = 0
    for (let at = start; at < end - 3; at++) timeUs = timeUs * 10 + (bytes[at]! - ZERO)
    if (timeUs > Number.MAX_SAFE_INTEGER) throw new Malformed('time outside range')
    this.#at = end + 1
    return timeUs
  }
}

function decodeHead(head: string): Head {
  if (head.includes('\n')) throw new Malformed('missing fields')
  const [measurement, ...pairs] = head.split(/(?<!\\),/)
  if (!measurement || measurement.startsWith('#')) throw new Malformed('missing measurement')
  const tags = pairs.map(decodeTag)
  if (new Set(tags.map(([name]) => name)).size < tags.length) throw new Malformed('duplicate tags')
  return {
    measurement: measurement.replace(/\\([, ])/g, '$1'),
    tags: Object.fromEntries(tags),
    fields: [],
    fieldsByKey: new Map(),
  }
}

function decodeTag(pair: string): [name: string, value: string] {
  const [name, value, ...more] = pair.split(/(?<!\\)=/)
  if (!name) throw new Malformed('missing tag name')
  if (!value) throw new Malformed('missing tag value')
  if (more.length > 0) throw new Malformed('invalid tag format')
  return [decodeKey(name), decodeName(value)]
}

function decodeKey(escaped: string): string {
  if (escaped === 'time') throw new Malformed("'time' is no name for a tag or field")
  return decodeName(escaped)
}

function decodeName(escaped: string): string {
  if (escaped.includes('\n')) throw new Malformed('missing field value')
  if (/(?<!\\)[, ]/.test(escaped)) throw new Malformed('invalid field format')
  return escaped.replace(/\\([,= ])/g, '$1')
}

function decodeInteger(digits: string): number | bigint {
  const exact = BigInt(digits)
  if (exact > MAX_INT64 || exact < -MAX_INT64 - 1n) throw new Malformed('integer outside range')
  const value = Number(exact)
  return Number.isSafeInteger(value) ? value : exact
}
