/**
 * From a JSON document to readings, by the general rules.
 *
 * An object is one reading: its values become fields, nested ones with their path (`ENERGY.Power.0`). Around
 * them the document may say whose they are (identity), of when (time), in what (unit); and it may wrap them
 * (envelope). An object inside with a time or an identity of its own becomes a reading of its own.
 */

import { fieldClass } from '../telemetry/field-classes.ts'
import type { Field, Reading, Tags, Value } from '../telemetry/reading.ts'
import { identityOf } from './identity.ts'
import type { Json, JsonObject } from './json.ts'
import { rowOf } from './key-rows.ts'
import { type Key, keyOf, NAME_KEYS, NO_KEY, VALUE_KEYS } from './keys.ts'
import { fieldName, MAX_NAME_LENGTH, uniqueName } from './names.ts'
import { isPictureText } from './payload.ts'
import { booleanOf, decimalCommaOf, isNoValue, quantityOf } from './scalar.ts'
import { documentIn, isObject, isOnly, labelOf } from './shape.ts'
import { applyUnits, unitBeside } from './sibling-units.ts'
import type { Subject, Subjects } from './subject.ts'
import { timeOf } from './time.ts'

export interface Document {
  readonly readings: readonly Reading[]
  /** Set when a part was left out: too deep, too many, too long. */
  readonly cut: string | undefined
}

export function readDocument(json: Json, subjects: Subjects, nowUs: number): Document {
  const reader = new Reader(subjects, nowUs)
  reader.read(json)
  return { readings: reader.readings, cut: reader.cut }
}

/** Values and objects looked at in one message: no device has more, and a hostile one must not cost more. */
const MAX_STEPS = 20_000
/** Identity and time stand among the first keys of an object. */
const MAX_SCANNED = 1_000
const MAX_DEPTH = 32
/** What InfluxDB holds in one string. */
export const MAX_TEXT_LENGTH = 64_000

/** A reading while its fields are gathered. */
interface Draft {
  readonly device: string
  readonly tags: Tags
  readonly timeUs: number | null
  readonly fields: Field[]
  /** Two paths may have led to one name: the last wins. */
  mayRepeat: boolean
}

/** What an object says about itself. */
interface Head {
  readonly device: string | undefined
  readonly timeUs: number | null
  /** It may be an envelope, one value, or hold units for others. */
  readonly isSpecial: boolean
}

class Reader {
  readonly readings: Reading[] = []
  cut: string | undefined
  readonly #subject: Subject
  readonly #scalar: Subject
  readonly #nowUs: number
  #steps = 0

  constructor({ object, scalar }: Subjects, nowUs: number) {
    this.#subject = object
    this.#scalar = scalar
    this.#nowUs = nowUs
  }

  read(json: Json): void {
    // A list of plain values is one value with several parts: it belongs where a plain value does.
    const isRow = Array.isArray(json) && !json.some(isObject)
    const { device, tags } = isRow ? this.#scalar : this.#subject
    const head = isObject(json) ? this.#head(json, true, false) : undefined
    const before = isRow ? `${this.#scalar.leaf}.` : this.#subject.prefix
    // What was taken for a part of a device turns out to be the device.
    const prefix = before === `${head?.device}.` ? '' : before
    const draft: Draft = { device, tags, timeUs: null, fields: [], mayRepeat: prefix !== '' }
    if (Array.isArray(json)) this.#list(json, draft, prefix, 0)
    else if (head !== undefined && isObject(json)) this.#object(json, head, draft, prefix, 0)
    this.#close(draft)
  }

