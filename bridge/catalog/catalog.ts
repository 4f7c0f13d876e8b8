/**
 * What is known of devices and fields: types, names, rooms, units, last values. Every reading passes through
 * `accept`, which turns it into the line that is stored; a first sight is remembered in the journal before the block
 * that leans on it.
 */

import type { LastValue } from '../store/store.ts'
import type { Fact } from '../telemetry/facts.ts'
import type { Field, Reading, Tags, Value } from '../telemetry/reading.ts'
import type { Series } from '../telemetry/series.ts'
import { Aliases, type Decision } from './aliases.ts'
import { Device, type DeviceView, type HiddenDevice, type LastingFact, type Moment } from './device.ts'
import { convert, type FieldType, type StoredValue, typeOfValue } from './field-type.ts'
import { FieldTypes } from './field-types.ts'
import { type Departure, ForgottenDevices } from './forgotten.ts'
import { Journal } from './journal.ts'
import { KnownSeries } from './known-series.ts'
import { Admission, CATALOG_LIMITS, type CatalogLimits, type Refusal, type Source, STORED } from './limits.ts'
import { encodeTime, encodeValue, type FieldSlot, LongTexts, StoredSeries } from './series.ts'

/**
 * Within what a field name has one type: InfluxDB has one per measurement, whatever the device; the embedded store
 * keeps them apart by device.
 */
export type TypeScope = 'measurement' | 'device'

/** A reading with its final time and its fields as they are stored. */
export interface Accepted {
  /** The device's id, which a rename does not change. */
  readonly device: string
  /** One line of line protocol with its newline, nanoseconds; '' when nothing of it had room. */
  readonly line: string
  readonly fields: readonly Field[]
  readonly tags: Tags
  readonly timeUs: number
  /** Why a part of it was not taken; null: all of it was. */
  readonly refused: Refusal | null
}

export interface CatalogOptions {
  readonly journalPath: string
  readonly scope: TypeScope
  /** Device times older than this are not believed: the arrival time counts. */
  readonly maxAgeMs?: number | undefined
  readonly limits?: Partial<CatalogLimits>
  /** Milliseconds that never go back; another one in tests. */
  readonly clockMs?: () => number
}

type JournalRecord =
  | {
      readonly type: FieldType
      readonly measurement: string
      /** Whose it is, which may be gone. Before there was `seen` in every journal it was `device`, and told of one. */
      readonly of?: string
      readonly device?: string
      readonly field: string
    }
  | { readonly fact: LastingFact }
  | { readonly decision: Decision }
  /** There is such a device, heard on these topics, and on those that other records of it tell. */
  | { readonly seen: string; readonly topics?: readonly string[] }
  /** What the store has of it until then is history, and no device. */
  | {
      readonly forgotten: string
      readonly untilUs: number
      readonly topics?: readonly string[]
      readonly name?: string
    }

/** A device that fell silent, or is back. */
export interface PresenceChange {
  readonly device: string
  readonly available: boolean
  /** What that follows from: a word of it that was no reading, or its silence. */
  readonly availableBy: 'word' | 'silence'
  /** When it was last heard, microseconds since the epoch. */
  readonly lastSeenUs: number
}

export interface DevicePresence {
  readonly device: string
  /** When it was last heard, since the epoch. */
  readonly lastSeenMs: number
  /** Null: neither its word nor its rhythm tells. */
  readonly available: boolean | null
}

/** A device that was taken out. */
export interface Forgotten {
  readonly id: string
  /** The id, and what messages call it now, but for names that mean another device. */
  readonly names: readonly string[]
  /** Those that were its own. */
  readonly topics: readonly string[]
  /** When it was last heard, microseconds since the epoch; 0: not since the start, as far as is known. */
  readonly lastSeenUs: number
}

/** Whose types are those that all devices share. */
const SHARED = ''
/** Several entities of one device may each suggest who it is. */
const IDENTITIES_PER_DEVICE = 4
/** Longer than between two calls of `listen`: the process stood still, and heard nobody. */
const STANDSTILL_MS = 5_000

