/**
 * Every device that this page knows, with the last value of each field. It stands outside the framework:
 * readings change it in place and mark devices as changed; `frames.ts` has them drawn, a few times a second.
 * Names, units and text values came from devices: they are shown as text, never as markup.
 */

import { signal } from '@preact/signals'
import type { LiveReading } from '../../../bridge/live/protocol.ts'
import { Rhythm } from '../../../bridge/telemetry/rhythm.ts'
import { asSwitch, type FieldFacts, fieldRank, isAlarm, isDiagnostic, type PlainValue } from '../words/fields.ts'
import { decimalsFor, digitsOf } from '../words/format.ts'
import type { Buckets } from './buckets.ts'
import { type DeviceState, stateOf } from './rhythm.ts'

/** A device as `GET /api/devices` tells it. */
export interface CatalogDevice {
  readonly id: string
  readonly name?: string | null
  readonly room?: string | null
  readonly model?: string | null
  readonly family?: string | null
  readonly topics?: readonly string[]
  readonly lastSeen?: number | null
  readonly available?: boolean | null
  /** What that follows from; silence is seen here as well, and called late. */
  readonly availableBy?: 'word' | 'silence' | null
  /** The device's own word: silence longer than this means that it is gone. */
  readonly expectedIntervalS?: number | null
  readonly fields: Readonly<Record<string, CatalogField>>
}

interface CatalogField {
  readonly value?: unknown
  readonly time?: number | null
  readonly unit?: string | null
  readonly class?: string | null
  readonly expectedIntervalS?: number | null
}

/** What `GET /api/devices` answers. */
export interface DeviceList {
  readonly devices: readonly CatalogDevice[]
  /** Nobody is missing: a bridge that has just started may not know all devices of before. */
  readonly complete?: boolean
}

export class Field implements FieldFacts {
  readonly name: string
  unit: string | null = null
  class: string | null = null
  value: PlainValue | null = null
  timeMs = 0
  /** What its strip shows; made when a row comes into view. */
  buckets: Buckets | null = null
  #largest = 0
  #digits = 0

  constructor(name: string) {
    this.name = name
  }

  get decimals(): number {
    return decimalsFor(this.unit, this.#largest, this.#digits)
  }

  set(value: PlainValue, timeMs: number): void {
    if (timeMs < this.timeMs) return
    this.value = value
    this.timeMs = timeMs
    if (typeof value !== 'number') return
    this.#largest = Math.max(this.#largest, Math.abs(value))
    this.#digits = Math.max(this.#digits, digitsOf(value))
  }
}

export class Device {
  readonly id: string
  /** One that was forgotten and is back is another. Changes with each; by the browser's own clock. */
  readonly knownSinceMs = performance.now()
  name: string
  room = ''
  model = ''
  family = ''
  topics: readonly string[] = []
  available: boolean | null = null
  lastMs = 0
  /** What the device, or one of its fields, declares; null when it declares nothing. */
  ownDeadlineMs: number | null = null
  state: DeviceState = 'reporting'
  readonly rhythm = new Rhythm()
  readonly fields = new Map<string, Field>()
  /** Best first: the row shows the first as its value, the next ones beside it. */
  ranked: readonly Field[] = []
  /** Redraw what shows this device. */
  readonly painters = new Set<() => void>()

  constructor(id: string) {
    this.id = id
    this.name = labelOf(id)
  }

  get primary(): Field | undefined {
    return this.ranked[0]
  }

  field(name: string): Field {
    let field = this.fields.get(name)
    if (!field) {
      field = new Field(name)
      this.fields.set(name, field)
    }
    return field
  }

  rank(): void {
    this.ranked = [...this.fields.values()].sort(
      (a, b) =>
        fieldRank(a) - fieldRank(b) ||
        // Tasmota's POWER is a switch; the watts beside it tell more.
        Number(typeof b.value === 'number') - Number(typeof a.value === 'number') || a.name.length - b.name.length || (a.name < b.name ? -1 : 1),
    )
  }

  /** Silence longer than this is late. */
  deadlineMs(): number | null {
    if (this.ownDeadlineMs !== null) return this.ownDeadlineMs
    const field = this.primary
    const speaksOfEvents = field?.value != null && asSwitch(field, field.value) !== null
    return this.rhythm.deadlineMs(speaksOfEvents)
  }

  hasAlarm(): boolean {
    for (const field of this.fields.values())
      if (field.value !== null && isAlarm(field, field.value)) return true
    return false
  }

