/**
 * What is known of devices and fields: types, names, rooms, units, last values. Every reading passes through
 * `accept`, which turns it into the line that is stored; a first sight is remembered in the journal before the block
 * that leans on it.
 */

import type { LastValue } from '../store/store.ts'
import type { Fact } from '../telemetry/facts.ts'
import type { Field, Reading, Tags, Value } from '../telemetry/reading.ts'
import type { Series } from '../telemetry/series.ts'
import { Device, type DeviceView, type LastingFact } from './device.ts'
import { convert, type FieldType, type StoredValue, typeOfValue } from './field-type.ts'
import { Journal } from './journal.ts'
import { encodeValue, FieldSlot, StoredSeries } from './series.ts'

/**
 * Within what a field name has one type: InfluxDB has one per measurement, whatever the device; the embedded store
 * keeps them apart by device.
 */
export type TypeScope = 'measurement' | 'device'

/** A reading with its final time and its fields as they are stored. */
export interface Accepted {
  /** One line of line protocol with its newline, nanoseconds. */
  readonly line: string
  readonly fields: readonly Field[]
  readonly tags: Tags
  readonly timeUs: number
}

export interface CatalogOptions {
  readonly journalPath: string
  readonly scope: TypeScope
  /** Device times older than this are not believed: the arrival time counts. */
  readonly maxAgeMs?: number | undefined
}

type JournalRecord =
  | {
      readonly type: FieldType
      readonly measurement: string
      readonly device?: string
      readonly field: string
    }
  | { readonly fact: LastingFact }

export class Catalog {
  readonly #scope: TypeScope
  readonly #journal: Journal
  readonly #types = new Map<string, FieldType>()
  readonly #devices = new Map<string, Device>()
  readonly #series = new Map<string, StoredSeries>()
  /** The decoder hands out one tags object per topic: most lookups end here. */
  #byTags = new WeakMap<Tags, StoredSeries>()
  readonly #maxAgeUs: number
  readonly stats = { typeConflicts: 0, oldTimes: 0 }

  constructor(options: CatalogOptions) {
    this.#scope = options.scope
    this.#maxAgeUs = (options.maxAgeMs ?? Number.POSITIVE_INFINITY) * 1000
    this.#journal = new Journal(options.journalPath, record => this.#recall(record as JournalRecord))
  }

  /** Types the values, fixes the time, remembers the newest, and encodes the line. */
  accept(reading: Reading, by: string, receivedUs: number): Accepted {
    const series = this.#seriesOf(reading)
    const timeUs = this.#believedTime(reading, receivedUs) ?? series.arrivalTime(receivedUs)
    let encoded = ''
    let fields: Field[] | null = null
    for (let i = 0; i < reading.fields.length; i++) {
      const field = reading.fields[i]!
      let slot = series.fields.get(field.name) ?? this.#addField(series, field.name, field.value)
      let value: StoredValue | null =
        typeof field.value === slot.jsType ? (field.value as StoredValue) : convert(field.value, slot.type)
      if (value === null) {
        this.stats.typeConflicts++
        slot = this.#textFieldBeside(series, field.name, reading)
        value = String(field.value)
      }
      if (fields === null && (value !== field.value || slot.name !== field.name))
        fields = reading.fields.slice(0, i)
      fields?.push({ ...field, name: slot.name, value })
      encoded += `${slot.encodedKey + encodeValue(value)},`
      slot.update(value, field.unit, timeUs, receivedUs)
    }
    series.owner.seen(receivedUs, by)
    return {
      line: `${series.prefix}${encoded.slice(0, -1)} ${timeUs}000\n`,
      fields: fields ?? reading.fields,
      tags: series.tags,
      timeUs,
    }
  }

  /** A value of unknown age: shown where nothing is known, or something else was, until a reading comes. */
  recall(reading: Reading, by: string, receivedUs: number): void {
    const series = this.#seriesOf(reading)
    for (const { name, value: given, unit } of reading.fields) {
      const slot = series.fields.get(name) ?? this.#addField(series, name, given)
      const value = convert(given, slot.type)
      if (value !== null) slot.recall(value, unit, receivedUs)
    }
    if (!series.owner.hasReadings) series.owner.seen(receivedUs, by)
  }

  /** What discovery, births and wills tell. Kept across restarts, but for availability. */
  learn(facts: readonly Fact[]): void {
    for (const fact of facts) {
      const { available, ...lasting } = fact
      const device = this.#device(fact.device)
      if (available !== undefined) device.setAvailable(available)
      if (!device.learn(lasting)) continue
      this.#journal.add({ fact: lasting } satisfies JournalRecord)
      // A room becomes a tag: the series of the device are looked up anew.
      if (lasting.room !== undefined && lasting.field === undefined) this.#byTags = new WeakMap()
    }
  }

