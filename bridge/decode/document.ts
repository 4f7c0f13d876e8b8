/**
 * From a JSON document to readings, by the general rules.
 *
 * An object is one reading: its values become fields, nested ones with their path (`ENERGY.Power.0`). Around
 * them the document may say whose they are (identity), of when (time), in what (unit); and it may wrap them
 * (envelope). An object inside with a time or an identity of its own becomes a reading of its own.
 */

import { fieldClass } from '../telemetry/field-classes.ts'
import type { Field, Reading, Tags, Value } from '../telemetry/reading.ts'
import { spellUnit } from '../telemetry/units.ts'
import type { Json, JsonObject } from './json.ts'
import { type Key, keyOf, NAME_KEYS, VALUE_KEYS } from './keys.ts'
import { cleanName } from './names.ts'
import { booleanOf, isNoValue, quantityOf } from './scalar.ts'
import { isObject } from './shape.ts'
import { isAmbiguousTime, timeOf } from './time.ts'

/** What is known about the fields of a topic beforehand, by field name. */
export type KnownFields = ReadonlyMap<
  string,
  { readonly unit?: string | undefined; readonly isText?: boolean }
>

/** Whose document it is. */
export interface Subject {
  readonly device: string
  readonly tags: Tags
  /** Before every field name: '' or `relay.0.`. */
  readonly prefix: string
  /** The field of a document that is but one value. */
  readonly leaf: string
  readonly isShared: boolean
  readonly levels: readonly string[]
  readonly known: KnownFields | undefined
}

/** No device has more; a message with more is cut, and said to be. */
const MAX_FIELDS = 10_000
const MAX_DEPTH = 32
/** What InfluxDB holds in one string. */
export const MAX_TEXT_LENGTH = 64_000

export interface Document {
  readonly readings: readonly Reading[]
  /** Set when a part was left out: too deep, too many, too long. */
  readonly cut: string | undefined
}

/** Whose an object's fields are, and whose a document that is but one value. */
export interface Subjects {
  readonly object: Subject
  readonly scalar: Subject
}

export function readDocument(json: Json, subjects: Subjects, nowUs: number): Document {
  const reader = new Reader(subjects, nowUs)
  reader.read(json)
  return { readings: reader.readings, cut: reader.cut }
}

interface Draft {
  readonly device: string
  readonly timeUs: number | null
  readonly fields: Field[]
  /** Two paths may have led to one name: the last wins. */
  mayRepeat: boolean
}

class Reader {
  readonly readings: Reading[] = []
  cut: string | undefined
  readonly #subject: Subject
  readonly #scalar: Subject
  readonly #nowUs: number
  #count = 0

  constructor({ object, scalar }: Subjects, nowUs: number) {
    this.#subject = object
    this.#scalar = scalar
    this.#nowUs = nowUs
  }

  read(json: Json): void {
    const { device, prefix } = this.#subject
    const draft: Draft = { device, timeUs: null, fields: [], mayRepeat: prefix !== '' }
    if (Array.isArray(json)) this.#array(json, draft, prefix, 0, true)
    else if (json !== null && typeof json === 'object') this.#object(json, draft, prefix, 0, true)
    this.#close(draft)
  }

