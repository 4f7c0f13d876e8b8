/** The writer, seen from the main thread. */

import { Worker } from 'node:worker_threads'
import type { QuarantineEntry } from '../quarantine/quarantine.ts'
import { START } from '../spool/cursor.ts'
import type { Commit, SpoolTail } from '../spool/position.ts'
import type { StoreTrouble } from './delivery.ts'
import type { FromWriter, Progress, ToWriter } from './writer-messages.ts'
import type { WriterSetup } from './writer-worker.ts'

export interface WriterThreadOptions {
  readonly setup: Omit<WriterSetup, 'tail'>
  readonly tail: SpoolTail
  readonly onProgress: (progress: Progress) => void
  /** The thread has ended by a fault of ours: the process must start again from the spool. */
  readonly onFault: (error: unknown) => void
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

const NO_PROGRESS: Progress = {
  cursor: START,
  releasable: 0,
  lines: 0,
  batches: 0,
  overtakes: 0,
  evicted: 0,
}

const DISK_TROUBLE = {
  quarantine: 'quarantine: cannot be written, its entries wait in the spool',
  cursor: 'spool: the position of the store cannot be remembered, delivery waits',
  spool: 'spool: cannot be read, delivery waits',
} as const

export class WriterThread {
  readonly #worker: Worker
  readonly #options: WriterThreadOptions
  readonly #lists = new Map<number, (entries: readonly QuarantineEntry[]) => void>()
  readonly #feeds = new Map<number, (messages: number) => void>()
  readonly #toldMs = new Map<string, number>()
  readonly stats = { damages: 0, diskTroubles: 0 }
  #nextRequest = 1
  #progress: Progress = NO_PROGRESS
  #trouble: (StoreTrouble & { readonly sinceMs: number }) | null = null
  #retentionTrouble: string | null = null
  readonly #started: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly #stopped: PromiseWithResolvers<void> = Promise.withResolvers()

  constructor(options: WriterThreadOptions) {
    this.#options = options
    const workerData: WriterSetup = { ...options.setup, tail: options.tail }
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

  /** Why the store does not keep things for as long as was set; null: it does, as far as we know. */
  get retentionTrouble(): string | null {
    return this.#retentionTrouble
  }

  committed(commit: Commit): void {
    this.#post({ kind: 'committed', commit })
  }

  /** What waits up to this block is given up, oldest first, and released. */
  overflow(block: number): void {
    this.#post({ kind: 'overflow', block })
  }

  /** Newest first. */
  listQuarantine(limit: number, before: number | null): Promise<readonly QuarantineEntry[]> {
    const id = this.#nextRequest++
    return new Promise(resolve => {
      this.#lists.set(id, resolve)
      this.#post({ kind: 'list', id, limit, before })
    })
  }

  /** Oldest first. */
  listQuarantineFrom(after: number, limit: number): Promise<readonly QuarantineEntry[]> {
    const id = this.#nextRequest++
    return new Promise(resolve => {
      this.#lists.set(id, resolve)
      this.#post({ kind: 'list-from', id, limit, after })
    })
  }

  /** Delivers again what arrived since, as far as it is kept; resolves with the messages that wait again. */
  feedAgain(sinceMs: number): Promise<number> {
    const id = this.#nextRequest++
    return new Promise(resolve => {
      this.#feeds.set(id, resolve)
      this.#post({ kind: 'feed', id, sinceMs })
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
      case 'retention':
        this.#noteRetention(message.reason)
        break
      case 'damage':
        this.stats.damages++
        log.error(message, 'spool: damage was stepped over; the file is kept in damaged/')
        break
      case 'disk-trouble':
        this.#noteDiskTrouble(message.what, message.reason)
        break
      case 'listed':
        this.#lists.get(message.id)?.(message.entries)
        this.#lists.delete(message.id)
        break
      case 'feeding':
        this.#feeds.get(message.id)?.(message.messages)
        this.#feeds.delete(message.id)
        break
      case 'stopped':
        this.#stopped.resolve()
    }
  }

  /** Once a minute by kind: it is tried again every second. */
  #noteDiskTrouble(what: 'quarantine' | 'cursor' | 'spool', reason: string): void {
    this.stats.diskTroubles++
    const nowMs = performance.now()
    if (nowMs - (this.#toldMs.get(what) ?? Number.NEGATIVE_INFINITY) < 60_000) return
    this.#toldMs.set(what, nowMs)
    this.#options.log.error({ what, reason }, `${DISK_TROUBLE[what]}; it is tried again`)
  }

  #noteRetention(reason: string | null): void {
    const { log } = this.#options
    if (reason === null && this.#retentionTrouble !== null) log.warn({}, 'store: retention.raw is set now')
    else if (reason !== null && this.#retentionTrouble === null)
      log.error({ reason }, 'store: keeps readings for as long as it did; it is tried again')
    this.#retentionTrouble = reason
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
