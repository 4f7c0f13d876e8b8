/**
 * Logouts on their way to the disk: they count at once, are told of soon, and written together. One that the disk does
 * not take is tried again until it does.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { type EndedSession, EndedSessions } from './ended-sessions.ts'
import type { Statement } from './signing.ts'

export interface LogoutsOptions {
  /** Of one person, remembered one by one. */
  readonly max: number | undefined
  /** Throws when the disk does not take them, or somebody else writes. */
  readonly write: (ended: readonly EndedSession[]) => void
  /** Sessions have ended since it was called last: who is connected by them is to be closed. */
  readonly onEnded: () => void
  readonly log: {
    info(fields: object, text: string): void
    error(fields: object, text: string): void
  }
}

/** Logouts within this time are one write and one look at who is connected: who logs in and out without pause costs little. */
const GATHER_MS = 50
/** How often whoever logs out waits for a command that writes to the database. */
const MAX_WRITES = 100

export class Logouts {
  readonly ended: EndedSessions
  readonly #options: LogoutsOptions
  #unwritten: EndedSession[] = []
  #isUntold = false
  #writing: Promise<void> | null = null
  /** Told once, until it is over. */
  #trouble: string | null = null

  constructor(options: LogoutsOptions) {
    this.#options = options
    this.ended = new EndedSessions(options.max)
  }

  /** Resolves when it is on the disk; rejects when that does not take it. */
  async end(session: Statement): Promise<void> {
    this.#unwritten.push(...this.ended.end(session))
    this.#isUntold = true
    await this.written()
  }

  /** Resolves when all that ended is on the disk; rejects when that does not take it. */
  async written(): Promise<void> {
    if (this.#unwritten.length > 0) this.#writing ??= this.#writeAll()
    await this.#writing
  }

  /** To be called now and then: what could not be written is tried again. */
  retry(): void {
    if (this.#writing === null) this.#tryToWrite()
  }

  /** Another database has the place of the one that it was written to. */
  writeAgain(): void {
    this.#unwritten = [...this.ended.rows()]
  }

  /** What is not on the disk yet has its last try. */
  close(): void {
    this.#tryToWrite()
  }

  /** All that there are by then. */
  async #writeAll(): Promise<void> {
    try {
      for (let n = 1; this.#unwritten.length > 0; n++) {
        await sleep(GATHER_MS)
        this.#tell()
        try {
          this.#write()
        } catch (error) {
          if (n < MAX_WRITES && isLocked(error)) continue
          this.#noteFailure(error)
          throw error
        }
      }
    } finally {
      // At once: whoever logs out from here on is not to wait for a write that is over.
      this.#writing = null
    }
  }

  #tryToWrite(): void {
    try {
      this.#write()
    } catch (error) {
      if (!isLocked(error)) this.#noteFailure(error)
    }
  }

  #write(): void {
    if (this.#unwritten.length === 0) return
    this.#options.write(this.#unwritten)
    this.#unwritten = []
    if (this.#trouble !== null) this.#options.log.info({}, 'identities: logouts are kept again')
    this.#trouble = null
  }

  #tell(): void {
    if (!this.#isUntold) return
    this.#isUntold = false
    this.#options.onEnded()
  }

  #noteFailure(error: unknown): void {
    // They are no more than are remembered.
    if (this.#unwritten.length > this.ended.size) this.#unwritten = [...this.ended.rows()]
    const { message } = error as Error
    if (message === this.#trouble) return
    this.#trouble = message
    this.#options.log.error({ err: error }, 'identities: a logout could not be kept')
  }
}

/** Somebody else writes to the database. */
export function isLocked(error: unknown): boolean {
  return /database is locked/.test((error as Error).message)
}
