/**
 * The retention that a person has set, as the duration of the database's default policy (InfluxDB 1.x). Apart from the
 * writing: a server that is away or refuses holds nothing up; it is asked again until it has taken it.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '../backoff.ts'
import { createDatabase, retentionOf, setRetention } from './admin.ts'
import type { InfluxServer } from './client.ts'

export interface RetentionOptions {
  readonly server: InfluxServer
  readonly durationMs: number
  readonly maxBackoffMs: number
  /** Null: it is as set. */
  readonly onState: (trouble: string | null) => void
}

export class InfluxRetention {
  readonly #options: RetentionOptions
  #stopping = new AbortController()

  constructor(options: RetentionOptions) {
    this.#options = options
    void this.#run(this.#stopping.signal)
  }

  /** The database was made anew. */
  again(): void {
    this.close()
    this.#stopping = new AbortController()
    void this.#run(this.#stopping.signal)
  }

  close(): void {
    this.#stopping.abort()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { maxBackoffMs, onState } = this.#options
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await this.#apply()
        if (!signal.aborted) onState(null)
        return
      } catch (error) {
        if (!signal.aborted)
          onState(`retention.raw could not be set in InfluxDB: ${(error as Error).message}`)
      }
      await sleep(backoffMs(attempt, maxBackoffMs), undefined, { signal }).catch(() => undefined)
    }
  }

  async #apply(): Promise<void> {
    const { server, durationMs } = this.#options
    // Making a database that is there changes nothing; on the first start it is not there yet.
    await createDatabase(server)
    const policy = await retentionOf(server)
    if (policy.durationMs !== durationMs) await setRetention(server, policy.name, durationMs)
  }
}
