import { escapeMeasurement, escapeName, escapeString, escapeTagValue } from '../store/line-protocol.ts'
import type { Tags } from '../telemetry/reading.ts'
import type { LastField, Series } from '../telemetry/series.ts'
import type { Device } from './device.ts'
import type { FieldType, StoredValue } from './field-type.ts'

/**
 * What lies further ahead of our clock than a believed device's time can (decode/time.ts) is from before the clock was
 * set back. It must not stay the newest until the clock is there again.
 */
const SET_BACK_US = 15 * 60 * 1e6
/** Arrivals have whole milliseconds: after a clock was set back they lie between those of before. Prime to 1,000. */
const SHIFT_US = 389

/** One device on one topic, with the text that begins each of its lines. */
export class StoredSeries implements Series {
  readonly owner: Device
  readonly measurement: string
  readonly tags: Tags
  readonly prefix: string
  readonly fields = new Map<string, FieldSlot>()
  /** Numbers of all fields. */
  readonly #cells: number[] = []
  /** As a reading named them last. */
  readonly #order: FieldSlot[] = []
  #lastUs = 0
  #shiftUs = 0

  constructor(owner: Device, measurement: string, tags: Tags) {
    this.owner = owner
    this.measurement = measurement
    this.tags = tags
    this.prefix = encodePrefix(measurement, owner.id, tags)
  }

  get device(): string {
    return this.owner.id
  }

  get topic(): string {
    return this.tags.topic ?? ''
  }