  /** Fields about the device itself go below the charts. */
  isAside(field: Field): boolean {
    return field !== this.primary && (isDiagnostic(field) || typeof field.value === 'string')
  }
}

export const devices = new Map<string, Device>()
export const changed = new Set<Device>()

/** When each that was forgotten was, by the browser's own clock. */
const forgottenAtMs = new Map<string, number>()

/** Moves when a device or a field appears or is renamed, or a device goes: lists are laid out anew then, and only then. */
export const layoutVersion = signal(0)
export interface Counts {
  readonly total: number
  readonly reporting: number
  readonly late: number
  readonly offline: number
  readonly alarm: number
}
export const counts = signal<Counts>({ total: 0, reporting: 0, late: 0, offline: 0, alarm: 0 })

export const readingsSeen = { count: 0, skipped: 0 }
/** Called for each reading: an open device view keeps the raw values of its fields this way. */
export const listeners = new Set<(reading: LiveReading, device: Device) => void>()

function deviceOf(id: string): Device {
  let device = devices.get(id)
  if (!device) {
    device = new Device(id)
    devices.set(id, device)
    layoutVersion.value++
  }
  return device
}

/** Somebody had it forgotten: we were told, or asked for it. */
export function forget(id: string): void {
  forgottenAtMs.set(id, performance.now())
  remove(id)
}

function remove(id: string): void {
  const device = devices.get(id)
  if (!device) return
  devices.delete(id)
  changed.delete(device)
  layoutVersion.value++
}

export function wasForgotten(id: string): boolean {
  return forgottenAtMs.has(id)
}

/** False when it named a device or a field for the first time: the catalog then knows more. */
export function applyReading(reading: LiveReading, isNew: boolean): boolean {
  const { availableBy } = reading.tags
  // Not of the device, but about it.
  if (availableBy === 'forgotten') {
    forget(reading.device)
    return true
  }
  // Its silence is seen here as well.
  if (availableBy === 'silence') return true
  const { available } = reading.values
  if (typeof available === 'boolean') deviceOf(reading.device).available = available
  if (availableBy === 'word') return true
  const isKnownDevice = devices.has(reading.device)
  let hasNewField = false
  const device = deviceOf(reading.device)
  const room = reading.tags.room
  if (device.room === '' && room) device.room = labelOf(room)
  for (const name in reading.values) {
    const value = reading.values[name]!
    hasNewField ||= !device.fields.has(name)
    const field = device.field(name)
    field.set(value, reading.time)
    if (isNew) field.buckets?.add(reading.time, numeric(value))
  }
  if (hasNewField) {
    device.rank()
    layoutVersion.value++
  }
  device.lastMs = Math.max(device.lastMs, reading.received)
  if (isNew) {
    device.rhythm.heard(reading.received)
    readingsSeen.count++
  }
  changed.add(device)
  for (const listener of listeners) listener(reading, device)
  return isKnownDevice && !hasNewField
}

/**
 * Those that there are, as they were after `askedAtMs`: who came or was forgotten since is news to that answer. The others
 * that are not in it, if it has all, went while this page did not hear of it; why, nobody knows.
 */
export function learnDevices({ devices: all, complete = false }: DeviceList, askedAtMs: number): void {
  const listed = new Set<string>()
  for (const device of all) {
    listed.add(device.id)
    if ((forgottenAtMs.get(device.id) ?? 0) < askedAtMs) learnDevice(device)
  }
  if (!complete) return
  for (const { id, knownSinceMs } of devices.values()) {
    if (knownSinceMs >= askedAtMs || listed.has(id)) continue
    forgottenAtMs.delete(id)
    remove(id)
  }
}

/** What the catalog says: names, rooms, units. Values only where nothing newer came live. */
export function learnDevice(from: CatalogDevice): void {
  const device = deviceOf(from.id)
  const before = looks(device)
  device.name = from.name && from.name !== from.id ? from.name : labelOf(from.id)
  if (from.room) device.room = labelOf(from.room)
  device.model = from.model ?? ''
  device.family = from.family ?? ''
  device.topics = from.topics ?? []
  device.available = from.availableBy === 'silence' ? null : (from.available ?? null)
  device.lastMs = Math.max(device.lastMs, from.lastSeen ?? 0)
  device.ownDeadlineMs = ownDeadline(from)
  for (const [name, facts] of Object.entries(from.fields)) {
    const field = device.field(name)
    field.unit = facts.unit || null
    field.class = facts.class || null
    const value = plain(facts.value)
    if (value !== null) field.set(value, facts.time ?? 0)
  }
  device.rank()
  changed.add(device)
  if (before !== looks(device)) layoutVersion.value++
}

/** What lists and the device's view are laid out by. */
function looks({ name, room, model, fields, topics }: Device): string {
  return [name, room, model, fields.size, topics.length].join('|')
}

/** Brings every device's state up to date; the devices whose state moved are marked as changed. */
export function updateStates(nowMs: number, isConnected: boolean): void {
  const sum = { reporting: 0, late: 0, offline: 0, alarm: 0 }
  for (const device of devices.values()) {
    const state = stateOf({
      isConnected,
      available: device.available,
      hasAlarm: device.hasAlarm(),
      ageMs: nowMs - device.lastMs,
      deadlineMs: device.deadlineMs(),
    })
    if (state !== 'unknown') sum[state]++
    if (state === device.state) continue
    device.state = state
    changed.add(device)
  }
  const next: Counts = { total: devices.size, ...sum }
  const now = counts.peek()
  if (isConnected && (Object.keys(next) as (keyof Counts)[]).some(key => next[key] !== now[key]))
    counts.value = next
}

/** The number that a chart draws: 1 and 0 for a switch, NaN for other text. */
export function numeric(value: PlainValue): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return /^on$/i.test(value) ? 1 : /^off$/i.test(value) ? 0 : Number.NaN
}

/** The longest that any of it declares: a device is not late while one of its fields may still be silent. */
function ownDeadline({ expectedIntervalS, fields }: CatalogDevice): number | null {
  const declared = [expectedIntervalS, ...Object.values(fields).map(field => field.expectedIntervalS)]
  const seconds = declared.filter(value => typeof value === 'number' && value > 0) as number[]
  return seconds.length === 0 ? null : 1000 * Math.max(...seconds)
}

function plain(value: unknown): PlainValue | null {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string' ? value : null
}

/** `living-room` reads as `Living room`; a name with capitals or spaces was meant as it is. */
export function labelOf(id: string): string {
  // A serial number reads better as it is.
  if (!/^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/.test(id) || /(?=[0-9a-f]*\d)[0-9a-f]{6,}/.test(id)) return id
  return id.charAt(0).toUpperCase() + id.slice(1).replace(/[_-]+/g, ' ')
}
