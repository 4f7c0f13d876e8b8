import { fieldClass } from '../telemetry/field-classes.ts'
import type { Fact } from '../telemetry/facts.ts'
import type { FieldType, StoredValue } from './field-type.ts'
import type { FieldSlot, StoredSeries } from './series.ts'

/** A device as `GET /api/devices` shows it. */
export interface DeviceView {
  readonly id: string
  readonly name: string
  readonly room: string | null
  readonly model: string | null
  readonly family: string | null
  readonly topics: readonly string[]
  /** Milliseconds since the epoch, by our clock. */
  readonly lastSeen: number
  /** Null: the device never said. */
  readonly available: boolean | null
  readonly fields: Readonly<Record<string, FieldView>>
}

export interface FieldView {
  readonly value: StoredValue
  readonly time: number
  readonly unit: string | null
  readonly type: FieldType
  readonly class: string | null
}

type DeviceFact = Omit<Fact, 'available'>

/** Everything known of one device. */
export class Device {
  readonly id: string
  readonly #series: StoredSeries[] = []
  readonly #about: { name?: string; room?: string; model?: string; manufacturer?: string; family?: string } = {}
  readonly #aboutFields = new Map<string, { unit?: string; class?: string }>()
  #available: boolean | null = null
  #lastSeenUs = 0
  #by: string | null = null

  constructor(id: string) {
    this.id = id
  }

  get hasReadings(): boolean {
    return this.#lastSeenUs > 0
  }

  get room(): string | null {
    return this.#about.room ?? null
  }

  addSeries(series: StoredSeries): void {
    this.#series.push(series)
  }

  seen(receivedUs: number, by: string | null): void {
    if (receivedUs > this.#lastSeenUs) this.#lastSeenUs = receivedUs
    if (by !== null) this.#by = by
  }

  setAvailable(available: boolean): void {
    this.#available = available
  }

  /** False: nothing of it was new. */
  learn(fact: DeviceFact): boolean {
    const { field, name, room, model, manufacturer, family, unit, class: kind } = fact
    if (field !== undefined) {
      let about = this.#aboutFields.get(field)
      if (about === undefined) this.#aboutFields.set(field, (about = {}))
      return assignNew(about, { unit, class: kind })
    }
    return assignNew(this.#about, { name, room, model, manufacturer, family })
  }

  unitOf(field: string): string | null {
    return this.#aboutFields.get(field)?.unit ?? this.#newest(field)?.unit ?? null
  }

  view(): DeviceView {
    const names = new Set(this.#series.flatMap(series => [...series.fields.keys()]))
    const fields: [string, FieldView][] = []
    for (const name of names) {
      const slot = this.#newest(name)
      if (slot === null || slot.timeUs === 0) continue
      const unit = this.unitOf(name)
      fields.push([
        name,
        {
          value: slot.value,
          time: slot.timeUs / 1000,
          unit,
          type: slot.type,
          class: this.#aboutFields.get(name)?.class ?? fieldClass(name, unit ?? undefined) ?? null,
        },
      ])
    }
    return {
      id: this.id,
      name: this.#about.name ?? this.id,
      room: this.#about.room ?? this.#series.find(series => series.tags['room'])?.tags['room'] ?? null,
      model: this.#about.model ?? null,
      family: this.#about.family ?? this.#by,
      topics: [...new Set(this.#series.map(series => series.topic))].filter(topic => topic !== ''),
      lastSeen: Math.round(this.#lastSeenUs / 1000),
      available: this.#available,
      // Own properties whatever their names: a field may be called __proto__.
      fields: Object.fromEntries(fields),
    }
  }

  #newest(field: string): FieldSlot | null {
    let newest: FieldSlot | null = null
    for (const series of this.#series) {
      const slot = series.fields.get(field)
      if (slot !== undefined && (newest === null || slot.timeUs > newest.timeUs)) newest = slot
    }
    return newest
  }
}

/** Copies what is given and differs; false: nothing did. */
function assignNew<T extends object>(target: T, source: { [K in keyof T]?: T[K] | undefined }): boolean {
  let isNew = false
  for (const [key, value] of Object.entries(source) as [keyof T, T[keyof T] | undefined][]) {
    if (value === undefined || target[key] === value) continue
    target[key] = value
    isNew = true
  }
  return isNew
}