export class Catalog {
  /** The store has told all that it has of before this start: who is not here now is nowhere. */
  isComplete = false
  readonly #scope: TypeScope
  readonly #journal: Journal
  readonly #types = new FieldTypes()
  readonly #devices = new Map<string, Device>()
  readonly #series = new Map<string, StoredSeries>()
  /** As many as there may be devices, and with as many types as there may be series. */
  readonly #forgotten = new ForgottenDevices()
  readonly #known = new KnownSeries()
  readonly #maxAgeUs: number
  readonly #clockMs: () => number
  readonly #admission: Admission
  readonly #aliases: Aliases
  readonly #longTexts = new LongTexts()
  readonly #names = { of: (id: string) => this.#nameOf(id), version: 0 }
  #listeningSinceMs: number
  #listenedAtMs: number
  readonly stats: {
    typeConflicts: number
    oldTimes: number
    /** Those that may be shown again after a restart, while the store has something of them. */
    forgottenEvicted: number
    /** Of fields that nobody had any more, where devices share types. */
    typesDropped: number
    readonly counts: Readonly<{ devices: number; series: number }>
    readonly refused: Readonly<Record<Refusal, number>>
  }

  constructor(options: CatalogOptions) {
    this.#scope = options.scope
    this.#maxAgeUs = (options.maxAgeMs ?? Number.POSITIVE_INFINITY) * 1000
    this.#clockMs = options.clockMs ?? (() => performance.now())
    this.#listeningSinceMs = this.#clockMs()
    this.#listenedAtMs = this.#listeningSinceMs
    const limits = { ...CATALOG_LIMITS, ...options.limits }
    this.#admission = new Admission(limits, this.#clockMs)
    const { counts, refused } = this.#admission
    this.stats = { typeConflicts: 0, oldTimes: 0, forgottenEvicted: 0, typesDropped: 0, counts, refused }
    this.#aliases = new Aliases(
      {
        has: id => this.#devices.has(id),
        wasHeard: id => this.#devices.get(id)?.wasHeard === true,
        wasHeardFrom: (id, place) => this.#devices.get(id)?.hasSpokenFrom(place) === true,
      },
      IDENTITIES_PER_DEVICE * limits.devices,
    )
    this.#journal = new Journal(options.journalPath, {
      onRecord: record => this.#recall(record as JournalRecord),
      everything: () => this.#records(),
    })
    this.#trimForgotten()
  }

  /**
   * Types the values, fixes the time, remembers the newest, and encodes the line. What is new there must be room for:
   * `source` is who brought it.
   */
  accept(reading: Reading, by: string, receivedUs: number, source?: Source): Accepted {
    const series = this.#seriesOf(reading, source)
    if (typeof series === 'string') {
      const { device, tags } = reading
      return { device, line: '', fields: [], tags, timeUs: receivedUs, refused: series }
    }
    const timeUs = this.#believedTime(reading, receivedUs) ?? series.arrivalTime(receivedUs)
    let line = series.prefix
    let fields: Field[] | null = null
    let isEmpty = true
    let refused: Refusal | null = null
    for (let i = 0; i < reading.fields.length; i++) {
      const field = reading.fields[i]!
      let slot = series.slotAt(i, field.name) ?? this.#addField(series, field.name, field.value, source)
      let value: StoredValue | null = null
      if (typeof slot !== 'string') {
        const { jsType, type } = slot.kind
        value = typeof field.value === jsType ? (field.value as StoredValue) : convert(field.value, type)
        if (value === null) {
          this.stats.typeConflicts++
          slot = this.#textFieldBeside(series, field.name, reading, source)
          value = String(field.value)
        }
      }
      if (typeof slot === 'string') {
        refused = slot
        fields ??= reading.fields.slice(0, i)
        continue
      }
      const { kind } = slot
      if (fields === null && (value !== field.value || kind.name !== field.name))
        fields = reading.fields.slice(0, i)
      fields?.push({ ...field, name: kind.name, value: value! })
      line += isEmpty ? kind.encodedKey : kind.nextKey
      line += encodeValue(value!)
      isEmpty = false
      slot.update(value!, field.unit, timeUs, receivedUs)
    }
    if (!isEmpty) {
      series.owner.seen(receivedUs, by)
      series.owner.presence.heard(this.#clockMs())
    }
    return {
      device: series.device,
      line: isEmpty ? '' : `${line} ${encodeTime(timeUs)}\n`,
      fields: fields ?? reading.fields,
      tags: series.tags,
      timeUs,
      refused,
    }
  }

  /** A value of unknown age: shown where nothing is known, or something else was, until a reading comes. */
  recall(reading: Reading, by: string, receivedUs: number, source?: Source): void {
    const series = this.#seriesOf(reading, source)
    if (typeof series === 'string') return
    for (const { name, value: given, unit } of reading.fields) {
      const slot = series.fields.get(name) ?? this.#addField(series, name, given, source)
      if (typeof slot === 'string') continue
      const value = convert(given, slot.type)
      if (value !== null) slot.recall(value, unit, receivedUs)
    }
    if (!series.owner.hasReadings && series.fields.size > 0) series.owner.seen(receivedUs, by)
  }

  /**
   * What discovery, births and wills tell; `topic` is that of the message. Kept across restarts, but for availability.
   * Null: there was room for all of it.
   */
  learn(facts: readonly Fact[], source?: Source, topic = ''): Refusal | null {
    let refused: Refusal | null = null
    for (const fact of facts) refused = this.#learn(fact, source, topic) ?? refused
    return refused
  }

  /** What an operator brings again: it fills in what nobody told since. */
  learnOld(facts: readonly Fact[], topic: string): Refusal | null {
    let refused: Refusal | null = null
    for (const { available, identity, isGuess, formerly, ...lasting } of facts) {
      const device = this.#device(this.#aliases.idOf(lasting.device, lasting.topic ?? topic), undefined)
      refused = (typeof device === 'string' ? device : this.#keep(lasting, device, true)) ?? refused
    }
    return refused
  }

  /** Everything learned so far, for a decoder that begins anew. */
  *facts(): Iterable<LastingFact> {
    for (const device of this.#devices.values()) {
      const isRenamed = this.#aliases.isKnown(device.id)
      // A decoder goes by the names of now. The rooms of these devices are put in here.
      for (const { room, ...fact } of device.facts())
        yield isRenamed || room === undefined ? fact : { ...fact, room }
    }
  }

  /** Fills in what the store remembers: the newest values of before this start. */
  fill(values: readonly LastValue[]): void {
    for (const { device, measurement, tags, field, value, timeUs } of values) {
      if (timeUs <= this.#forgotten.untilUs(device)) continue
      const series = this.#seriesBy(device, measurement, tags, STORED)
      if (typeof series === 'string') continue
      const slot = series.fields.get(field) ?? this.#addField(series, field, value, STORED)
      if (typeof slot === 'string') continue
      // After a field was given another type the store still has values of the one before.
      const fitting = convert(value, slot.type)
      if (fitting !== null) slot.fill(fitting, timeUs)
      series.noteTime(timeUs)
      series.owner.sawBefore(timeUs)
      if (field === 'available' && typeof value === 'boolean') series.owner.presence.say(value)
    }
  }

  /**
   * To be called once a second or so: `isListening` says whether devices can reach us at all. Returns the devices whose
   * availability changed without a word of theirs that live clients have seen.
   */
  listen(isListening: boolean): PresenceChange[] {
    const nowMs = this.#clockMs()
    if (!isListening || nowMs - this.#listenedAtMs > STANDSTILL_MS) this.#listeningSinceMs = nowMs
    this.#listenedAtMs = nowMs
    const hearing = { nowMs, listeningSinceMs: this.#listeningSinceMs }
    const changes: PresenceChange[] = []
    for (const device of this.#devices.values()) {
      if (!device.hasReadings) continue
      const { presence } = device
      const { available, availableBy } = presence.at(hearing, () => device.speaksOfEvents())
      if (available === presence.told) continue
      const isFirst = presence.told === undefined || presence.told === null
      presence.told = available
      const isSeen = device.valueOf('available') === available || (isFirst && available !== false)
      if (available === null || availableBy === null || isSeen) continue
      changes.push({ device: device.id, available, availableBy, lastSeenUs: device.lastSeenMs * 1000 })
    }
    return changes
  }

  /** Whether each device that is listed is there; cheap, unlike their views. */
  *presences(): Iterable<DevicePresence> {
    const hearing = { nowMs: this.#clockMs(), listeningSinceMs: this.#listeningSinceMs }
    for (const device of this.#devices.values()) {
      if (this.#whyHidden(device) !== null) continue
      const { available } = device.presence.at(hearing, () => device.speaksOfEvents())
      yield { device: device.id, lastSeenMs: device.lastSeenMs, available }
    }
  }

  /** One by one: of many devices they are too much for one turn. */
  *devices(): Iterable<DeviceView> {
    for (const device of this.#devices.values())
      if (this.#whyHidden(device) === null) yield this.#view(device)
  }

  /** The others. Their topics are those that they were heard on at any time. */
  *hiddenDevices(): Iterable<HiddenDevice> {
    for (const device of this.#devices.values()) {
      const hidden = this.#whyHidden(device)
      if (hidden === null) continue
      const { id, name, room, model, family } = this.#view(device)
      yield { id, name, room, model, family, topics: device.everyTopic, hidden }
    }
  }

  /** By its id, or by what it is called now. Null: no reading of such a device was ever seen. */
  device(name: string): DeviceView | null {
    const device = this.#devices.get(this.idOf(name))
    return device?.hasReadings ? this.#view(device) : null
  }

  /** What each was called last, if not by its id; also one that was forgotten. */
  get names(): { of(id: string): string | null; readonly version: number } {
    return this.#names
  }

  /**
   * Where it is heard, also before the store has told of it; of a device that was forgotten, until it is back: where it
   * was. Empty: it is new.
   */
  topicsOf(name: string): readonly string[] {
    const namesake = this.#devices.get(name)
    const id = namesake?.wasHeard === true && !this.#isGhost(namesake) ? name : this.idOf(name)
    const device = this.#devices.get(id)
    if (device?.wasHeard !== true) return this.#forgotten.topicsOf(id)
    const topics = device.everyTopic
    const ofNow = topics.filter(topic => !this.#aliases.hasLeft(id, topic))
    // Of what was renamed and is silent since, nobody else is to go on with the name of before.
    return ofNow.length > 0 ? ofNow : topics
  }

  /** The id behind a name; the name itself where there is none. */
  idOf(name: string): string {
    const device = this.#devices.get(name)
    const isId = this.#aliases.isKnown(name) || (device?.hasReadings === true && !this.#isGhost(device))
    return isId ? name : (this.#aliases.named(name) ?? name)
  }

  /**
   * Takes a device out that is gone for good: what is known of it, and its share of the caps. By its id alone: a name
   * means another device once its own is gone. What is stored stays, under its id; if it speaks again, it is a new one.
   * Flush to have it last. Null: there is none of that id, hidden or not.
   */
  forget(id: string, nowUs: number): Forgotten | null {
    const device = this.#devices.get(id)
    if (device === undefined) return null
    const others = new Set<string>()
    for (const other of this.#devices.values())
      if (other !== device) for (const topic of other.everyTopic) others.add(topic)
    const isOwn = (topic: string) => !others.has(topic) && this.#aliases.idOf(id, topic) === id
    const topics = device.everyTopic.filter(isOwn)
    const names = [...new Set([id, ...this.#aliases.namesOf(id)])].filter(name => this.idOf(name) === id)
    const departure = this.#drop(
      id,
      Math.max(nowUs, device.newestUs),
      device.everyTopic,
      device.name ?? undefined,
    )
    this.#journal.add({ forgotten: id, ...departure } satisfies JournalRecord)
    this.#trimForgotten()
    this.#trimSharedTypes()
    return { id, names, topics, lastSeenUs: device.lastSeenMs * 1000 }
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

  #nameOf(id: string): string | null {
    return this.#devices.get(id)?.name ?? this.#forgotten.nameOf(id)
  }

  #view(device: Device) {
    const moment: Moment = {
      nowMs: this.#clockMs(),
      listeningSinceMs: this.#listeningSinceMs,
      hasLeft: topic => this.#aliases.hasLeft(device.id, topic),
    }
    return device.view(moment)
  }

  #whyHidden(device: Device): HiddenDevice['hidden'] | null {
    if (!device.hasReadings) return 'not-heard'
    return this.#isGhost(device) ? 'renamed' : null
  }

  /** What came under a new name before we were told that it is one: it is in the history, and no device. */
  #isGhost(device: Device): boolean {
    if (this.#aliases.isKnown(device.id)) return false
    const topics = device.everyTopic
    return topics.length > 0 && topics.every(topic => this.#aliases.idOf(device.id, topic) !== device.id)
  }

  #believedTime({ timeUs }: Reading, receivedUs: number): number | null {
    if (timeUs === null || receivedUs - timeUs <= this.#maxAgeUs) return timeUs
    this.stats.oldTimes++
    return null
  }

  #learn(fact: Fact, source: Source, topic: string): Refusal | null {
    const { available, identity, isGuess, formerly, ...lasting } = fact
    const decision = this.#decide(fact)
    if (decision !== null) {
      this.#journal.add({ decision } satisfies JournalRecord)
      this.#known.clear()
    }
    const id = this.#aliases.idOf(fact.device, fact.topic ?? topic)
    // A gateway that ends tells of all that were behind it: whoever was forgotten does not come back by that.
    const isGone = available === false && this.#forgotten.untilUs(id) > 0
    if (isGone && !this.#devices.has(id)) return null
    const device = this.#device(id, source)
    if (typeof device === 'string') return device
    if (available !== undefined) device.presence.say(available)
    return this.#keep(lasting, device, false)
  }

  #keep(fact: LastingFact, device: Device, isOld: boolean): Refusal | null {
    const about: LastingFact = { ...fact, device: device.id }
    const learned = device.learn(about, { maxFacts: this.#admission.limits.fieldsPerDevice, isOld })
    if (learned === 'full') return this.#admission.refuse('too-many-fields')
    if (learned === 'known') return null
    device.isInJournal = true
    if (about.name !== undefined && about.field === undefined) this.#names.version++
    this.#journal.add({ fact: about } satisfies JournalRecord)
    // A room becomes a tag: the series of the device are looked up anew.
    if (about.room !== undefined && about.field === undefined) this.#known.clear()
    return null
  }

  /** The one place where it is settled whose readings come under a name. */
  #decide({ device: name, topic: place, identity, isGuess, formerly }: Fact): Decision | null {
    if (place === undefined) return null
    const now = { name, place, isCertain: isGuess !== true }
    if (identity !== undefined) return this.#aliases.sight({ identity, ...now })
    if (formerly === undefined) return null
    const key = `renamed:${formerly.topic}`
    const before = { identity: key, name: formerly.name, place: formerly.topic, isCertain: false }
    return this.#aliases.rename(before, now)
  }

  #recall(record: JournalRecord): void {
    if ('decision' in record) this.#aliases.take(record.decision)
    else if ('seen' in record) this.#recallTopics(record.seen, record.topics ?? [])
    else if ('forgotten' in record)
      this.#drop(record.forgotten, record.untilUs, record.topics ?? [], record.name)
    else if ('fact' in record) {
      const maxFacts = Number.POSITIVE_INFINITY
      this.#recallDevice(record.fact.device)?.learn(record.fact, { maxFacts, isOld: false })
    } else {
      const { device, of = device ?? SHARED } = record
      this.#types.set(of, record)
      if (device !== undefined) this.#recallDevice(device)
    }
  }

  #recallTopics(id: string, topics: readonly string[]): void {
    const device = this.#recallDevice(id)
    for (const topic of topics) device?.keepTopic(topic)
  }

  #recallDevice(id: string): Device | null {
    const device = this.#device(id, STORED)
    if (typeof device === 'string') return null
    device.isInJournal = true
    return device
  }

  /** The journal, said in as few words as possible. */
  *#records(): Iterable<JournalRecord> {
    for (const { owner, ...typed } of this.#types.entries())
      yield owner === SHARED ? typed : { ...typed, of: owner }
    for (const [forgotten, departure] of this.#forgotten.entries()) yield { forgotten, ...departure }
    for (const decision of this.#aliases.decisions()) yield { decision }
    for (const device of this.#devices.values()) {
      const { id: seen, topicsKept: topics } = device
      yield topics.length > 0 ? { seen, topics } : { seen }
      for (const fact of device.facts()) if (Object.keys(fact).length > 1) yield { fact }
    }
  }

  /** Types stay, and whose id it is: what is stored has them, and is to become nobody else's. */
  #drop(id: string, untilUs: number, topics: readonly string[], name?: string): Departure {
    const device = this.#devices.get(id)
    if (device !== undefined) {
      this.#devices.delete(id)
      this.#admission.left(device.seriesCount)
      for (const series of device.series) {
        this.#series.delete(series.prefix)
        for (const slot of series.fields.values()) slot.leave()
      }
    }
    this.#known.clear()
    return this.#forgotten.add(id, untilUs, topics, name)
  }

  /** Whose departure is not remembered any more keeps no types either, or they would become more and more. */
  #trimForgotten(): void {
    const { limits } = this.#admission
    let types = 0
    for (const [id] of this.#forgotten.entries()) types += this.#typesLeftBy(id)
    while (this.#forgotten.size > limits.devices || types > limits.series) {
      const oldest = this.#forgotten.shift()
      if (oldest === undefined) return
      this.stats.forgottenEvicted++
      types -= this.#typesLeftBy(oldest)
      if (!this.#devices.has(oldest)) this.#types.drop(oldest)
    }
  }

  /**
   * Where all devices share types, nobody knows whose the unused ones were: once there are more types than there may be
   * series, all of those go. A store that has another type for such a field refuses what comes then: the quarantine
   * has it.
   */
  #trimSharedTypes(): void {
    const count = this.#types.countOf(SHARED)
    // Before the store has told, nobody knows what is used.
    if (!this.isComplete || count <= this.#admission.limits.series) return
    this.#types.drop(SHARED)
    for (const { measurement, fields } of this.#series.values())
      for (const { name: field, type } of fields.values())
        this.#types.set(SHARED, { measurement, field, type })
    this.stats.typesDropped += count - this.#types.countOf(SHARED)
  }

  #typesLeftBy(id: string): number {
    return this.#devices.has(id) ? 0 : this.#types.countOf(id)
  }

  #device(id: string, source: Source): Device | Refusal {
    const known = this.#devices.get(id)
    if (known !== undefined) return known
    const refusal = this.#admission.device(source)
    if (refusal !== null) return refusal
    const device = new Device(id)
    this.#devices.set(id, device)
    return device
  }

  #seriesOf(reading: Reading, source: Source): StoredSeries | Refusal {
    const known = this.#known.find(reading)
    if (known !== undefined) return known
    const id = this.#aliases.idOf(reading.device, reading.tags.topic ?? '')
    const series = this.#seriesBy(id, reading.measurement, reading.tags, source)
    if (typeof series !== 'string') this.#known.keep(reading, series)
    return series
  }

  #seriesBy(deviceId: string, measurement: string, tags: Tags, source: Source): StoredSeries | Refusal {
    const device = this.#device(deviceId, source)
    if (typeof device === 'string') return device
    const withRoom = tags.room === undefined && device.room !== null ? { ...tags, room: device.room } : tags
    const created = new StoredSeries(device, measurement, withRoom)
    const known = this.#series.get(created.prefix)
    if (known !== undefined) return known
    const refusal = this.#admission.mayHaveSeries(device.seriesCount, source)
    if (refusal !== null) return this.#admission.refuse(refusal)
    // Of a device that is back the store has points, and may have this series.
    created.noteTime(this.#forgotten.untilUs(deviceId))
    this.#series.set(created.prefix, created)
    device.addSeries(created)
    if (device.keepTopic(created.topic)) this.#noteSeen({ seen: deviceId, topics: [created.topic] }, device)
    else if (!device.isInJournal) this.#noteSeen({ seen: deviceId }, device)
    return created
  }

  #noteSeen(record: JournalRecord, device: Device): void {
    device.isInJournal = true
    this.#journal.add(record)
  }

  /** The one place where a field gets its type. */
  #claimType(measurement: string, deviceId: string, field: string, value: Value): FieldType {
    const owner = this.#scope === 'device' ? deviceId : SHARED
    const known = this.#types.get(owner, measurement, field)
    if (known !== undefined) return known
    const type = typeOfValue(value)
    const typed = { type, measurement, field }
    this.#types.set(owner, typed)
    this.#journal.add((owner === SHARED ? typed : { ...typed, of: owner }) satisfies JournalRecord)
    return type
  }

  #addField(series: StoredSeries, name: string, value: Value, source: Source): FieldSlot | Refusal {
    const refusal = this.#admission.series(series.owner.seriesCount, source)
    if (refusal !== null) return refusal
    // An integer beyond 2^53 is no double: its field is the text beside, from the first one on.
    const type = this.#claimType(
      series.measurement,
      series.device,
      name,
      typeof value === 'bigint' ? 0 : value,
    )
    series.owner.seriesCount++
    return series.addField(name, type, this.#longTexts)
  }

  /** The first name with `_text` appended that holds text, and that the reading itself does not use. */
  #textFieldBeside(
    series: StoredSeries,
    name: string,
    reading: Reading,
    source: Source,
  ): FieldSlot | Refusal {
    for (let beside = `${name}_text`; ; beside += '_text') {
      if (reading.fields.some(field => field.name === beside)) continue
      const slot = series.fields.get(beside) ?? this.#addField(series, beside, '', source)
      if (typeof slot === 'string' || slot.type === 'text') return slot
    }
  }
}