  /** Everything learned so far, for a decoder that begins anew. */
  *facts(): Iterable<LastingFact> {
    for (const device of this.#devices.values()) yield* device.facts()
  }

  /** Fills in what the store remembers: the newest values of before this start. */
  fill(values: readonly LastValue[]): void {
    for (const { device, measurement, tags, field, value, timeUs } of values) {
      const series = this.#seriesBy(device, measurement, tags)
      const slot = series.fields.get(field) ?? this.#addField(series, field, value)
      slot.fill(value, timeUs)
      series.noteTime(timeUs)
      series.owner.sawBefore(timeUs)
    }
  }

  /** Claims the types that the store already has, so that ours agree with them. */
  adoptTypes(types: Iterable<{ measurement: string; field: string; type: FieldType }>): void {
    if (this.#scope !== 'measurement') return
    for (const { measurement, field, type } of types) {
      const key = typeKey(measurement, null, field)
      if (this.#types.get(key) === type) continue
      this.#types.set(key, type)
      this.#journal.add({ type, measurement, field } satisfies JournalRecord)
    }
    this.#series.clear()
    this.#byTags = new WeakMap()
  }

  /** When each device was last heard, milliseconds since the epoch; cheap, unlike their views. */
  *lastSeen(): Iterable<readonly [device: string, timeMs: number]> {
    for (const device of this.#devices.values()) if (device.hasReadings) yield [device.id, device.lastSeenMs]
  }

  devices(): DeviceView[] {
    return [...this.#devices.values()].filter(device => device.hasReadings).map(device => device.view())
  }

  /** Null: no reading of such a device was ever seen. */
  device(id: string): DeviceView | null {
    const device = this.#devices.get(id)
    return device?.hasReadings ? device.view() : null
  }

  unitOf(device: string, field: string): string | null {
    return this.#devices.get(device)?.unitOf(field) ?? null
  }

  lastReadings(): Iterable<Series> {
    return this.#series.values()
  }

  /** Null: nothing waits for the disk. */
  flush(): Promise<void> | null {
    return this.#journal.flush()
  }

  close(): Promise<void> {
    return this.#journal.close()
  }

  #believedTime({ timeUs }: Reading, receivedUs: number): number | null {
    if (timeUs === null || receivedUs - timeUs <= this.#maxAgeUs) return timeUs
    this.stats.oldTimes++
    return null
  }

  #recall(record: JournalRecord): void {
    if ('fact' in record) {
      this.#device(record.fact.device).learn(record.fact)
      return
    }
    this.#types.set(typeKey(record.measurement, record.device ?? null, record.field), record.type)
  }

  #device(id: string): Device {
    let device = this.#devices.get(id)
    if (device === undefined) {
      device = new Device(id)
      this.#devices.set(id, device)
    }
    return device
  }

  #seriesOf(reading: Reading): StoredSeries {
    const known = this.#byTags.get(reading.tags)
    if (known !== undefined && known.device === reading.device && known.measurement === reading.measurement) {
      return known
    }
    const series = this.#seriesBy(reading.device, reading.measurement, reading.tags)
    this.#byTags.set(reading.tags, series)
    return series
  }

  #seriesBy(deviceId: string, measurement: string, tags: Tags): StoredSeries {
    const device = this.#device(deviceId)
    const withRoom = tags.room === undefined && device.room !== null ? { ...tags, room: device.room } : tags
    const created = new StoredSeries(device, measurement, withRoom)
    let series = this.#series.get(created.prefix)
    if (series === undefined) {
      series = created
      this.#series.set(series.prefix, series)
      device.addSeries(series)
    }
    return series
  }

  /** The one place where a field gets its type. */
  #claimType(measurement: string, deviceId: string, field: string, value: Value): FieldType {
    const device = this.#scope === 'device' ? deviceId : null
    const key = typeKey(measurement, device, field)
    const known = this.#types.get(key)
    if (known !== undefined) return known
    const type = typeOfValue(value)
    this.#types.set(key, type)
    this.#journal.add({
      type,
      measurement,
      ...(device === null ? {} : { device }),
      field,
    } satisfies JournalRecord)
    return type
  }

  #addField(series: StoredSeries, name: string, value: Value): FieldSlot {
    // An integer beyond 2^53 is no double: its field is the text beside, from the first one on.
    const type = this.#claimType(
      series.measurement,
      series.device,
      name,
      typeof value === 'bigint' ? 0 : value,
    )
    const slot = new FieldSlot(name, type)
    series.fields.set(name, slot)
    return slot
  }

  /** The first name with `_text` appended that holds text, and that the reading itself does not use. */
  #textFieldBeside(series: StoredSeries, name: string, reading: Reading): FieldSlot {
    for (let beside = `${name}_text`; ; beside += '_text') {
      if (reading.fields.some(field => field.name === beside)) continue
      const slot = series.fields.get(beside) ?? this.#addField(series, beside, '')
      if (slot.type === 'text') return slot
    }
  }
}

function typeKey(measurement: string, device: string | null, field: string): string {
  return `${measurement}\n${device ?? ''}\n${field}`
}
