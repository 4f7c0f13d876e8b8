/**
 * Takes blocks from the spool to the store, and what they hold for the quarantine to the quarantine. Runs in a thread of
 * its own and talks to the rest by the spool's files and the messages in writer-messages.ts.
 *
 * Two lanes: while the store has a backlog to take, what arrives now overtakes it (lanes.ts), so that it is visible
 * within FRESH_EVERY_MS and a batch. Points carry their times: the order in which they are stored does not matter.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Cursor, CursorState } from '../spool/cursor.ts'
import { disk, type SpoolFiles } from '../spool/files.ts'
import type { Commit, SpoolTail } from '../spool/position.ts'
import { type ReadBlock, SpoolReader } from '../spool/reader.ts'
import { Arrivals } from './arrivals.ts'
import { deliver, type StoreTrouble } from './delivery.ts'
import { backlogLane, freshLane, type Lane } from './lane.ts'
import { front, giveUp, overtake } from './lanes.ts'
import { placeAt, placeBehind, rewind, startOf } from './places.ts'
import { QuarantineFiller, type QuarantineKeeper } from './quarantine-filler.ts'
import type { Store } from './store.ts'
import type { FromWriter } from './writer-messages.ts'

export interface WriterOptions {
  readonly spoolDir: string
  readonly store: Store
  readonly cursor: Cursor
  readonly quarantine: QuarantineKeeper
  /** Where the spool ends at the start. */
  readonly tail: SpoolTail
  /** The longest pause between attempts to reach the store. */
  readonly maxBackoffMs: number
  readonly post: (message: FromWriter) => void
  readonly files?: SpoolFiles
}

/** The fresh lane's turn while there is a backlog: with a batch of the backlog in between, well below 2 s. */
const FRESH_EVERY_MS = 500
/** What was committed this long ago and is more than a batch away begins a lane of its own. */
const BEHIND_MS = 1000
const DISK_RETRY_MS = 1000
/** Without a commit for so long a burst has ended. */
const QUIET_MS = 25
/** A burst: this many of them would fill a batch. */
const MUCH = 10
/** Attempts to read what the disk does not give, before the rest of the segment is given up. */
const READ_ATTEMPTS = 5

export class Writer {
  readonly #options: WriterOptions
  readonly #files: SpoolFiles
  readonly #filler: QuarantineFiller
  readonly #backlog: Lane
  readonly #fresh: Lane
  #state: CursorState
  #tail: SpoolTail
  readonly #arrivals: Arrivals
  #isStopping = false
  #isAborted = false
  /** Ends whatever is waited for: something is to be done at once. */
  #interrupt = new AbortController()
  #wake: () => void = () => undefined
  #overflowBlock = 0
  #feeds: { readonly id: number; readonly sinceMs: number }[] = []
  #lastStartMs = Number.NEGATIVE_INFINITY
  #lastCommitMs = Number.NEGATIVE_INFINITY
  #lastFreshMs = Number.NEGATIVE_INFINITY
  #lastLane: Lane
  #lines = 0
  #batches = 0
  #overtakes = 0
  #trouble: StoreTrouble | null = null

  constructor(options: WriterOptions) {
    this.#options = options
    const { spoolDir, quarantine, tail, cursor, store, post, files = disk } = options
    this.#files = files
    this.#tail = tail
    this.#arrivals = new Arrivals(tail.block)
    const refusedBehind = (block: number) => quarantine.refusedBehind(block)
    const storedBlock = store.position()?.block ?? null
    this.#state = startOf({ spoolDir, tail, saved: cursor.state, storedBlock, refusedBehind, files })
    this.#backlog = backlogLane(new SpoolReader(spoolDir, this.#state, files))
    this.#fresh = freshLane(new SpoolReader(spoolDir, front(this.#state), files))
    this.#lastLane = this.#backlog
    const onFailure = (reason: string) => post({ kind: 'disk-trouble', what: 'quarantine', reason })
    this.#filler = new QuarantineFiller({ spoolDir, quarantine, onFailure, files })
  }

  committed(commit: Commit): void {
    this.#tail = commit
    this.#lastCommitMs = performance.now()
    this.#arrivals.note(commit.block, this.#lastCommitMs)
    if (commit.held) this.#filler.add(commit)
    // Here, not only in the loop: that one may be waiting for a store that is away.
    this.#filler.fill(commit)
    this.#wake()
  }

