/**
 * The series of readings that were seen before. The decoder hands out one tags object per topic, so that tells them; a
 * table of the last ones answers most lookups without the price of a weak one, which was a thirtieth of a message's.
 */

import type { Reading, Tags } from '../telemetry/reading.ts'
import type { StoredSeries } from './series.ts'

interface Known {
  readonly tags: Tags
  readonly reported: string
  readonly series: StoredSeries
}

const SLOTS = 16_384
/** Of a name, from its end: enough to tell most apart. */
const HASHED_CHARACTERS = 12

export class KnownSeries {
  /** By `slotOf`; a newer one takes an older one's place. */
  readonly #recent: (Known | undefined)[] = new Array(SLOTS).fill(undefined)
  #all = new WeakMap<Tags, Known>()

  /** Of the device as it was reported. */
  find(reading: Reading): StoredSeries | undefined {
    const slot = slotOf(reading)
    const recent = this.#recent[slot]
    if (recent !== undefined && isOf(recent, reading)) return recent.series
    const known = this.#all.get(reading.tags)
    if (known === undefined || !isOf(known, reading)) return undefined
    this.#recent[slot] = known
    return known.series
  }

  keep(reading: Reading, series: StoredSeries): void {
    const { tags, device } = reading
    const known = { tags, reported: device, series }
    this.#all.set(tags, known)
    this.#recent[slotOf(reading)] = known
  }

  clear(): void {
    this.#recent.fill(undefined)
    this.#all = new WeakMap()
  }
}

function isOf({ tags, reported, series }: Known, reading: Reading): boolean {
  return tags === reading.tags && reported === reading.device && series.measurement === reading.measurement
}

/** FNV-1a of the ends of device and topic. */
function slotOf({ device, tags: { topic = '' } }: Reading): number {
  const hash = hashEnd(topic, hashEnd(device, 0x811c9dc5))
  return (hash ^ (hash >>> 15)) & (SLOTS - 1)
}

function hashEnd(text: string, seed: number): number {
  let hash = seed ^ text.length
  for (let i = Math.max(0, text.length - HASHED_CHARACTERS); i < text.length; i++)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash
}