  #head(object: JsonObject, mayIdentify: boolean, isListed: boolean): Head {
    const { levels, isShared } = this.#subject
    let timeUs: number | null = null
    let timeRank = Number.POSITIVE_INFINITY
    let device: string | undefined
    let deviceRank = Number.POSITIVE_INFINITY
    let isSpecial = false
    let isNamedByTopic = false
    const row = rowOf(object)
    let scanned = 0
    for (const name in object) {
      if (scanned >= MAX_SCANNED) break
      const key = row[scanned++] ?? keyOf(name)
      if (key.timeRank !== undefined) {
        const time = key.timeRank < timeRank ? timeOf(object[name], this.#nowUs) : null
        if (time !== null) {
          timeUs = time
          timeRank = key.timeRank
        }
      } else if (key.identity !== undefined) {
        if (!mayIdentify) continue
        if (!isListed && object[name] === this.#subject.device) isNamedByTopic = true
        if (key.identityRank >= deviceRank) continue
        const named = identityOf(object[name], key, { levels, isShared, isListed })
        if (named === undefined) continue
        device = named
        deviceRank = key.identityRank
      } else if (timeUs === null && key.isHeader) timeUs = this.#timeIn(object[name])
      isSpecial ||= key.isSpecial
    }
    // Its name in the topic and in the payload: a `device` beside it is another's, such as the receiver's.
    return { device: isNamedByTopic ? undefined : device, timeUs, isSpecial }
  }

  #timeIn(json: Json | undefined): number | null {
    return isObject(json) ? this.#head(json, false, false).timeUs : null
  }

