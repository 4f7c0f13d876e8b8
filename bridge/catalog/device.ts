import type { Fact } from '../telemetry/facts.ts'
import { fieldClass } from '../telemetry/field-classes.ts'
import type { LastField, Series } from '../telemetry/series.ts'
import type { FieldType, StoredValue } from './field-type.ts'
import { Presence } from './presence.ts'

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
  /** Null: the device never said, and its rhythm is not known. */
  readonly available: boolean | null
  /** What `available` follows from: its own word (or its gateway's, or its will), or its silence. */
  readonly availableBy: 'word' | 'silence' | null
  /** Silence longer than this means that something is wrong, in seconds; null: no source tells. */
  readonly expectedIntervalS: number | null
  readonly fields: Readonly<Record<string, FieldView>>
}

/** A device that takes a place (limits.devices) and is in no list. */
export interface HiddenDevice
  extends Pick<DeviceView, 'id' | 'name' | 'room' | 'model' | 'family' | 'topics'> {
  /**
   * Others told of it, or it was heard in an earlier run, and the store has nothing of it, or has not told yet; or it is
   * what came under a name before another device was known to be called so.
   */
  readonly hidden: 'not-heard' | 'renamed'
}

export interface FieldView {
  readonly value: StoredValue
  readonly time: number
  readonly unit: string | null
  readonly type: FieldType
  readonly class: string | null
}

/** What lasts of a fact: whether a device is there now does not, and how it is called now is kept elsewhere. */
export type LastingFact = Omit<Fact, 'available' | 'identity' | 'isGuess' | 'formerly'>

/** What a view needs to know beside the device. */
export interface Moment {
  /** By the clock that is never set. */
  readonly nowMs: number
  /** Since when devices could be heard: silence before is ours. */
  readonly listeningSinceMs: number
  /** A device spoke on this topic under a name that it no longer has. */
  readonly hasLeft: (topic: string) => boolean
}

/** What it said on one topic, as far as it is looked at here. */
interface OwnSeries extends Series {
  readonly prefix: string
  readonly fields: ReadonlyMap<string, OwnField>
}

interface OwnField extends LastField {
  readonly name: string
  readonly type: FieldType
  readonly value: StoredValue
  leave(): void
}

/** Of one device, in the journal. Too few of them let in fewer who speak of it, never more. */
export const MAX_TOPICS_KEPT = 16

/** Everything known of one device. */
export class Device {
  readonly id: string
  readonly presence = new Presence()
  /** Its fields, each once for every topic that it comes by. */
  seriesCount = 0
  /** Some record there tells of it. */
  isInJournal = false
  /** The first topics that it was heard on, as the journal has them: also before the store has told of it. */
  readonly topicsKept: string[] = []
  readonly #series: OwnSeries[] = []
  readonly #about: LastingFact
  /** By field, then by topic: one field may come by several topics, with a unit of its own on each. */
  readonly #aboutFields = new Map<string, Map<string, LastingFact>>()
  #factCount = 0
  #lastSeenUs = 0
  #by: string | null = null

  constructor(id: string) {
    this.id = id
    this.#about = { device: id }
  }

  get hasReadings(): boolean {
    return this.#lastSeenUs > 0
  }

  /** Also in an earlier run of which the store has not told, or has nothing any more. */
  get wasHeard(): boolean {
    return this.hasReadings || this.topicsKept.length > 0
  }

