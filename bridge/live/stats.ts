/** What the relay did so far, as plain numbers; `/metrics` reads them. */

import type { CloseReason } from './protocol.ts'

export interface LiveStats {
  /** Open now, over all transports. */
  readonly connections: number
  readonly connectionsTotal: number
  /** Not let in, by reason. */
  readonly refused: Readonly<Record<Refusal, number>>
  /** Errors told to clients, by code. */
  readonly errors: Readonly<Record<string, number>>
  readonly subscriptions: number
  /** Readings times the clients they were sent to. */
  readonly deliveries: number
  readonly messageDeliveries: number
  readonly frames: number
  readonly bytes: number
  /** Field values left out for clients that were slow or wanted fewer, times those clients. */
  readonly skipped: number
  readonly skippedMessages: number
  readonly gaps: number
  readonly snapshots: number
  readonly resumes: number
  readonly commands: number
  /** Closed by us, by reason. */
  readonly closed: Readonly<Record<Closing, number>>
}

/** `malformed`: its frames broke the rules of WebSocket. */
export type Closing = CloseReason | 'dead' | 'malformed'

/** `full`: too many in all, or from one address; `unauthenticated`: too many that have not said who they are. */
export type Refusal = 'full' | 'unauthenticated' | 'origin' | 'credentials'

/** For those who count; everybody else sees `LiveStats`. */
export type Counting<T> = { -readonly [K in keyof T]: T[K] extends object ? Counting<T[K]> : T[K] }

export function newStats(): Counting<LiveStats> {
  return {
    connections: 0,
    connectionsTotal: 0,
    refused: { full: 0, unauthenticated: 0, origin: 0, credentials: 0 },
    errors: {},
    subscriptions: 0,
    deliveries: 0,
    messageDeliveries: 0,
    frames: 0,
    bytes: 0,
    skipped: 0,
    skippedMessages: 0,
    gaps: 0,
    snapshots: 0,
    resumes: 0,
    commands: 0,
    closed: {
      restarting: 0,
      full: 0,
      notAuthorised: 0,
      forbidden: 0,
      authTooLate: 0,
      tooSlow: 0,
      tooBig: 0,
      tooFast: 0,
      dead: 0,
      malformed: 0,
    },
  }
}
