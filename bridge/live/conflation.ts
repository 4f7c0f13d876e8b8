/**
 * The newest value of each (device, topic, field), for those who cannot or do not want to take them all. That a device
 * was forgotten stays beside what comes of it later, in its place, and takes the place of what it said before.
 */

import type { AcceptedReading, Field } from '../telemetry/reading.ts'
import { isDeparture } from './departure.ts'
import { readingJson } from './reading-json.ts'

interface Kept {
  reading: AcceptedReading
  field: Field
}

export class Conflation {
  readonly #series = new Map<string, Map<string, Kept>>()
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
    let key = `${reading.device}\0${reading.topic}`
    if (isDeparture(reading)) {
      this.#leaveOut(reading.device)
      key = departureKey(reading.device)
    }
    let newest = this.#series.get(key)
    if (!newest) {
      newest = new Map()
      this.#series.set(key, newest)
    }
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
    for (const newest of this.#series.values()) {
      for (const { reading, field } of newest.values()) {
        const fields = left.get(reading)
        if (fields) fields.push(field)
        else left.set(reading, [field])
      }
    }
    return [...left]
      .sort(([a], [b]) => a.seq - b.seq)
      .map(([reading, fields]) => readingJson(reading, fields))
  }

  /** Whatever its clock said of when. */
  #leaveOut(device: string): void {
    for (const [key, { size }] of this.#series) {
      if (!key.startsWith(`${device}\0`)) continue
      this.#kept -= size
      this.#series.delete(key)
    }
  }

  clear(): void {
    this.#series.clear()
    this.#taken = 0
    this.#kept = 0
  }
}

/** No topic holds a zero byte [MQTT-1.5.4-2]. */
function departureKey(device: string): string {
  return `${device}\0\0`
}
