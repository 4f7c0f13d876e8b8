import type { Fact } from '../telemetry/facts.ts'
import { fieldClass } from '../telemetry/field-classes.ts'
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
  /** Silence longer than this means that something is wrong, in seconds; null: no source tells. */
  readonly expectedIntervalS: number | null
  readonly fields: Readonly<Record<string, FieldView>>
}

export interface FieldView {
  readonly value: StoredValue
  readonly time: number
  readonly unit: string | null
  readonly type: FieldType
  readonly class: string | null
}

/** What lasts of a fact: whether a device is there now does not. */
export type LastingFact = Omit<Fact, 'available'>

/** Everything known of one device. */
export class Device {
  readonly id: string
  readonly #series: StoredSeries[] = []
  readonly #about: LastingFact
  /** By field, then by topic: one field may come by several topics, with a unit of its own on each. */
  readonly #aboutFields = new Map<string, Map<string, LastingFact>>()
  #available: boolean | null = null
  #lastSeenUs = 0
  #by: string | null = null

  constructor(id: string) {
    this.id = id
    this.#about = { device: id }
  }

  get hasReadings(): boolean {
    return this.#lastSeenUs > 0
  }

  get lastSeenMs(): number {
    return Math.round(this.#lastSeenUs / 1000)
  }

  get room(): string | null {
    return this.#about.room ?? null
  }

  addSeries(series: StoredSeries): void {
    this.#series.push(series)
  }

  /** By our clock, also when that was set back. */
  seen(receivedUs: number, by: string): void {
    this.#lastSeenUs = receivedUs
    this.#by = by
  }

  /** As the store remembers it. */
  sawBefore(timeUs: number): void {
    if (timeUs > this.#lastSeenUs) this.#lastSeenUs = timeUs
  }

  setAvailable(available: boolean): void {
    this.#available = available
  }

  /** False: nothing of it was new. */
  learn(fact: LastingFact): boolean {
    const { field, topic = '' } = fact
    if (field === undefined) return assignNew(this.#about, fact)
    const byTopic = this.#aboutFields.get(field) ?? new Map<string, LastingFact>()
    const about = byTopic.get(topic) ?? { device: this.id, field }
    this.#aboutFields.set(field, byTopic.set(topic, about))
    return assignNew(about, fact)
  }

  /** Everything learned, for a decoder that begins anew. */
  *facts(): Iterable<LastingFact> {
    yield this.#about
    for (const byTopic of this.#aboutFields.values()) yield* byTopic.values()
  }

  unitOf(field: string): string | null {
    return this.#told(field, 'unit') ?? this.#newest(field)?.unit ?? null
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
          class: this.#told(name, 'class') ?? fieldClass(name, unit ?? undefined) ?? null,
        },
      ])
    }
    return {
      id: this.id,
      name: this.#about.name ?? this.id,
      room: this.#about.room ?? this.#series.find(series => series.tags.room)?.tags.room ?? null,
      model: this.#about.model ?? null,
      family: this.#about.family ?? this.#by,
      topics: [...new Set(this.#series.map(series => series.topic))].filter(topic => topic !== ''),
      lastSeen: this.lastSeenMs,
      available: this.#available,
      expectedIntervalS: this.#about.expectedIntervalS ?? null,
      // Own properties whatever their names: a field may be called __proto__.
      fields: Object.fromEntries(fields),
    }
  }

  #told(field: string, key: 'unit' | 'class'): string | null {
    for (const about of this.#aboutFields.get(field)?.values() ?? []) {
      const told = about[key]
      if (told !== undefined) return told
    }
    return null
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
function assignNew(target: LastingFact, source: LastingFact): boolean {
  const news = Object.entries(source).filter(
    ([key, value]) => value !== undefined && target[key as keyof LastingFact] !== value,
  )
  Object.assign(target, Object.fromEntries(news))
  return news.length > 0
}
