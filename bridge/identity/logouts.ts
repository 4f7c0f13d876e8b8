/** Logouts on their way to the disk: they count at once, are told of soon, and written together. */

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
  readonly log: { error(fields: object, text: string): void }
}

/** Logouts within this time are one write and one look at who is connected: who logs in and out without pause costs little. */
const GATHER_MS = 50
/** How often it is tried while a command writes to the database. */
const MAX_WRITES = 100

export class Logouts {
  readonly ended: EndedSessions
  readonly #options: LogoutsOptions
  #unwritten: EndedSession[] = []
  #writing: Promise<void> | null = null

  constructor(options: LogoutsOptions) {
    this.#options = options
    this.ended = new EndedSessions(options.max)
  }

  /** Resolves when it is on the disk; rejects when that does not take it. */
  async end(session: Statement): Promise<void> {
    this.#unwritten.push(...this.ended.end(session))
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null
    })
    await this.#writing
  }

  /** All that there are by then. */
  async #writeAll(): Promise<void> {
    const { write, onEnded, log } = this.#options
    for (let n = 1; this.#unwritten.length > 0; n++) {
      await sleep(GATHER_MS)
      onEnded()
      try {
        write(this.#unwritten)
        this.#unwritten = []
      } catch (error) {
        if (n < MAX_WRITES && isLocked(error)) continue
        // They are tried again with the next, and are no more than are remembered.
        this.#unwritten = [...this.ended.rows()]
        log.error({ err: error }, 'identities: a logout could not be kept')
        throw error
      }
    }
  }
}

/** Somebody else writes to the database. */
export function isLocked(error: unknown): boolean {
  return /database is locked/.test((error as Error).message)
}
