/**
 * Which readings a subscription wants: AND between devices, topics and fields, OR within one of them. Equal
 * filters have equal keys, so that what is made for one serves all.
 */

import { matchesGlob } from '../telemetry/globs.ts'
import type { AcceptedReading, Field } from '../telemetry/reading.ts'
import { matchesFilter } from '../telemetry/topics.ts'
import type { LiveFilter } from './protocol.ts'

/** Answers remembered per kind; a fleet is 10,000 devices. */
const MEMO_ENTRIES = 20_000

export class Filter {
  /** Equal for equal filters. */
  readonly key: string
  readonly #devices: Memo | null
  readonly #topics: Memo | null
  readonly #fields: Memo | null

  constructor(spec: LiveFilter) {
    this.key = filterKey(spec)
    this.#devices = memo(spec.devices, matchesGlob)
    this.#topics = memo(spec.topics, matchesFilter)
    this.#fields = memo(spec.fields, matchesGlob)
  }

  get matchesAll(): boolean {
    return !this.#devices && !this.#topics && !this.#fields
  }

  matches(device: string, topic: string): boolean {
    return (this.#devices?.(device) ?? true) && (this.#topics?.(topic) ?? true)
  }

  matchesField(name: string): boolean {
    return this.#fields?.(name) ?? true
  }

  /** The fields that match, the very same array when all do; null when the reading is not wanted. */
  select(reading: AcceptedReading): readonly Field[] | null {
    if (!this.matches(reading.device, reading.topic)) return null
    const { fields } = reading
    if (!this.#fields || fields.every(field => this.matchesField(field.name))) return fields
    const left = fields.filter(field => this.matchesField(field.name))
    return left.length > 0 ? left : null
  }
}

export function filterKey(spec: LiveFilter): string {
  const sorted = (patterns: readonly string[] | undefined) =>
    patterns ? [...new Set(patterns)].sort() : null
  return JSON.stringify([sorted(spec.devices), sorted(spec.topics), sorted(spec.fields)])
}

type Memo = (name: string) => boolean

function memo(
  patterns: readonly string[] | undefined,
  matches: (pattern: string, name: string) => boolean,
): Memo | null {
  if (!patterns) return null
  const known = new Map<string, boolean>()
  return name => {
    let answer = known.get(name)
    if (answer === undefined) {
      answer = patterns.some(pattern => matches(pattern, name))
      if (known.size >= MEMO_ENTRIES) known.clear()
      known.set(name, answer)
    }
    return answer
  }
}
