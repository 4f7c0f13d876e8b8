/** Subscriptions as a client keeps them: what was asked for, how far they have got, and whom to tell. */

import type {
  ClientFrame,
  GapFrame,
  Id,
  LiveFilter,
  LiveMessage,
  LiveReading,
  MessagesFrame,
  ReadingsFrame,
  ServerFrame,
  SnapshotFrame,
} from './protocol.ts'

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

export class LiveError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.name = 'LiveError'
    this.code = code
  }
}

/** A subscription as the client keeps it: where it is, and whom to tell. */
export abstract class Follower implements LiveSubscription {
  readonly id: Id
  cursor: string | null = null
  skipped = 0
  onClose: () => void = () => undefined
  readonly #ready = Promise.withResolvers<void>()

  constructor(id: Id) {
    this.id = id
    // Whoever does not wait for it is told by `onError`.
    this.#ready.promise.catch(() => undefined)
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  abstract frame(): ClientFrame
  abstract take(frame: ServerFrame): void
  abstract onError: ((error: LiveError) => void) | undefined

  /** The server took it, on a connection that began at this cursor. */
  taken(_startCursor: string | null): void {
    this.#ready.resolve()
  }

  refused(error: LiveError): void {
    this.#ready.reject(error)
    this.onError?.(error)
  }

  close(): void {
    this.onClose()
  }
}

export class ReadingsFollower extends Follower {
  readonly #options: ReadingsOptions
  readonly onError: ReadingsOptions['onError']

  constructor(id: Id, options: ReadingsOptions) {
    super(id)
    this.#options = options
    this.onError = options.onError
    this.cursor = options.resume ?? null
  }

  frame(): ClientFrame {
    const { devices, fields, topics, maxHz, snapshot } = this.#options
    const resume = this.cursor ?? undefined
    return { op: 'subscribe', id: this.id, devices, fields, topics, maxHz, snapshot, resume }
  }

  /** Without a snapshot, what comes after the start is owed even if nothing has come yet. */
  override taken(startCursor: string | null): void {
    if (this.#options.snapshot === false) this.cursor ??= startCursor
    super.taken(startCursor)
  }

  take(frame: ServerFrame): void {
    const { onReadings, onSnapshot, onGap } = this.#options
    if (frame.op === 'gap') {
      onGap?.(frame)
    } else if (frame.op === 'readings' || frame.op === 'snapshot') {
      this.cursor = frame.cursor
      if (frame.op === 'readings') this.skipped += frame.skipped
      if (frame.op === 'snapshot' && onSnapshot) onSnapshot(frame.readings, frame)
      else if (frame.readings.length > 0) onReadings(frame.readings, frame)
    }
  }
}

export class MessagesFollower extends Follower {
  readonly #options: MessagesOptions
  readonly onError: MessagesOptions['onError']

  constructor(id: Id, options: MessagesOptions) {
    super(id)
    this.#options = options
    this.onError = options.onError
  }

  frame(): ClientFrame {
    const { topics, maxHz } = this.#options
    return { op: 'subscribe', id: this.id, stream: 'messages', topics, maxHz }
  }

  take(frame: ServerFrame): void {
    if (frame.op !== 'messages') return
    this.cursor = frame.cursor
    this.skipped += frame.skipped
    this.#options.onMessages(frame.messages, frame)
  }
}
