/**
 * How many devices and fields there may be: names come from outside, and each of them costs memory here, in the
 * store, and on every page that lists it.
 *
 * A series is a field of a device on a topic. The last tenth of a cap is kept for clients that have brought little so
 * far, so that one that invents names does not shut the door on the others.
 */

import { RecentMap } from '../decode/recent-map.ts'

export interface CatalogLimits {
  readonly devices: number
  /** A field counts once for each topic that it comes by. */
  readonly fieldsPerDevice: number
  /** Of all devices together. */
  readonly series: number
  /** Of one client. */
  readonly newDevicesPerMinute: number
}

/**
 * They admit 10,000 devices of 100 fields with some room. A series costs 2.4 KB in the embedded store's process
 * (measured with a million of them), so that the most there can be are 2.9 GB; the settings are for smaller machines.
 */
export const CATALOG_LIMITS: CatalogLimits = {
  devices: 20_000,
  fieldsPerDevice: 1_000,
  series: 1_200_000,
  newDevicesPerMinute: 12_000,
}

export const REFUSALS = [
  'too-many-devices',
  'too-many-new-devices',
  'too-many-fields',
  'too-many-series',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** What is there already, whatever the caps are by now. */
export const STORED = Symbol('stored')
/** Who brings something: a client, null where none is known, undefined for an operator, who has no share of his own. */
export type Source = string | null | undefined | typeof STORED

const RESERVED_SHARE = 10
/** A client that brought no more than a hundredth of a cap may use what is kept. */
const LITTLE_SHARE = 100
const MAX_CLIENTS = 10_000

/** What one client brought since the start. */
interface Brought {
  devices: number
  series: number
  /** Devices that it may bring now, and when that was worked out. */
  allowance: number
  allowedAtMs: number
}

export class Admission {
  readonly limits: CatalogLimits
  readonly counts = { devices: 0, series: 0 }
  readonly refused: Record<Refusal, number> = {
    'too-many-devices': 0,
    'too-many-new-devices': 0,
    'too-many-fields': 0,
    'too-many-series': 0,
  }
  readonly #clockMs: () => number
  readonly #brought = new RecentMap<string, Brought>(MAX_CLIENTS)

  /** `clockMs` never goes back. */
  constructor(limits: CatalogLimits, clockMs: () => number) {
    this.limits = limits
    this.#clockMs = clockMs
  }

  /** Null: one more device may come, and is counted. */
  device(source: Source): Refusal | null {
    const refusal = source === STORED ? null : this.#refusalOfDevice(this.#of(source))
    if (refusal !== null) return this.refuse(refusal)
    this.counts.devices++
    return null
  }

  /** Null: a device that has so many series may have one more, which is counted. */
  series(ofDevice: number, source: Source): Refusal | null {
    const refusal = this.mayHaveSeries(ofDevice, source)
    if (refusal !== null) return this.refuse(refusal)
    this.counts.series++
    const brought = this.#of(source)
    if (brought !== null) brought.series++
    return null
  }

  /** The same, without counting. */
  mayHaveSeries(ofDevice: number, source: Source): Refusal | null {
    if (source === STORED) return null
    if (ofDevice >= this.limits.fieldsPerDevice) return 'too-many-fields'
    const { series: cap } = this.limits
    return isOver(this.counts.series, cap, this.#of(source)?.series ?? 0) ? 'too-many-series' : null
  }

  /** A device with so many series is no more. */
  left(series: number): void {
    this.counts.devices--
    this.counts.series -= series
  }

  /** Counts it. */
  refuse(refusal: Refusal): Refusal {
    this.refused[refusal]++
    return refusal
  }

  #refusalOfDevice(brought: Brought | null): Refusal | null {
    const { devices: cap, newDevicesPerMinute } = this.limits
    if (isOver(this.counts.devices, cap, brought?.devices ?? 0)) return 'too-many-devices'
    if (brought === null) return null
    const nowMs = this.#clockMs()
    const since = (nowMs - brought.allowedAtMs) / 60_000
    brought.allowance = Math.min(newDevicesPerMinute, brought.allowance + since * newDevicesPerMinute)
    brought.allowedAtMs = nowMs
    if (brought.allowance < 1) return 'too-many-new-devices'
    brought.allowance--
    brought.devices++
    return null
  }

  #of(source: Source): Brought | null {
    if (source === undefined || source === STORED) return null
    const key = source ?? ''
    let brought = this.#brought.get(key)
    if (brought === undefined) {
      const allowance = this.limits.newDevicesPerMinute
      brought = { devices: 0, series: 0, allowance, allowedAtMs: this.#clockMs() }
      this.#brought.set(key, brought)
    }
    return brought
  }
}

function isOver(count: number, cap: number, brought: number): boolean {
  if (count >= cap) return true
  return count >= cap - Math.floor(cap / RESERVED_SHARE) && brought >= Math.ceil(cap / LITTLE_SHARE)
}
