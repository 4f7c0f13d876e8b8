/**
 * Brings the broker's state to the disk behind its back: what changed is noted, and a moment later the state as it
 * then is goes to the thread in one transaction. What came and went in between never touches the disk: a message to
 * a connected subscriber that acknowledges at once, or a retained value that was replaced. A thread, because a commit
 * of 50 messages took 0.6-2.4 ms at the median and up to 90 ms on a busy machine, which the event loop would stand still.
 *
 * Nothing is dropped when the disk fails: what could not be saved stays noted, and is tried again each second. Notes
 * are bounded by the state that they speak of, and that has limits of its own.
 */

import { Worker } from 'node:worker_threads'
import type { Change } from './database.ts'
import type { FromSaver, ToSaver } from './saver-worker.ts'

/** One thing that changed, asked when the time has come, and again if saving fails. */
export interface Note {
  /** Null: the database never heard of it, and need not. */
  readonly change: () => Change | null
  readonly saved?: () => void
}

export interface SaverOptions {
  readonly path: string
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** Somebody waits: commits follow each other at this distance. */
const LINGER_MS = 2
/** Nobody waits. A crash costs what was noted so lately: never what was promised to somebody. */
const QUIET_LINGER_MS = 10
const RETRY_MS = 1000

export class Saver {
  readonly stats = { commits: 0, changes: 0, failures: 0 }
  readonly #worker: Worker
  readonly #log: SaverOptions['log']
  readonly #ended: Promise<unknown>
  #notes = new Map<string, Note>()
  #underWay: Map<string, Note> | null = null
  #next: PromiseWithResolvers<void> = Promise.withResolvers()
  #current: PromiseWithResolvers<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #dueMs = Number.POSITIVE_INFINITY
  #isFailing = false
  #isClosing = false

  constructor({ path, log }: SaverOptions) {
    this.#log = log
    this.#worker = new Worker(new URL('./saver-worker.ts', import.meta.url), { workerData: path })
    this.#worker.on('message', (failure: FromSaver) => this.#answered(failure))
    this.#ended = new Promise((resolve, reject) => {
      this.#worker.once('exit', resolve)
      this.#worker.once('error', reject)
    })
    // A thread that dies by itself is a fault of ours, and ends the process.
    this.#ended.catch(error => {
      throw error
    })
  }

  /** Whether what it was given last is on the disk. */
  get isFailing(): boolean {
    return this.#isFailing
  }

  /** Takes the place of what was noted under the same key and is not saved yet. */
  note(key: string, note: Note): void {
    this.#notes.set(key, note)
    this.#schedule(QUIET_LINGER_MS)
  }

  /** Resolves when everything noted so far is on the disk, or when the disk refuses it: the broker goes on. */
  saved(): Promise<void> {
    if (this.#notes.size === 0) return this.#current?.promise ?? Promise.resolve()
    this.#schedule(LINGER_MS)
    return this.#next.promise
  }

  async close(): Promise<void> {
    this.#isClosing = true
    while ((this.#notes.size > 0 || this.#underWay !== null) && !this.#isFailing) await this.saved()
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#post(null)
    await this.#ended
  }

  #schedule(withinMs: number): void {
    const dueMs = performance.now() + (this.#isFailing ? RETRY_MS : withinMs)
    if (this.#underWay !== null) {
      this.#dueMs = Math.min(this.#dueMs, dueMs)
      return
    }
    if (dueMs >= this.#dueMs) return
    this.#dueMs = dueMs
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#save(), Math.max(0, dueMs - performance.now()))
  }

  #save(): void {
    this.#timer = null
    this.#dueMs = Number.POSITIVE_INFINITY
    const notes = this.#notes
    const changes: Change[] = []
    for (const note of notes.values()) {
      const change = note.change()
      if (change !== null) changes.push(change)
    }
    const waiting = this.#next
    this.#notes = new Map()
    this.#next = Promise.withResolvers()
    if (changes.length === 0) {
      waiting.resolve()
      return
    }
    this.#underWay = notes
    this.#current = waiting
    this.stats.changes += changes.length
    this.#post(changes)
  }

  #answered(failure: FromSaver): void {
    const { promise: _, resolve } = this.#current!
    const notes = this.#underWay!
    this.#current = null
    this.#underWay = null
    if (failure === null) this.#succeeded(notes)
    else this.#failed(failure, notes)
    resolve()
    const dueMs = this.#dueMs
    this.#dueMs = Number.POSITIVE_INFINITY
    if (this.#notes.size > 0 && !(this.#isClosing && this.#isFailing)) {
      this.#schedule(Math.max(LINGER_MS, dueMs - performance.now()))
    }
  }

  #succeeded(notes: ReadonlyMap<string, Note>): void {
    this.stats.commits++
    for (const note of notes.values()) note.saved?.()
    if (this.#isFailing) this.#log.warn({}, 'mqtt: sessions and retained messages are saved again')
    this.#isFailing = false
  }

  #failed(reason: string, notes: ReadonlyMap<string, Note>): void {
    this.stats.failures++
    if (!this.#isFailing) {
      this.#log.error(
        { reason },
        'mqtt: sessions and retained messages cannot be saved; a restart would lose the newest',
      )
    }
    this.#isFailing = true
    for (const [key, note] of notes) if (!this.#notes.has(key)) this.#notes.set(key, note)
  }

  #post(message: ToSaver): void {
    this.#worker.postMessage(message)
  }
}