  /** Reads an object into its parent's draft, or into one of its own when it says whose or of when it is. */
  #object(object: JsonObject, head: Head, parent: Draft, prefix: string, depth: number): void {
    const draft = this.#draftFor(head, parent)
    const first = draft.fields.length
    const isOne = head.isSpecial && this.#one(object, draft, prefix, depth)
    if (!isOne) this.#fields(object, draft, prefix, depth)
    if (head.isSpecial && !isOne) applyUnits(object, draft.fields, first, prefix)
    if (draft !== parent) this.#close(draft)
  }

  #draftFor({ device = '', timeUs }: Head, parent: Draft): Draft {
    const isOwn = (timeUs !== null && timeUs !== parent.timeUs) || (device !== '' && device !== parent.device)
    if (!isOwn) return parent
    const { tags, mayRepeat } = parent
    return { device: device || parent.device, tags, timeUs: timeUs ?? parent.timeUs, fields: [], mayRepeat }
  }

  /** An object that is but one value with words about it: `{value, unit, time}`. */
  #one(object: JsonObject, draft: Draft, prefix: string, depth: number): boolean {
    const valueKey = VALUE_KEYS.find(name => object[name] !== undefined)
    if (valueKey === undefined) return false
    for (const name in object) {
      const key = keyOf(name)
      const isBeside =
        key.isAbout || key.timeRank !== undefined || key.identity !== undefined || object[name] === null
      // mqtt-smarthome: beside `val`, objects are about the adapter.
      const isAdapter = valueKey === 'val' && isObject(object[name])
      if (name !== valueKey && !isBeside && !isAdapter) return false
    }
    const value = object[valueKey] ?? null
    const key = keyOf(valueKey)
    if (prefix === this.#subject.prefix) this.#single(object, value, draft, key)
    else if (value !== null && typeof value === 'object') this.#nested(value, draft, prefix, depth)
    else this.#value(value, draft, prefix.slice(0, -1), key, unitBeside(object))
    return true
  }

  /** The whole document is one value: its place is that of a plain value, unless it names its field itself. */
  #single(object: JsonObject, value: Json, draft: Draft, key: Key): void {
    const { leaf, device, tags, prefix } = this.#scalar
    const named = NAME_KEYS.map(name => object[name]).find(isQuantityName)
    const field = named !== undefined && !isQuantityName(leaf) ? prefix + uniqueName(String(named)) : leaf
    const own = draft.device === this.#subject.device ? device : draft.device
    const target: Draft = { device: own, tags, timeUs: draft.timeUs, fields: [], mayRepeat: true }
    if (value !== null && typeof value === 'object')
      this.#nested(value, target, BARE.has(field) ? '' : `${field}.`, 0)
    else this.#value(value, target, field, key, unitBeside(object))
    this.#close(target)
  }

  #fields(object: JsonObject, draft: Draft, prefix: string, depth: number): void {
    const row = rowOf(object)
    let at = 0
    for (const name in object) {
      if (this.#isTooMuch()) return
      const key = row[at++] ?? keyOf(name)
      const value = object[name]
      if (value === null || value === undefined) continue
      if (key.timeRank !== undefined && !isKept(name, key, value, this.#nowUs)) continue
      const isSaid =
        key.identity !== undefined &&
        (names(value, draft.device) || (key.identity === 'strong' && depth === 0))
      if (isSaid) continue
      const field = depth === 0 ? joined(prefix, key.name) : prefix + key.name
      const inner = key.isEnvelope && typeof value === 'string' ? documentIn(value) : value
      if (typeof inner !== 'object') {
        if (key.name !== name) draft.mayRepeat = true
        this.#value(inner, draft, field, key, undefined)
      } else if (name !== '__proto__') {
        const isEnvelope = key.isEnvelope && depth < 3
        this.#nested(inner, draft, isEnvelope ? prefix : `${field}.`, depth, isEnvelope || isOnly(object))
      }
    }
  }

  #nested(
    value: Json[] | JsonObject,
    draft: Draft,
    prefix: string,
    depth: number,
    mayIdentify = false,
  ): void {
    draft.mayRepeat = true
    if (depth >= MAX_DEPTH) this.cut = 'nested too deep'
    else if (Array.isArray(value)) this.#list(value, draft, prefix, depth + 1)
    else this.#object(value, this.#head(value, mayIdentify, false), draft, prefix, depth + 1)
  }

  /** Scalars get their index for a name; objects may name themselves, or say whose or of when they are. */
  #list(list: readonly Json[], draft: Draft, prefix: string, depth: number): void {
    draft.mayRepeat = true
    const isLonely = list.length === 1 && depth === 0
    let areSamples: boolean | undefined
    for (let i = 0; i < list.length; i++) {
      if (this.#isTooMuch()) return
      const entry = list[i]!
      if (entry === null) continue
      if (typeof entry !== 'object') this.#value(entry, draft, `${prefix}${i}`, NO_KEY, undefined)
      else if (Array.isArray(entry)) this.#nested(entry, draft, `${prefix}${i}.`, depth)
      else {
        const head = this.#head(entry, true, true)
        if (this.#named(entry, head, draft, prefix, depth)) continue
        if (head.timeUs !== null && areSamples === undefined) areSamples = this.#areSamples(list)
        const isTold = isLonely || head.device !== undefined || (head.timeUs !== null && areSamples === true)
        this.#object(entry, head, draft, isTold ? prefix : `${prefix}${labelOf(entry) ?? i}.`, depth + 1)
      }
    }
  }

  /** Entries of one time that say the same things are parts, and only their indices tell them apart. */
  #areSamples([first, second]: readonly Json[]): boolean {
    if (!isObject(first) || !isObject(second)) return true
    if (this.#head(first, true, true).timeUs !== this.#head(second, true, true).timeUs) return true
    return !Object.keys(first).some(name => {
      const key = keyOf(name)
      return name in second && key.timeRank === undefined && !key.isEnvelope
    })
  }

  /** An entry of a list of `{name, value}`. */
  #named(entry: JsonObject, head: Head, parent: Draft, prefix: string, depth: number): boolean {
    const valueKey = VALUE_KEYS.find(name => entry[name] !== undefined)
    const nameKey = valueKey && NAME_KEYS.find(name => typeof entry[name] === 'string' && entry[name] !== '')
    if (nameKey === undefined || valueKey === undefined) return false
    // What is of bad quality, as gateways of industry mark it, is no reading.
    if (entry.q === false || entry.quality === 'bad') return true
    const device = nameKey === 'id' ? undefined : head.device
    const draft = this.#draftFor({ ...head, device }, parent)
    const first = draft.fields.length
    this.#fields({ [String(entry[nameKey])]: entry[valueKey] ?? null }, draft, prefix, depth + 1)
    const unit = unitBeside(entry)
    const only = draft.fields[first]
    if (unit !== undefined && only !== undefined) draft.fields[first] = { ...only, unit }
    if (draft !== parent) this.#close(draft)
    return true
  }

  #value(
    value: string | number | boolean | bigint | null,
    draft: Draft,
    name: string,
    key: Key,
    unit: string | undefined,
  ): void {
    if (value === null) return
    const known = this.#subject.known?.get(name)
    let kept: Value = value
    let own = unit ?? key.unit
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return
    } else if (typeof value === 'string') {
      if (!key.isText && known?.isText !== true) {
        const quantity = quantityOf(value)
        kept = quantity?.value ?? booleanOf(value) ?? commaNumber(value, name) ?? value
        own ??= quantity?.unit
      }
      if (typeof kept === 'string' && !this.#isText(kept)) return
    }
    own = known?.unit ?? own
    if (own === undefined && typeof kept === 'number') own = this.#subject.usualUnit?.(name)
    const short = name.length > MAX_NAME_LENGTH ? uniqueName(name) : fieldName(name)
    if (short !== name) draft.mayRepeat = true
    draft.fields.push(
      own === undefined ? { name: short, value: kept } : { name: short, value: kept, unit: own },
    )
  }

  #isText(text: string): boolean {
    if (isNoValue(text) || !text.isWellFormed() || (text.length > 256 && isPictureText(text))) return false
    if (text.length <= MAX_TEXT_LENGTH) return true
    this.cut = 'text too long'
    return false
  }

  #isTooMuch(): boolean {
    if (++this.#steps <= MAX_STEPS) return false
    this.cut = 'too many values'
    return true
  }

  #close({ device, tags, timeUs, fields, mayRepeat }: Draft): void {
    if (fields.length === 0) return
    const kept = mayRepeat && fields.length > 1 ? lastOfEach(fields) : fields
    this.readings.push({ device, measurement: 'reading', tags, fields: kept, timeUs })
  }
}

