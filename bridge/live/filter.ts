/**
 * Which readings a subscription wants: AND between devices, topics and fields, OR within one of them. Equal
 * filters have equal keys, so that what is made for one serves all. A device is meant by its id, or by its name of now.
 */

import { matchesGlob } from '../telemetry/globs.ts'
import type { AcceptedReading, Field } from '../telemetry/reading.ts'
import { matchesFilter } from '../telemetry/topics.ts'
import { isDeparture } from './departure.ts'
import type { LiveFilter } from './protocol.ts'

/** What devices are called. */
export interface DeviceNames {
  /** By id; null: as its id. */
  of(device: string): string | null
  /** Changes with any of them. */
  readonly version: number
}

/** Answers remembered per kind; a fleet is 10,000 devices. */
const MEMO_ENTRIES = 20_000
/** Each is called as its id says. */
const NO_NAMES: DeviceNames = { of: () => null, version: 0 }

export class Filter {
  /** Equal for equal filters. */
  readonly key: string
  readonly #names: DeviceNames
  readonly #devices: Memo | null
  readonly #topics: Memo | null
  readonly #fields: Memo | null

  constructor(spec: LiveFilter, names: DeviceNames = NO_NAMES) {
    this.key = filterKey(spec)
    this.#names = names
    this.#devices = namedMemo(spec.devices, names)
    this.#topics = spec.topics ? memo(spec.topics, matchesFilter) : null
    this.#fields = spec.fields ? memo(spec.fields, matchesGlob) : null
  }

  /** What it says of devices may be another with another version. */
  get version(): number {
    return this.#devices ? this.#names.version : 0
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
    const { device, topic, fields } = reading
    if (isDeparture(reading)) return (this.#devices?.(device) ?? true) ? fields : null
    if (!this.matches(device, topic)) return null
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

/** Ids and names are put together once for each device, and anew when one is renamed: a message pays for a look at a number. */
function namedMemo(patterns: readonly string[] | undefined, names: DeviceNames): Memo | null {
  if (!patterns) return null
  const matches = (pattern: string, device: string) => {
    if (matchesGlob(pattern, device)) return true
    const name = names.of(device)
    return name !== null && matchesGlob(pattern, name)
  }
  let { version } = names
  let answer = memo(patterns, matches)
  return device => {
    if (version !== names.version) {
      version = names.version
      answer = memo(patterns, matches)
    }
    return answer(device)
  }
}

function memo(patterns: readonly string[], matches: (pattern: string, name: string) => boolean): Memo {
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
