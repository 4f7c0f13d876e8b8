/** What the relay did so far, as plain numbers; `/metrics` reads them. */

import type { CloseReason } from './protocol.ts'

export interface LiveStats {
  /** Open now, over all transports. */
  readonly connections: number
  readonly connectionsTotal: number
  /** Not let in: too many connections. */
  readonly refused: number
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
  readonly closed: Readonly<Record<CloseReason | 'dead', number>>
}

/** For those who count; everybody else sees `LiveStats`. */
export type Counting<T> = { -readonly [K in keyof T]: T[K] extends object ? Counting<T[K]> : T[K] }

export function newStats(): Counting<LiveStats> {
  return {
    connections: 0,
    connectionsTotal: 0,
    refused: 0,
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
    },
  }
}