/** Field names that say nothing before those of an object's. */
const BARE = new Set(['value', 'state', 'values', 'data'])

/** The device's own name, as it came. */
function names(value: Json, device: string): boolean {
  return value === device || (typeof value === 'string' && uniqueName(value) === device)
}

function isQuantityName(text: Json | undefined): boolean {
  return typeof text === 'string' && fieldClass(text) !== undefined
}

/** `climate/temperature` with `{"temperature":21}`: said once is enough. */
function joined(prefix: string, name: string): string {
  if (prefix === '') return name
  return prefix === `${name}.` || prefix.endsWith(`.${name}.`) ? prefix.slice(0, -1) : prefix + name
}

/** A time key whose value is no time may still be a duration (`"time":12.5`), or `t` a temperature. */
function isKept(name: string, key: Key, value: Json, nowUs: number): boolean {
  if (typeof value === 'object') return true
  if (!key.isAmbiguousTime || timeOf(value, nowUs) !== null) return false
  const quantity = typeof value === 'string' ? quantityOf(value)?.value : value
  if (typeof quantity !== 'number' || Math.abs(quantity) >= 1e8) return false
  return quantity > 0 || name === 't' || name === 'T'
}

/** `"21,4"`, where the name says that it is a quantity. */
function commaNumber(text: string, name: string): number | undefined {
  return text.includes(',') && isQuantityName(name) ? decimalCommaOf(text) : undefined
}

function lastOfEach(fields: readonly Field[]): Field[] {
  return [...new Map(fields.map(field => [field.name, field])).values()]
}