  overflow(block: number): void {
    this.#overflowBlock = Math.max(this.#overflowBlock, block)
    this.#interruptAll()
  }

  feed(id: number, sinceMs: number): void {
    this.#feeds.push({ id, sinceMs })
    this.#interruptAll()
  }

  stop(withinMs: number): void {
    this.#isStopping = true
    setTimeout(() => {
      this.#isAborted = true
      this.#interruptAll()
    }, withinMs).unref()
    this.#wake()
  }

  /** Resolves after `stop`, when what could be delivered is, and everything is closed. */
  async run(): Promise<void> {
    const { store, cursor, quarantine } = this.#options
    // First: a start waits for it, and the search may read what an outage left.
    this.#report()
    this.#filler.search(this.#tail)
    while (!this.#isAborted) {
      try {
        if (!(await this.#turn()) && this.#isStopping) break
      } catch (error) {
        if (!this.#interrupt.signal.aborted) throw error
        // Interrupted in the middle: what was not delivered is read again.
        for (const lane of [this.#backlog, this.#fresh]) lane.reader.moveTo(lane.place(this.#state))
        if (!this.#isAborted) this.#interrupt = new AbortController()
      }
    }
    this.#backlog.reader.close()
    this.#fresh.reader.close()
    await store.close()
    cursor.close()
    quarantine.close()
  }

  /** False: there was nothing to take. */
  async #turn(): Promise<boolean> {
    this.#filler.fill(this.#tail)
    await this.#makeRoom()
    await this.#feedAgain()
    this.#overtakeBacklog()
    const lane = this.#laneInTurn()
    const read = await this.#read(lane)
    this.#reportDamage(lane.reader)
    if (read.length > 0) await this.#deliver(lane, read)
    else if (!(await this.#skipMissing(lane))) {
      if (!this.#isStopping) await this.#nextCommit()
      return false
    }
    await this.#linger()
    return true
  }

  async #deliver(lane: Lane, read: readonly ReadBlock[]): Promise<void> {
    const { store, maxBackoffMs } = this.#options
    this.#lastStartMs = performance.now()
    const blocks = read.map(({ block }) => block)
    const { position } = read.at(-1)!
    const refused: number[] = []
    const { signal } = this.#interrupt
    await deliver(blocks, {
      store,
      to:
        lane === this.#fresh ? null : { block: lane.take(this.#state, { blocks, position, refused }).block },
      maxBackoffMs,
      signal,
      refuse: async (unit, reason) => {
        await this.#filler.refuse(unit, reason, signal)
        if (unit.isCounted) refused.push(unit.block)
      },
      onState: trouble => this.#noteTrouble(trouble),
    })
    const lines = blocks.reduce((sum, { header }) => sum + header.lines, 0)
    if (lane === this.#fresh) {
      // A full batch: there is more, and it is the fresh lane's turn again after one of the backlog.
      this.#lastFreshMs = lines >= store.maxLines ? Number.NEGATIVE_INFINITY : performance.now()
    }
    this.#lastLane = lane
    this.#batches++
    this.#lines += lines
    await this.#save(lane.take(this.#state, { blocks, position, refused }))
  }

  /** Waits for as long as it takes: what the store has is not to be forgotten, and nothing may be unlinked before. */
  async #save(state: CursorState): Promise<void> {
    const { cursor } = this.#options
    for (;;) {
      try {
        cursor.save(state)
        break
      } catch (error) {
        this.#noteDiskTrouble('cursor', error)
        await sleep(DISK_RETRY_MS, undefined, { signal: this.#interrupt.signal })
      }
    }
    this.#state = state
    // The position may have reached a stretch and be past it now.
    if (this.#backlog.reader.position.block < state.block) this.#backlog.reader.moveTo(state)
    this.#report()
  }

  async #read(lane: Lane): Promise<ReadBlock[]> {
    const end = lane.end(this.#state, this.#tail)
    for (let attempt = 1; ; attempt++) {
      try {
        return lane.reader.read(end, this.#options.store.maxLines)
      } catch (error) {
        this.#noteDiskTrouble('spool', error)
        const isLost = (error as NodeJS.ErrnoException).code === 'EIO' && attempt >= READ_ATTEMPTS
        if (isLost) lane.reader.skipSegment(end)
        else await sleep(DISK_RETRY_MS, undefined, { signal: this.#interrupt.signal })
      }
    }
  }

  /** Everything up to the lane's end was read and the numbers say that there was more: damage took it. */
  async #skipMissing(lane: Lane): Promise<boolean> {
    const end = lane.end(this.#state, this.#tail)
    if (lane.place(this.#state).block >= end.block) return false
    await this.#save(lane.skip(this.#state, end))
    lane.reader.moveTo(lane.place(this.#state))
    return true
  }

  #laneInTurn(): Lane {
    if (this.#state.ahead.length === 0) return this.#backlog
    const hasFresh = front(this.#state).block < this.#tail.block
    const isDue = performance.now() - this.#lastFreshMs >= FRESH_EVERY_MS
    return hasFresh && isDue && this.#lastLane !== this.#fresh ? this.#fresh : this.#backlog
  }

  #overtakeBacklog(): void {
    const waiting = this.#arrivals.lastBefore(BEHIND_MS, performance.now())
    const { block, messages } = front(this.#state)
    if (waiting === null || block >= waiting) return
    if (this.#tail.messages - messages <= this.#options.store.maxLines) return
    const state = overtake(this.#state, this.#tail)
    if (state === this.#state) return
    this.#state = state
    this.#fresh.reader.moveTo(front(state))
    this.#overtakes++
  }

  async #makeRoom(): Promise<void> {
    if (this.#overflowBlock <= this.#state.block) return
    const end = placeBehind(this.#options.spoolDir, this.#overflowBlock, this.#files)
    await this.#save(giveUp(this.#state, end))
  }

  async #feedAgain(): Promise<void> {
    for (let feed = this.#feeds.shift(); feed !== undefined; feed = this.#feeds.shift()) {
      const { cursor, quarantine, spoolDir } = this.#options
      const place = placeAt(spoolDir, feed.sinceMs, this.#files)
      const before = this.#state
      if (place !== null && place.block < before.block) {
        const refusedBehind = (block: number) => quarantine.refusedBehind(block)
        await this.#save(rewind(place, { saved: cursor.state, refusedBehind }))
        this.#backlog.reader.moveTo(this.#state)
        this.#fresh.reader.moveTo(front(this.#state))
      }
      const messages = Math.max(0, before.messages - this.#state.messages)
      this.#options.post({ kind: 'feeding', id: feed.id, messages })
    }
  }

  /**
   * While there is less than a full batch, gathers: a write per message would cost the store more than it carries. What is
   * much, and followed by nothing, need not wait: the end of a burst, whose readings somebody looks for.
   */
  async #linger(): Promise<void> {
    const { lingerMs, maxLines } = this.#options.store
    const { signal } = this.#interrupt
    for (;;) {
      const waiting = this.#tail.messages - this.#state.messages
      const isBacklog = this.#state.ahead.length > 0 || waiting >= maxLines
      if (this.#isStopping || isBacklog) return
      const nowMs = performance.now()
      const dueMs = this.#lastStartMs + lingerMs
      const quietMs = this.#lastCommitMs + QUIET_MS
      const untilMs = waiting * MUCH >= maxLines ? Math.min(dueMs, quietMs) : dueMs
      if (untilMs <= nowMs) return
      await sleep(Math.min(untilMs - nowMs, QUIET_MS), undefined, { signal })
    }
  }

  #nextCommit(): Promise<void> {
    if (front(this.#state).block < this.#tail.block) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const { signal } = this.#interrupt
      if (signal.aborted) return reject(signal.reason)
      signal.addEventListener('abort', reject, { once: true })
      this.#wake = () => {
        signal.removeEventListener('abort', reject)
        resolve()
      }
    })
  }

  #interruptAll(): void {
    this.#interrupt.abort()
  }

  #noteTrouble(trouble: StoreTrouble | null): void {
    if (trouble?.kind === this.#trouble?.kind && trouble?.reason === this.#trouble?.reason) return
    this.#trouble = trouble
    this.#options.post({ kind: 'trouble', trouble })
  }

  #noteDiskTrouble(what: 'cursor' | 'spool', error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.#options.post({ kind: 'disk-trouble', what, reason })
  }

  #reportDamage(reader: SpoolReader): void {
    for (const damage of reader.damage.splice(0)) this.#options.post({ kind: 'damage', ...damage })
  }

  #report(): void {
    this.#options.post({
      kind: 'progress',
      progress: {
        cursor: this.#state,
        releasable: Math.min(this.#state.block, this.#filler.through),
        lines: this.#lines,
        batches: this.#batches,
        overtakes: this.#overtakes,
        evicted: this.#options.quarantine.evicted,
      },
    })
  }
}
