/**
 * Failed logins, so that guessing is slow: 10 a minute for one name from one address, and 100 from one address. The table
 * is bounded: at the bound the oldest leave, which costs a guesser with many addresses more than it gives.
 *
 * A device's secret cannot be guessed. What is limited there is the noise: by name alone, so that one with a secret of
 * yesterday does not keep out the others behind the same address, and not in advance, so that a whole house may come
 * back from one address at once.
 */

import { isIP } from 'node:net'

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

  /** Counts it as failed beforehand: a thousand at once are no way around. 0: go on; else seconds to wait. */
  begin(address: string, name: string): number {
    if (isLoopbackAddress(address)) return 0
    const waitMs = Math.max(
      this.#waitMs(keyOf(address, name), MAX_PER_NAME),
      this.#waitMs(keyOf(address), MAX_PER_ADDRESS),
    )
    if (waitMs > 0) return Math.ceil(waitMs / 1000)
    this.#count(keyOf(address, name))
    this.#count(keyOf(address))
    return 0
  }

  /** The same for a device: nothing is counted yet. */
  beginDevice(address: string, id: string): number {
    return isLoopbackAddress(address) ? 0 : Math.ceil(this.#waitMs(keyOf(address, id), MAX_PER_NAME) / 1000)
  }

  deviceFailed(address: string, id: string): void {
    if (!isLoopbackAddress(address)) this.#count(keyOf(address, id))
  }

  /** It was no failure. */
  succeeded(address: string, name: string): void {
    this.#entries.delete(keyOf(address, name))
    const all = this.#entries.get(keyOf(address))
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

function keyOf(address: string, name?: string): string {
  return name === undefined ? address : `${address} ${name.slice(0, 64)}`
}

function isLoopbackAddress(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}
