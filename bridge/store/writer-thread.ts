/** The writer, seen from the main thread. */

import { Worker } from 'node:worker_threads'
import type { QuarantineEntry } from '../quarantine/quarantine.ts'
import type { Commit, SpoolPosition } from '../spool/spool.ts'
import type { StoreTrouble } from './delivery.ts'
import type { FromWriter, Progress, ToWriter } from './writer.ts'
import type { WriterSetup } from './writer-worker.ts'

export interface WriterThreadOptions {
  readonly setup: Omit<WriterSetup, 'tail' | 'tailMessages'>
  readonly tail: SpoolPosition
  readonly tailMessages: number
  readonly onProgress: (progress: Progress) => void
  /** The thread has ended by a fault of ours: the process must start again from the spool. */
  readonly onFault: (error: unknown) => void
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

const NO_PROGRESS: Progress = {
  cursor: { block: 0, segment: 0, offset: 0, messages: 0, refused: 0, lost: 0 },
  releasable: 0,
  lines: 0,
  batches: 0,
  evicted: 0,
}

export class WriterThread {
  readonly #worker: Worker
  readonly #options: WriterThreadOptions
  readonly #requests = new Map<number, (entries: readonly QuarantineEntry[]) => void>()
  #nextRequest = 1
  #progress: Progress = NO_PROGRESS
  #trouble: (StoreTrouble & { readonly sinceMs: number }) | null = null
  readonly #started: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(options: WriterThreadOptions) {
    this.#options = options
    const workerData: WriterSetup = {
      ...options.setup,
      tail: options.tail,
      tailMessages: options.tailMessages,
    }
    this.#worker = new Worker(new URL('./writer-worker.ts', import.meta.url), { workerData })
    this.#worker.on('message', (message: FromWriter) => this.#receive(message))
    this.#worker.once('error', error => options.onFault(error))
  }

  /** Resolves when the thread has found its place; `progress` tells nothing before. */
  get started(): Promise<void> {
    return this.#started.promise
  }

  get progress(): Progress {
    return this.#progress
  }

  /** What keeps the store from taking batches; null: nothing. */
  get trouble(): (StoreTrouble & { readonly sinceMs: number }) | null {
    return this.#trouble
  }

  committed(commit: Commit): void {
    this.#post({ kind: 'committed', commit })
  }

  /** Newest first. */
  listQuarantine(limit: number, before: number | null): Promise<readonly QuarantineEntry[]> {
    const id = this.#nextRequest++
    return new Promise(resolve => {
      this.#requests.set(id, resolve)
      this.#post({ kind: 'list', id, limit, before })
    })
  }

  /** Delivers for at most `withinMs` more; what is left stays in the spool. */
  async stop(withinMs: number): Promise<void> {
    this.#post({ kind: 'stop', withinMs })
    await this.#stopped.promise
    await this.#worker.terminate()
  }

  #post(message: ToWriter): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromWriter): void {
    const { log, onProgress } = this.#options
    switch (message.kind) {
      case 'progress':
        this.#progress = message.progress
        this.#started.resolve()
        onProgress(message.progress)
        break
      case 'trouble':
        this.#noteTrouble(message.trouble)
        break
      case 'damage':
        log.error(message, 'spool: damage was stepped over; the file is kept in damaged/')
        break
      case 'quarantine-failed':
        log.error({ reason: message.reason }, 'quarantine: cannot be written; its entries wait in the spool')
        break
      case 'listed':
        this.#requests.get(message.id)?.(message.entries)
        this.#requests.delete(message.id)
        break
      case 'stopped':
        this.#stopped.resolve()
    }
  }

  #noteTrouble(trouble: StoreTrouble | null): void {
    const { log } = this.#options
    const sinceMs = this.#trouble?.sinceMs ?? Date.now()
    if (trouble === null && this.#trouble !== null)
      log.warn({ awayMs: Date.now() - sinceMs }, 'store: takes readings again')
    else if (trouble?.kind === 'misconfigured')
      log.error({ reason: trouble.reason }, 'store: refuses us; see its reason. Readings wait on disk')
    else if (trouble !== null && this.#trouble === null)
      log.warn({ reason: trouble.reason }, 'store: away; readings wait on disk')
    this.#trouble = trouble === null ? null : { ...trouble, sinceMs }
  }
}