  /** Reads an object into the draft, or into one of its own when it says whose or of when it is. */
  #object(object: JsonObject, parent: Draft, prefix: string, depth: number, isEntry: boolean): void {
    let timeUs: number | null = null
    let timeRank = Number.POSITIVE_INFINITY
    let device: string | undefined
    let deviceRank = 4
    let isSpecial = false
    for (const name in object) {
      const key = keyOf(name)
      if (key.timeRank !== undefined && key.timeRank < timeRank) {
        const time = timeOf(object[name], this.#nowUs)
        if (time !== null) {
          timeUs = time
          timeRank = key.timeRank
        }
      } else if (key.identity !== undefined && isEntry && key.identityRank < deviceRank) {
        const named = this.#identity(object[name], key, depth > 0)
        if (named !== undefined) {
          device = named
          deviceRank = key.identityRank
        }
      } else if (timeUs === null && HEADERS.has(name)) timeUs = timeIn(object[name], this.#nowUs)
      isSpecial ||=
        key.isEnvelope || key.unitOf !== undefined || name === 'v' || name === 'val' || name === 'Value'
    }
    const isOwn =
      (timeUs !== null && timeUs !== parent.timeUs) || (device !== undefined && device !== parent.device)
    const draft = isOwn
      ? {
          device: device ?? parent.device,
          timeUs: timeUs ?? parent.timeUs,
          fields: [],
          mayRepeat: prefix !== '',
        }
      : parent
    if (!isSpecial || !this.#special(object, draft, prefix, depth)) this.#fields(object, draft, prefix, depth)
    if (isSpecial) applyUnits(object, draft.fields, prefix)
    if (isOwn) this.#close(draft)
  }

  /** An object that is but one value with words about it: `{value, unit, time}`. */
  #special(object: JsonObject, draft: Draft, prefix: string, depth: number): boolean {
    const valueKey = VALUE_KEYS.find(name => object[name] !== undefined)
    if (valueKey === undefined) return false
    for (const name in object) {
      const key = keyOf(name)
      const isBeside =
        key.isAbout || key.timeRank !== undefined || key.identity !== undefined || object[name] === null
      if (name !== valueKey && !isBeside) return false
    }
    const value = object[valueKey] ?? null
    if (depth === 0) return this.#single(object, value, draft, keyOf(valueKey))
    if (value !== null && typeof value === 'object') this.#nested(value, draft, prefix, depth)
    else this.#value(value, draft, prefix.slice(0, -1), keyOf(valueKey), unitBeside(object))
    return true
  }

  /** The whole document is one value: its place is that of a plain value, unless it names its field itself. */
  #single(object: JsonObject, value: Json, draft: Draft, key: Key): true {
    const { leaf, device, prefix } = this.#scalar
    const named = NAME_KEYS.map(name => object[name]).find(isQuantityName)
    const field = named !== undefined && !isQuantityName(leaf) ? prefix + cleanName(String(named)) : leaf
    const own = draft.device === this.#subject.device ? device : draft.device
    const target: Draft = { device: own, timeUs: draft.timeUs, fields: [], mayRepeat: true }
    if (value !== null && typeof value === 'object')
      this.#nested(value, target, BARE.has(field) ? '' : `${field}.`, 0)
    else this.#value(value, target, field, key, unitBeside(object))
    this.#close(target)
    return true
  }

  #fields(object: JsonObject, draft: Draft, prefix: string, depth: number): void {
    for (const name in object) {
      const value = object[name]
      if (value === null || value === undefined) continue
      const key = keyOf(name)
      if (key.timeRank !== undefined && !isKept(name, value, this.#nowUs)) continue
      // Said by the device's name already.
      if (
        key.identity !== undefined &&
        (value === draft.device || (key.identity === 'strong' && depth === 0))
      )
        continue
      const field = depth === 0 ? joined(prefix, key.name) : prefix + key.name
      if (typeof value !== 'object') {
        if (key.name !== name) draft.mayRepeat = true
        this.#value(value, draft, field, key, undefined)
      } else if (name !== '__proto__') {
        const isEnvelope = key.isEnvelope && depth < 3
        this.#nested(value, draft, isEnvelope ? prefix : `${field}.`, depth)
      }
    }
  }

  #nested(value: Json[] | JsonObject, draft: Draft, prefix: string, depth: number): void {
    draft.mayRepeat = true
    if (depth >= MAX_DEPTH) this.cut = 'nested too deep'
    else if (Array.isArray(value))
      this.#array(value, draft, prefix, depth + 1, prefix === this.#subject.prefix)
    else this.#object(value, draft, prefix, depth + 1, false)
  }

