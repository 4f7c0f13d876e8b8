/**
 * The newest value of each (device, topic, field), for those who cannot or do not want to take them all. That a device
 * was forgotten stays beside what comes of it later, in its place, and takes the place of what it said before.
 */

import type { AcceptedReading, Field } from '../telemetry/reading.ts'
import { isDeparture } from './departure.ts'
import { readingJson } from './reading-json.ts'

/** In the place of a topic: none holds a zero byte [MQTT-1.5.4-2]. */
const DEPARTURE = '\0'

interface Kept {
  reading: AcceptedReading
  field: Field
}

export class Conflation {
  /** By device, then by topic, then by field: all that a device said goes at once. */
  readonly #devices = new Map<string, Map<string, Map<string, Kept>>>()
  /** Field values taken in so far, and how many of them are the newest. */
  #taken = 0
  #kept = 0

  get isEmpty(): boolean {
    return this.#taken === 0
  }

  get keptValues(): number {
    return this.#kept
  }

  get skippedValues(): number {
    return this.#taken - this.#kept
  }

  /** Newest by measurement time; of equal times the later arrival. */
  take(reading: AcceptedReading, fields: readonly Field[]): void {
    const isGone = isDeparture(reading)
    if (isGone) this.#leaveOut(reading.device)
    const newest = this.#newestOf(reading.device, isGone ? DEPARTURE : reading.topic)
    this.#taken += fields.length
    for (const field of fields) {
      const kept = newest.get(field.name)
      if (!kept) {
        newest.set(field.name, { reading, field })
        this.#kept++
      } else if (reading.timeUs >= kept.reading.timeUs) {
        kept.reading = reading
        kept.field = field
      }
    }
  }

  /** As readings in the order of their seq, each value with its own time. */
  toJson(): string[] {
    const left = new Map<AcceptedReading, Field[]>()
    for (const { reading, field } of this.#values()) {
      const fields = left.get(reading)
      if (fields) fields.push(field)
      else left.set(reading, [field])
    }
    return [...left]
      .sort(([a], [b]) => a.seq - b.seq)
      .map(([reading, fields]) => readingJson(reading, fields))
  }

  /** Whatever its clock said of when. */
  #leaveOut(device: string): void {
    for (const { size } of this.#devices.get(device)?.values() ?? []) this.#kept -= size
    this.#devices.delete(device)
  }

  #newestOf(device: string, topic: string): Map<string, Kept> {
    let topics = this.#devices.get(device)
    if (!topics) {
      topics = new Map()
      this.#devices.set(device, topics)
    }
    let newest = topics.get(topic)
    if (!newest) {
      newest = new Map()
      topics.set(topic, newest)
    }
    return newest
  }

  *#values(): Iterable<Kept> {
    for (const topics of this.#devices.values()) for (const newest of topics.values()) yield* newest.values()
  }

  clear(): void {
    this.#devices.clear()
    this.#taken = 0
    this.#kept = 0
  }
}