  get lastSeenMs(): number {
    return Math.round(this.#lastSeenUs / 1000)
  }

  get room(): string | null {
    return this.#about.room ?? null
  }

  /** What it is called now; null: as its id. */
  get name(): string | null {
    return this.#about.name ?? null
  }

  get topics(): readonly string[] {
    return [...new Set(this.#series.map(series => series.topic))].filter(topic => topic !== '')
  }

  /** Those, and where it was heard in earlier runs. */
  get everyTopic(): readonly string[] {
    return [...new Set([...this.topicsKept, ...this.topics])]
  }

  get series(): readonly OwnSeries[] {
    return this.#series
  }

  /** The latest time of any value, which a device may have put ahead of our clock. */
  get newestUs(): number {
    let newestUs = this.#lastSeenUs
    for (const { fields } of this.#series)
      for (const { timeUs } of fields.values()) newestUs = Math.max(newestUs, timeUs)
    return newestUs
  }

  addSeries(series: OwnSeries): void {
    this.#series.push(series)
  }

  /** Whether the journal is to have it, too: it is a new one, and there is room. */
  keepTopic(topic: string): boolean {
    const { topicsKept } = this
    if (topic === '' || topicsKept.length >= MAX_TOPICS_KEPT || topicsKept.includes(topic)) return false
    topicsKept.push(topic)
    return true
  }

  /** Whether it spoke on that topic or below it. */
  hasSpokenFrom(place: string): boolean {
    return this.everyTopic.some(topic => topic === place || topic.startsWith(`${place}/`))
  }

  /** By our clock, also when that was set back. */
  seen(receivedUs: number, by: string): void {
    this.#lastSeenUs = receivedUs
    // Devices of a family also say things that need no family to be read.
    if (by !== 'general' || this.#by === null) this.#by = by
  }

  /** As the store remembers it. */
  sawBefore(timeUs: number): void {
    if (timeUs > this.#lastSeenUs) this.#lastSeenUs = timeUs
  }

  /** `full`: there are `maxFacts` about its fields already. What is old only fills in what is not known. */
  learn(
    fact: LastingFact,
    { maxFacts, isOld }: { maxFacts: number; isOld: boolean },
  ): 'news' | 'known' | 'full' {
    const { field, topic, ...rest } = fact
    if (fact.expectedIntervalS !== undefined) this.presence.declare(fact.expectedIntervalS)
    if (field === undefined) return assignNew(this.#about, rest, isOld) ? 'news' : 'known'
    const byTopic = this.#aboutFields.get(field) ?? new Map<string, LastingFact>()
    let about = byTopic.get(topic ?? '')
    if (about === undefined) {
      if (this.#factCount >= maxFacts) return 'full'
      this.#factCount++
      about = { device: this.id, field }
      this.#aboutFields.set(field, byTopic.set(topic ?? '', about))
    }
    return assignNew(about, fact, isOld) ? 'news' : 'known'
  }

  /** Everything learned, for a decoder that begins anew. */
  *facts(): Iterable<LastingFact> {
    yield this.#about
    for (const byTopic of this.#aboutFields.values()) yield* byTopic.values()
  }

  unitOf(field: string): string | null {
    return this.#told(field, 'unit') ?? this.#newest(field)?.unit ?? null
  }

  /** The newest value of a field; undefined when there is none. */
  valueOf(field: string): StoredValue | undefined {
    const newest = this.#newest(field)
    return newest === null || newest.timeUs === 0 ? undefined : newest.value
  }

  /** Whether it tells of events, not of measurements that come by themselves. */
  speaksOfEvents(): boolean {
    let hasEvents = false
    for (const series of this.#series) {
      for (const slot of series.fields.values()) {
        const kind = fieldClass(slot.name, slot.unit)
        if (slot.type === 'number' && kind !== undefined && !ABOUT_ITSELF.has(kind)) return false
        hasEvents ||= slot.type !== 'number' && slot.name !== 'available'
      }
    }
    return hasEvents
  }

  view(moment: Moment): DeviceView {
    const names = new Set(this.#series.flatMap(series => [...series.fields.values()].map(slot => slot.name)))
    const fields: [string, FieldView][] = []
    for (const name of names) {
      const slot = this.#newest(name)
      if (slot !== null && slot.timeUs > 0) fields.push([name, this.#viewOf(slot)])
    }
    return {
      id: this.id,
      name: this.name ?? this.id,
      room: this.#about.room ?? this.#series.find(series => series.tags.room)?.tags.room ?? null,
      model: this.#about.model ?? null,
      family: this.#about.family ?? this.#by,
      topics: this.topics.filter(topic => !moment.hasLeft(topic)),
      lastSeen: this.lastSeenMs,
      ...this.presence.at(moment, () => this.speaksOfEvents()),
      expectedIntervalS: this.presence.declaredS,
      // Own properties whatever their names: a field may be called __proto__.
      fields: Object.fromEntries(fields),
    }
  }

  #viewOf({ name, value, timeUs, type }: OwnField): FieldView {
    const unit = this.unitOf(name)
    const kind = this.#told(name, 'class') ?? fieldClass(name, unit ?? undefined) ?? null
    // Tasmota's POWER is not how much, but whether.
    return {
      value,
      time: timeUs / 1000,
      unit,
      type,
      class: type === 'boolean' && kind === 'power' ? 'switch' : kind,
    }
  }

  #told(field: string, key: 'unit' | 'class'): string | null {
    for (const about of this.#aboutFields.get(field)?.values() ?? []) {
      const told = about[key]
      if (told !== undefined) return told
    }
    return null
  }

  #newest(field: string): OwnField | null {
    let newest: OwnField | null = null
    for (const series of this.#series) {
      const slot = series.fields.get(field)
      if (slot !== undefined && (newest === null || slot.timeUs > newest.timeUs)) newest = slot
    }
    return newest
  }
}

/** Figures about the device, which come with whatever else it says. */
const ABOUT_ITSELF: ReadonlySet<string> = new Set(['battery', 'voltage', 'signal_strength', 'connectivity'])

/** Copies what is given and differs; false: nothing did. */
function assignNew(target: LastingFact, source: Partial<LastingFact>, isOld: boolean): boolean {
  const news = Object.entries(source).filter(([key, value]) => {
    const before = target[key as keyof LastingFact]
    return value !== undefined && before !== value && !(isOld && before !== undefined)
  })
  Object.assign(target, Object.fromEntries(news))
  return news.length > 0
}