  #array(array: readonly Json[], draft: Draft, prefix: string, depth: number, isEnvelope: boolean): void {
    for (let i = 0; i < array.length; i++) {
      const value = array[i]!
      if (this.#count >= MAX_FIELDS) return
      if (value === null) continue
      if (typeof value !== 'object') this.#value(value, draft, `${prefix}${i}`, INDEX, undefined)
      else if (Array.isArray(value)) this.#nested(value, draft, `${prefix}${i}.`, depth)
      else if (!this.#named(value, draft, prefix, depth))
        this.#entry(value, i, draft, prefix, depth, isEnvelope)
    }
  }

  /** An entry of a list of `{name, value}`. */
  #named(entry: JsonObject, draft: Draft, prefix: string, depth: number): boolean {
    const valueKey = VALUE_KEYS.find(name => entry[name] !== undefined)
    const nameKey = valueKey && NAME_KEYS.find(name => typeof entry[name] === 'string' && entry[name] !== '')
    if (nameKey === undefined || valueKey === undefined) return false
    // A reading of bad quality, as gateways of industry mark it, is none.
    if (entry.q === false || entry.quality === 'bad') return true
    const wrapped = { [String(entry[nameKey])]: entry[valueKey] ?? null }
    const time = timeIn(entry, this.#nowUs)
    const isOwn = time !== null && time !== draft.timeUs
    const target = isOwn ? { device: draft.device, timeUs: time, fields: [], mayRepeat: true } : draft
    const first = target.fields.length
    this.#fields(wrapped, target, prefix, depth + 1)
    target.mayRepeat = true
    const unit = unitBeside(entry)
    const only = target.fields[first]
    if (unit !== undefined && only !== undefined) target.fields[first] = { ...only, unit }
    if (isOwn) this.#close(target)
    return true
  }

  /** An entry is told from the next by its own time, its identity, or its place in the list. */
  #entry(
    entry: JsonObject,
    index: number,
    draft: Draft,
    prefix: string,
    depth: number,
    isEnvelope: boolean,
  ): void {
    const id = entry.id ?? entry.name
    const hasIdentity = Object.keys(entry).some(name => {
      const { identity } = keyOf(name)
      return identity !== undefined && this.#identity(entry[name], keyOf(name), true) !== undefined
    })
    const isSample = hasIdentity || timeIn(entry, this.#nowUs) !== null
    const isLabelled = (typeof id === 'string' && id !== '' && id.length <= 64) || typeof id === 'number'
    const path = isLabelled ? cleanName(String(id)) : String(index)
    draft.mayRepeat = true
    this.#object(
      entry,
      draft,
      isSample && isEnvelope ? prefix : isSample ? prefix : `${prefix}${path}.`,
      depth + 1,
      true,
    )
  }

  /** The device that an identity names, when it counts here. */
  #identity(value: Json | undefined, key: Key, isListed: boolean): string | undefined {
    const text = identityText(value)
    if (text === undefined) return undefined
    const counts =
      key.identity === 'strong' ||
      (key.identity === 'address' && (isListed || this.#subject.isShared)) ||
      (key.identity === 'weak' && this.#subject.isShared)
    if (!counts) return undefined
    // `45:e1:74:12:6e:00` in the payload and `45E174126E00` in the topic are one device, as the topic has it.
    const plain = squash(text)
    const level = this.#subject.levels.find(name => squash(name) === plain)
    return level === undefined ? cleanName(text) : cleanName(level)
  }

  #value(
    value: Exclude<Json, Json[] | JsonObject>,
    draft: Draft,
    name: string,
    key: Key,
    unit: string | undefined,
  ): void {
    if (this.#count >= MAX_FIELDS) {
      this.cut = 'too many fields'
      return
    }
    let kept: Value
    let own = unit ?? key.unit
    const known = this.#subject.known?.get(name)
    if (typeof value === 'number') {
      if (!Number.isFinite(value)) return
      kept = value
    } else if (typeof value === 'string') {
      if (!key.isText && known?.isText !== true) {
        const flag = booleanOf(value)
        const quantity = flag === undefined ? quantityOf(value) : undefined
        kept = flag ?? quantity?.value ?? value
        own ??= quantity?.unit
      } else kept = value
      if (typeof kept === 'string' && !this.#isText(kept)) return
    } else if (value === null) return
    else kept = value
    own = known?.unit ?? own
    this.#count++
    draft.fields.push(own === undefined ? { name, value: kept } : { name, value: kept, unit: own })
  }

  #isText(text: string): boolean {
    if (isNoValue(text) || !text.isWellFormed()) return false
    if (text.length <= MAX_TEXT_LENGTH) return true
    this.cut = 'text too long'
    return false
  }

  #close(draft: Draft): void {
    const fields = draft.mayRepeat && draft.fields.length > 1 ? lastOfEach(draft.fields) : draft.fields
    if (fields.length === 0) return
    const { tags } = this.#subject
    this.readings.push({ device: draft.device, measurement: 'reading', tags, fields, timeUs: draft.timeUs })
  }
}

