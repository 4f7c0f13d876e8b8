/**
 * Failed logins, so that guessing is slow: 10 a minute for one name from one address, and 100 from one address by either
 * way. The table is bounded: at the bound the oldest leave, which costs a guesser with many addresses more than it gives.
 *
 * A device's secret cannot be guessed, and is looked at before this counts: a whole house may come back from one address
 * at once, and one with a secret of yesterday keeps out itself, and nobody who has the right one.
 */

import { isLoopback } from '../../broker/guard/addresses.ts'
import type { Caller } from './lane.ts'

const WINDOW_MS = 60_000
const MAX_PER_NAME = 10
const MAX_PER_ADDRESS = 100
const MAX_ENTRIES = 20_000

interface Entry {
  count: number
  readonly endMs: number
}

export class Attempts {
  readonly #nowMs: () => number
  readonly #entries = new Map<string, Entry>()

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs
  }

  get size(): number {
    return this.#entries.size
  }

  /** Whether a name has failed too often from there. Nothing is counted. */
  isLimited({ address }: Caller, name: string): boolean {
    return !isLoopback(address) && this.#waitMs(nameKey(address, name), MAX_PER_NAME) > 0
  }

  /** Counts it as failed beforehand: a thousand at once are no way around. 0: go on; else seconds to wait. */
  begin(caller: Caller, name: string): number {
    const { address } = caller
    if (isLoopback(address)) return 0
    const waitMs = Math.max(
      this.#waitMs(nameKey(address, name), MAX_PER_NAME),
      this.#waitMs(addressKey(caller), MAX_PER_ADDRESS),
    )
    if (waitMs > 0) return Math.ceil(waitMs / 1000)
    this.#count(nameKey(address, name))
    this.#count(addressKey(caller))
    return 0
  }

  /** It was no failure. */
  succeeded(caller: Caller, name: string): void {
    this.#entries.delete(nameKey(caller.address, name))
    const all = this.#entries.get(addressKey(caller))
    if (all !== undefined) all.count--
  }

  #waitMs(key: string, max: number): number {
    const entry = this.#entries.get(key)
    const leftMs = entry === undefined ? 0 : entry.endMs - this.#nowMs()
    return entry !== undefined && leftMs > 0 && entry.count >= max ? leftMs : 0
  }

  #count(key: string): void {
    const nowMs = this.#nowMs()
    const entry = this.#entries.get(key)
    if (entry !== undefined && entry.endMs > nowMs) {
      entry.count++
      return
    }
    this.#entries.delete(key)
    this.#entries.set(key, { count: 1, endMs: nowMs + WINDOW_MS })
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ENTRIES) break
      this.#entries.delete(oldest)
    }
  }
}

function nameKey(address: string, name: string): string {
  return `${address} ${name.slice(0, 64)}`
}

function addressKey({ way, address }: Caller): string {
  return `${way}:${address}`
}