  /** The field of a name; `place` is that of the name in its reading. Most readings name the same ones in one order. */
  slotAt(place: number, name: string): FieldSlot | undefined {
    const likely = this.#order[place]
    if (likely !== undefined && likely.kind.name === name) return likely
    const slot = this.fields.get(name)
    if (slot !== undefined && place <= this.#order.length) this.#order[place] = slot
    return slot
  }

  /** There must be none of that name. */
  addField(name: string, type: FieldType, longTexts: LongTexts): FieldSlot {
    const slot = new FieldSlot(name, type, this.#cells, longTexts)
    this.fields.set(name, slot)
    return slot
  }

  /** Strictly increasing, so that two readings that arrive together never overwrite each other. */
  arrivalTime(receivedUs: number): number {
    if (receivedUs < this.#lastUs - SET_BACK_US) {
      this.#shiftUs = (this.#shiftUs + SHIFT_US) % 1000
      this.#lastUs = 0
    }
    this.#lastUs = Math.max(receivedUs + this.#shiftUs, this.#lastUs + 1)
    return this.#lastUs
  }

  /** A time that the store already holds for this series. */
  noteTime(timeUs: number): void {
    if (timeUs > this.#lastUs) this.#lastUs = timeUs
  }
}

/** Longer texts share what room there is for them. */
const LONG_TEXT = 256
/** What they take together, in characters: a series more costs little, a text of 64,000 characters in each does not. */
const LONG_TEXTS_TOTAL = 32 * 1024 ** 2

/** The last values of text fields are in memory: of long ones, when there are too many, only the beginning. */
export class LongTexts {
  #total = 0

  /** What to remember in place of `before`. */
  keep(value: string, before: string): string {
    if (before.length > LONG_TEXT + 1) this.#total -= before.length
    if (value.length <= LONG_TEXT + 1) return value
    if (this.#total + value.length > LONG_TEXTS_TOTAL) return cut(value)
    this.#total += value.length
    return value
  }
}

/** By way of bytes: a part of a string keeps the whole alive. */
function cut(text: string): string {
  return `${Buffer.from(text.slice(0, LONG_TEXT).toWellFormed()).toString()}…`
}

/** What fields of one name and type have in common. Most series have the same few. */
class FieldKind {
  readonly name: string
  readonly type: FieldType
  readonly jsType: 'number' | 'boolean' | 'string'
  /** `name=`, ready for a line. */
  readonly encodedKey: string
  /** The same behind another one. */
  readonly nextKey: string

  constructor(name: string, type: FieldType) {
    this.name = name
    this.type = type
    this.jsType = type === 'text' ? 'string' : type
    this.encodedKey = `${escapeName(name)}=`
    this.nextKey = `,${this.encodedKey}`
  }
}

const kinds = new Map<string, FieldKind>()
/** Random names must not fill the memory: past this the table begins anew. */
const MAX_KINDS = 10_000

function kindOf(name: string, type: FieldType): FieldKind {
  const key = `${type} ${name}`
  let kind = kinds.get(key)
  if (kind === undefined) {
    if (kinds.size >= MAX_KINDS) kinds.clear()
    kind = new FieldKind(name, type)
    kinds.set(key, kind)
  }
  return kind
}

/** Numbers of a field in its series' cells: the value, unless it is a text, and the two times. */
const VALUE = 0
const TIME_US = 1
const RECEIVED_US = 2
const NO_CELLS = [0, 0, 0]

/** A field of a series and its newest value. What is written with each reading stands together, in the series' cells. */
export class FieldSlot implements LastField {
  readonly kind: FieldKind
  unit?: string
  readonly #cells: number[]
  readonly #at: number
  #text = ''
  /** Its time is when we were told: any reading is newer. */
  #isRecalled = false
  readonly #longTexts: LongTexts

  /** Takes its cells at the end of those that there are. */
  constructor(name: string, type: FieldType, cells: number[], longTexts: LongTexts) {
    this.kind = kindOf(name, type)
    this.#cells = cells
    this.#at = cells.length
    this.#longTexts = longTexts
    cells.push(...NO_CELLS)
  }

  get name(): string {
    return this.kind.name
  }

  get type(): FieldType {
    return this.kind.type
  }

  get value(): StoredValue {
    if (this.type === 'text') return this.#text
    const number = this.#cells[this.#at + VALUE]!
    return this.type === 'boolean' ? number === 1 : number
  }

  get timeUs(): number {
    return this.#cells[this.#at + TIME_US]!
  }

  get receivedUs(): number {
    return this.#cells[this.#at + RECEIVED_US]!
  }

  /** Keeps the newest by measurement time. */
  update(value: StoredValue, unit: string | undefined, timeUs: number, receivedUs: number): void {
    const beforeUs = this.timeUs
    if (timeUs < beforeUs && beforeUs <= receivedUs + SET_BACK_US && !this.#isRecalled) return
    this.#set(value, unit, timeUs, receivedUs)
  }

  /** What the store remembers of before this start. */
  fill(value: StoredValue, timeUs: number): void {
    if (timeUs >= this.timeUs || this.#isRecalled) this.#set(value, undefined, timeUs, timeUs)
  }

  #set(value: StoredValue, unit: string | undefined, timeUs: number, receivedUs: number): void {
    if (this.#isRecalled) this.#isRecalled = false
    const cells = this.#cells
    const at = this.#at
    if (typeof value === 'string') this.#text = this.#longTexts.keep(value, this.#text)
    else cells[at + VALUE] = Number(value)
    cells[at + TIME_US] = timeUs
    cells[at + RECEIVED_US] = receivedUs
    if (unit !== undefined && unit !== this.unit) this.unit = unit
  }

  /** Gives back its share of the room for long texts. */
  leave(): void {
    this.#longTexts.keep('', this.#text)
  }

  /** What is known already, by a reading, keeps its time. */
  recall(value: StoredValue, unit: string | undefined, toldUs: number): void {
    if (this.timeUs > 0 && this.value === value) return
    this.update(value, unit, Math.max(toldUs, this.timeUs), toldUs)
    this.#isRecalled = true
  }
}

export function encodeValue(value: StoredValue): string {
  switch (typeof value) {
    case 'number':
      return String(value)
    case 'boolean':
      return value ? 'true' : 'false'
    default:
      return escapeString(value)
  }
}

let lastSecond = Number.NaN
let lastSecondText = ''

/** Nanoseconds, of a time after 2001. The second is the same text many times over: a fifth of what all digits take at once. */
export function encodeTime(timeUs: number): string {
  const seconds = Math.floor(timeUs / 1_000_000)
  if (seconds !== lastSecond) {
    lastSecond = seconds
    lastSecondText = String(seconds)
  }
  const restUs = timeUs - seconds * 1_000_000
  const rest = restUs >= 100_000 ? String(restUs) : String(1_000_000 + restUs).slice(1)
  return `${lastSecondText}${rest}000`
}

/** `measurement,device=...,tag=... `: tags sorted by name, as InfluxDB likes them best. */
function encodePrefix(measurement: string, device: string, tags: Tags): string {
  const all: [string, string][] = [
    ['device', device],
    ...Object.entries(tags).filter(([name, value]) => name !== 'device' && value !== ''),
  ]
  all.sort(([a], [b]) => (a < b ? -1 : 1))
  return `${escapeMeasurement(measurement)},${all.map(([name, value]) => `${escapeName(name)}=${escapeTagValue(value)}`).join(',')} `
}
