/** The readings between two flushes, and their bytes, made once for all who want the same. */

import type { AcceptedReading } from '../telemetry/reading.ts'
import type { Filter } from './filter.ts'
import { type Body, bodyOf } from './frame.ts'
import { readingJson } from './reading-json.ts'
import type { Ring } from './ring.ts'

export class Tick {
  /** Readings after this seq ... */
  readonly after: number
  /** ... up to this one. */
  readonly upTo: number
  readonly readings: readonly AcceptedReading[]
  readonly nowMs: number
  readonly #ring: Ring
  readonly #bodies = new Map<string, Body>()

  constructor(ring: Ring, after: number, readings: readonly AcceptedReading[], nowMs: number) {
    this.after = after
    this.upTo = ring.last
    this.readings = readings
    this.nowMs = nowMs
    this.#ring = ring
  }

  body(filter: Filter): Body {
    let body = this.#bodies.get(filter.key)
    if (!body) {
      body = filter.matchesAll ? this.#ring.slice(this.after, this.upTo) : this.#filtered(filter)
      this.#bodies.set(filter.key, body)
    }
    return body
  }

  #filtered(filter: Filter): Body {
    const json: string[] = []
    for (const reading of this.readings) {
      const fields = filter.select(reading)
      if (fields)
        json.push(fields === reading.fields ? this.#ring.entry(reading.seq) : readingJson(reading, fields))
    }
    return bodyOf(json)
  }
}
