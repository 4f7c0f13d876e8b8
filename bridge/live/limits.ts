/** What one client, and all of them together, may ask for. Rates and counts per address spare loopback. */

import { MAX_PATTERNS } from './schema.ts'

export interface RelayLimits {
  readonly maxConnections: number
  readonly maxPerAddress: number
  /** Connections, of them all, that have not said who they are yet. */
  readonly maxUnauthenticated: number
  readonly maxSubscriptions: number
  readonly maxPatterns: number
  readonly maxMessageBytes: number
  /** Objects and arrays within one another in a frame, the frame itself included. */
  readonly maxDepth: number
  /** Frames from a client, on average; four seconds' worth at once. */
  readonly messagesPerSecond: number
  readonly maxPendingCommands: number
  readonly authTimeoutMs: number
  readonly commandTimeoutMs: number
  /** A slow client further back than this many bytes of readings gets a gap and a snapshot. */
  readonly maxSlowBytes: number
  /** A client that takes nothing for so long while something waits for it is closed. */
  readonly maxStallMs: number
  /** A subscription hears at least this often how far the stream has moved. */
  readonly refreshMs: number
}

export const RELAY_LIMITS: RelayLimits = {
  maxConnections: 5000,
  maxPerAddress: 1000,
  maxUnauthenticated: 500,
  maxSubscriptions: 64,
  maxPatterns: MAX_PATTERNS,
  maxMessageBytes: 64 * 1024,
  maxDepth: 8,
  messagesPerSecond: 50,
  maxPendingCommands: 64,
  authTimeoutMs: 10_000,
  commandTimeoutMs: 30_000,
  maxSlowBytes: 1024 * 1024,
  maxStallMs: 10_000,
  refreshMs: 10_000,
}

/** So many a second, with some saved up. */
export class TokenBucket {
  readonly #perMs: number
  readonly #most: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, most: number, nowMs: number) {
    this.#perMs = perSecond / 1000
    this.#most = most
    this.#tokens = most
    this.#atMs = nowMs
  }

  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#most, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
