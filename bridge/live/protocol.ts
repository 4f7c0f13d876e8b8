/**
 * The words of the live protocol, shared by server, page, simulators and other people's dashboards: JSON text
 * frames, the same over WebSocket, Server-Sent Events and long poll. What they promise is told in
 * docs/live-protocol.md. Imports only words; runs in a browser too.
 */

import type { Tags } from '../telemetry/reading.ts'

/** Sub-protocol of the WebSocket, and `protocol` of the hello. */
export const LIVE_PROTOCOL = 'trestle.live.v1'

/** Ids of all ops share one space, of the client's choosing. */
export type Id = number | string

/** Integers beyond 2^53 come as text of digits. */
export type LiveValue = number | boolean | string

export interface LiveReading {
  readonly device: string
  readonly topic: string
  /** When it was measured: milliseconds since the epoch, with microseconds as the fraction. */
  readonly time: number
  /** When it arrived here, likewise. */
  readonly received: number
  readonly values: Readonly<Record<string, LiveValue>>
  readonly tags: Tags
}

export interface LivePayload {
  /** The payload, when it is valid UTF-8. */
  readonly payload?: string
  readonly payloadBase64?: string
  /** Its full length in bytes, when what is shown was cut. */
  readonly cutFrom?: number
}

export interface LiveMessage extends LivePayload {
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly time: number
  readonly client: string | null
  /** What became of it, in the ledger's words: `stored`, `quarantined`, `ignored:duplicate`, ... */
  readonly result: string
}

// client -> server

export interface AuthFrame {
  readonly op: 'auth'
  readonly token: string
}

/** AND between kinds, OR within one; an absent kind matches everything. */
export interface LiveFilter {
  /** Globs, case-sensitive: `*` (also across `/`) and `?`. */
  readonly devices?: readonly string[] | undefined
  /** Globs; fields that do not match are left out of a reading. */
  readonly fields?: readonly string[] | undefined
  /** MQTT filters. */
  readonly topics?: readonly string[] | undefined
}

export interface SubscribeFrame extends LiveFilter {
  readonly op: 'subscribe'
  readonly id: Id
  readonly stream?: 'readings' | undefined
  /** At most so many frames a second, with the newest value of each field. */
  readonly maxHz?: number | undefined
  /** Whether to begin with the last values; true unless said. */
  readonly snapshot?: boolean | undefined
  /** A cursor: begin with what was missed since. */
  readonly resume?: string | undefined
}

export interface SubscribeMessagesFrame {
  readonly op: 'subscribe'
  readonly id: Id
  readonly stream: 'messages'
  readonly topics?: readonly string[] | undefined
  readonly maxHz?: number | undefined
}

export interface UnsubscribeFrame {
  readonly op: 'unsubscribe'
  readonly id: Id
}

export interface CommandFrame {
  readonly op: 'command'
  readonly id: Id
  readonly device: string
  readonly topic?: string | undefined
  /** Text as it is, anything else as JSON. */
  readonly payload: unknown
  readonly qos?: 0 | 1 | undefined
  /** False: the result does not wait for what the device says to it; true unless said. */
  readonly answer?: boolean | undefined
}

export interface PingFrame {
  readonly op: 'ping'
}

export type ClientFrame =
  | AuthFrame
  | SubscribeFrame
  | SubscribeMessagesFrame
  | UnsubscribeFrame
  | CommandFrame
  | PingFrame

// server -> client

export interface LiveLimits {
  readonly maxMessageBytes: number
  readonly messagesPerSecond: number
  readonly maxSubscriptions: number
  /** Globs or filters of one kind in one subscription. */
  readonly maxPatterns: number
}

export interface HelloFrame {
  readonly op: 'hello'
  readonly protocol: string
  /** Which bridge this is; stays the same over restarts. */
  readonly node: string
  readonly cursor: string
  readonly seq: number
  /** Milliseconds since the epoch. */
  readonly serverTime: number
  readonly limits: LiveLimits
}

export interface ResultFrame {
  readonly op: 'result'
  readonly id: Id
  readonly ok: true
  /** Of a command: what became of it. */
  readonly result?: CommandResult
  /** Of a command: what the device said to it in time; absent: nothing, or nobody knows where it would. */
  readonly answer?: CommandAnswer
}

/** What became of a command, and what the device said to it. */
export interface CommandReply {
  readonly result: CommandResult
  readonly answer?: CommandAnswer
}

export type CommandResult = 'delivered' | 'offline' | 'timeout'

export interface CommandAnswer extends LivePayload {
  readonly topic: string
  /** When it arrived: milliseconds since the epoch, with microseconds as the fraction. */
  readonly time: number
}

export interface SnapshotFrame {
  readonly op: 'snapshot'
  readonly id: Id
  readonly cursor: string
  readonly seq: number
  readonly readings: readonly LiveReading[]
}

/** Every matching reading up to `seq` was delivered, counted in `skipped`, or covered by a gap. */
export interface ReadingsFrame {
  readonly op: 'readings'
  readonly id: Id
  readonly cursor: string
  readonly seq: number
  /** Field values left out since the last frame. */
  readonly skipped: number
  readonly readings: readonly LiveReading[]
}

export interface MessagesFrame {
  readonly op: 'messages'
  readonly id: Id
  readonly cursor: string
  /** Messages left out since the last frame. */
  readonly skipped: number
  readonly messages: readonly LiveMessage[]
}

export type GapReason = 'too-old' | 'slow-client' | 'restarted' | 'node-lost'

/** What was missed for good, `from` and `to` inclusive; a snapshot follows. */
export interface GapFrame {
  readonly op: 'gap'
  readonly id: Id
  /** Null when the cursor was of another epoch, or not understood. */
  readonly from: number | null
  readonly to: number
  readonly reason: GapReason
}

export type ErrorCode =
  | 'bad-frame'
  | 'bad-filter'
  | 'id-in-use'
  | 'unknown-id'
  | 'too-many-subscriptions'
  | 'too-many-commands'
  | 'not-available'
  | 'forbidden'
  | 'internal'

export interface ErrorFrame {
  readonly op: 'error'
  /** Absent when the frame had none that could be read. */
  readonly id?: Id
  /** Stable: programs match it. Commands may add codes of their own. */
  readonly code: ErrorCode | (string & {})
  readonly message: string
}

export interface PongFrame {
  readonly op: 'pong'
}

export type ServerFrame =
  | HelloFrame
  | ResultFrame
  | SnapshotFrame
  | ReadingsFrame
  | MessagesFrame
  | GapFrame
  | ErrorFrame
  | PongFrame

/** The answer of a long poll. */
export interface PollAnswer {
  readonly cursor: string
  readonly frames: readonly ServerFrame[]
  readonly serverTime: number
  /** Without a cursor in the request. */
  readonly hello?: HelloFrame
}

/** Why a connection ended. 1000, 1001, 1006 and 1009 are the WebSocket protocol's own. */
export const CLOSE = {
  restarting: 1012,
  full: 1013,
  notAuthorised: 4401,
  forbidden: 4403,
  authTooLate: 4408,
  tooSlow: 4410,
  tooBig: 4413,
  tooFast: 4429,
} as const

export type CloseReason = keyof typeof CLOSE
