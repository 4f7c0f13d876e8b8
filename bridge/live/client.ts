/**
 * A live client for dashboards, simulators and tests: WebSocket, else Server-Sent Events, else long poll. It
 * reconnects on its own, resumes where it was, and says what was missed. Needs only what browsers and Node 24
 * have; no dependency.
 */

import type {
  CommandResult,
  GapFrame,
  LiveFilter,
  LiveMessage,
  LiveReading,
  MessagesFrame,
  ReadingsFrame,
  SnapshotFrame,
} from './protocol.ts'

export type LiveTransport = 'websocket' | 'events' | 'poll'

export interface LiveClientOptions {
  /** Of `/live`, http(s) or ws(s); in a browser `/live` of this page's own host unless given. */
  readonly url?: string | URL
  /** Asked for anew at every attempt to connect. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>)
  /** In the order to try. */
  readonly transports?: readonly LiveTransport[]
  readonly onState?: (state: LiveState) => void
  /** Longest pause between two attempts; 30 s unless given. */
  readonly maxDelayMs?: number
}

export type LiveState =
  | { readonly kind: 'connecting'; readonly transport: LiveTransport; readonly attempt: number }
  | { readonly kind: 'open'; readonly transport: LiveTransport; readonly node: string }
  /** The connection is down; the next attempt is at `retryAtMs` (local clock). */
  | { readonly kind: 'waiting'; readonly retryAtMs: number; readonly code: number; readonly reason: string }
  /** For good: `close()` was called, or access was refused. `connect()` begins again. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }

export interface ReadingsOptions extends LiveFilter {
  readonly maxHz?: number
  readonly snapshot?: boolean
  /** A cursor kept from an earlier page view. */
  readonly resume?: string
  /** Also called with the readings of a snapshot, unless `onSnapshot` is given. */
  readonly onReadings: (readings: readonly LiveReading[], frame: ReadingsFrame | SnapshotFrame) => void
  readonly onSnapshot?: (readings: readonly LiveReading[], frame: SnapshotFrame) => void
  readonly onGap?: (gap: GapFrame) => void
  readonly onError?: (error: LiveError) => void
}

export interface MessagesOptions {
  readonly topics?: readonly string[]
  readonly maxHz?: number
  readonly onMessages: (messages: readonly LiveMessage[], frame: MessagesFrame) => void
  readonly onError?: (error: LiveError) => void
}

export interface LiveSubscription {
  /** Where it stands; opaque. Null before the first frame. */
  readonly cursor: string | null
  /** Field values (or messages) the server has left out so far. */
  readonly skipped: number
  /** Resolves when the server took it (again after each reconnection it is taken anew). */
  readonly ready: Promise<void>
  close(): void
}

export interface Command {
  readonly device: string
  readonly topic?: string
  readonly payload: unknown
  readonly qos?: 0 | 1
}

export interface LiveClient {
  readonly state: LiveState
  /** Server clock minus local clock, milliseconds; the best estimate so far. */
  readonly clockOffsetMs: number
  subscribe(options: ReadingsOptions): LiveSubscription
  subscribeMessages(options: MessagesOptions): LiveSubscription
  /** Rejects with a `LiveError`. Never sent twice: a connection lost in between rejects with `connection-lost`. */
  command(command: Command): Promise<CommandResult>
  /** Resolves when everything sent before took effect; with the round trip in milliseconds. */
  ping(): Promise<number>
  /** At once, without waiting for the next attempt; also after `closed`. */
  connect(): void
  close(): void
}

export class LiveError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'LiveError'
    this.code = code
  }
}