/** Objects that are about the message: their time is its time. */
const HEADERS = new Set(['meta', 'metadata', 'header', 'headers', 'Header', 'Metadata'])

const isQuantityName = (text: Json | undefined) => typeof text === 'string' && fieldClass(text) !== undefined

/** Field names that say nothing before those of an object's. */
const BARE = new Set(['value', 'state', 'values', 'data'])

const INDEX: Key = {
  name: '',
  unit: undefined,
  timeRank: undefined,
  identity: undefined,
  identityRank: 3,
  isEnvelope: false,
  isText: false,
  isAbout: false,
  unitOf: undefined,
}

/** `climate/temperature` with `{"temperature":21}`: said once is enough. */
function joined(prefix: string, name: string): string {
  if (prefix === '') return name
  const isSaid =
    prefix.endsWith(`${name}.`) && (prefix.length === name.length + 1 || prefix.endsWith(`.${name}.`))
  return isSaid ? prefix.slice(0, -1) : prefix + name
}

/** A time key whose value is no time may still be a duration (`"time":12.5`), or `t` a temperature. */
function isKept(name: string, value: Json, nowUs: number): boolean {
  if (typeof value === 'object') return true
  if (!isAmbiguousTime(name) || timeOf(value, nowUs) !== null) return false
  const quantity = typeof value === 'string' ? quantityOf(value)?.value : value
  if (typeof quantity !== 'number' || Math.abs(quantity) >= 1e8) return false
  return quantity > 0 || name === 't' || name === 'T'
}

function timeIn(object: Json | undefined, nowUs: number): number | null {
  if (!isObject(object)) return null
  let best: number | null = null
  let bestRank = Number.POSITIVE_INFINITY
  for (const name in object) {
    const rank = keyOf(name).timeRank
    if (rank === undefined || rank >= bestRank) continue
    const time = timeOf(object[name], nowUs)
    if (time === null) continue
    best = time
    bestRank = rank
  }
  return best
}

function identityText(value: Json | undefined): string | undefined {
  if (typeof value === 'string')
    return value.length <= 128 && value.trim() !== '' && !isNoValue(value) ? value.trim() : undefined
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  for (const name of ['id', 'name', 'deviceId', 'device_id', 'serial', 'mac']) {
    const inner = value[name]
    if (typeof inner === 'string' || typeof inner === 'number') return identityText(inner)
  }
  return undefined
}

const SQUASHED = /[^\p{L}\p{N}]+/gu

function squash(text: string): string {
  return text.toLowerCase().replace(SQUASHED, '')
}

const UNIT_KEYS = ['unit', 'units', 'uom', 'u', 'unit_of_measurement', 'unitName'] as const

function unitBeside(object: JsonObject): string | undefined {
  const unit = UNIT_KEYS.map(name => object[name]).find(text => typeof text === 'string')
  return typeof unit === 'string' ? spellUnit(unit) : undefined
}

/** `unit`, `temperature_unit`, `TempUnit`: for the field of that name, else for all of that kind. */
function applyUnits(object: JsonObject, fields: Field[], prefix: string): void {
  for (const name in object) {
    const stem = keyOf(name).unitOf
    const text = object[name]
    const unit = stem === undefined || typeof text !== 'string' ? undefined : spellUnit(text)
    if (stem === undefined || unit === undefined) continue
    const kind = stem === '' ? fieldClass('', unit) : fieldClass(stem)
    const numbers = fields.filter(field => typeof field.value === 'number')
    const isNamed = numbers.some(field => field.name === prefix + stem)
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!
      if (typeof field.value !== 'number' || field.unit !== undefined) continue
      const fits = isNamed
        ? field.name === prefix + stem
        : numbers.length === 1 || fieldClass(field.name) === kind
      if (fits && kind !== undefined) fields[i] = { ...field, unit }
    }
  }
}

function lastOfEach(fields: readonly Field[]): Field[] {
  return [...new Map(fields.map(field => [field.name, field])).values()]
}
