/**
 * The spool: what was accepted, on disk, until the store has it. Its promises:
 *
 *  1. A promise returned by an append resolves only after fdatasync of a block that holds the message. Until then
 *     nobody may acknowledge it.
 *  2. Blocks are numbered without reuse and stand on the disk in the order of the appends; promises resolve in
 *     that order too.
 *  3. A file that saw a failed write or fdatasync is never written again (segment-writer.ts).
 *  4. A start never fails for damage: a torn tail is cut, damage before it is stepped over and kept as evidence
 *     (recovery.ts, reader.ts).
 *  5. A segment is unlinked only after the positions of all its readers are durable behind it (segments.ts).
 *
 * One write is in flight; what arrives meanwhile gathers in the next batch. Linger is adaptive: an idle spool commits
 * at once, a busy one about every `lingerMs`, and a batch that nobody waits for (QoS 0) may take `quietLingerMs`.
 *
 * While the disk refuses or the spool is full, a batch is held for `holdMs` and then rejected; attempts go on, with an
 * empty block when nothing waits, so that the spool is back soon after the disk is.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { Batch, type Entry } from './batch.ts'
import { encodeBlock } from './block.ts'
import { CommitTimer } from './commit-timer.ts'
import { disk, type SpoolFiles } from './files.ts'
import type { Commit, SpoolTail } from './position.ts'
import type { RecentKeys } from './recent-keys.ts'
import { recover } from './recovery.ts'
import { refusal, SpoolRefusal } from './refusal.ts'
import { ReusedBuffer } from './reused-buffer.ts'
import { SegmentWriter } from './segment-writer.ts'
import { Segments } from './segments.ts'
import { addChange, type Totals } from './totals.ts'

export interface SpoolOptions {
  readonly dir: string
  readonly nodeId: string
  /** Bytes of undelivered segments at which the policy applies. */
  readonly maxBytes: number
  /** `drop-oldest` gives up the oldest segment for what arrives: `onOverflow` must see to its release. */
  readonly policy: 'refuse' | 'drop-oldest'
  readonly segmentBytes: number
  readonly lingerMs: number
  readonly quietLingerMs: number
  /** How long an append is held while the disk fails or the spool is full, before its promise rejects. */
  readonly holdMs: number
  /** What may wait in memory for the disk; beyond it, appends are refused at once. */
  readonly maxPendingBytes: number
  readonly maxPendingMessages: number
  /** Delivered segments are kept this long, up to `keepBytes`: a store restored from a backup can be fed again. */
  readonly keepMs: number
  readonly keepBytes: number
  /** No block up to this number is written: others remember it, whatever became of the spool's own files. */
  readonly lastKnownBlock?: number
  /** Awaited before each block: what the block leans on (first-sight decisions) must be durable before it. */
  readonly beforeCommit: () => Promise<void> | null
  readonly onCommit: (commit: Commit) => void
  /** Blocks up to this one are to be given up; once they are, `release` follows. */
  readonly onOverflow: (block: number) => void
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
  readonly files?: SpoolFiles
}

/** Pause between attempts while the disk refuses: short enough to be back within 2 s of space. */
const RETRY_MS = 250
const MAX_KEPT_BLOCK_BYTES = 1024 * 1024

export class Spool {
  readonly #options: SpoolOptions
  readonly #recent: RecentKeys
  readonly #segments: Segments
  readonly #writer: SegmentWriter
  #totals: Totals
  #tail: SpoolTail
  #block: number
  #batch = new Batch()
  #inFlight: Batch | null = null
  /** Of the last batch, for the next but one. */
  #lineRoom: Buffer | undefined
  readonly #blockBuffer = new ReusedBuffer(MAX_KEPT_BLOCK_BYTES)
  readonly #timer = new CommitTimer(() => this.#start())
  #lastCommitMs = 0
  #running: Promise<void> | null = null
  #isClosed = false
  #failure: SpoolRefusal | null = null
  #isMakingRoom = false
  #overflowedBlock = 0
  /** Ends the pause before the next attempt. */
  #retryNow: () => void = () => undefined
  readonly stats = {
    blocks: 0,
    bytes: 0,
    failures: 0,
    refused: 0,
    overflows: 0,
    cutBytes: 0,
    damagedBytes: 0,
  }

  constructor(options: SpoolOptions) {
    this.#options = options
    const { dir, files = disk, log, keepMs, keepBytes, nodeId, segmentBytes } = options
    files.makeDirectory(dir)
    const recovered = recover(dir, log, files)
    this.#segments = new Segments(recovered.segments, { dir, files, keepMs, keepBytes })
    this.#writer = new SegmentWriter({ dir, nodeId, segmentBytes, segments: this.#segments, files })
    this.#totals = recovered.totals
    const block = Math.max(recovered.lastBlock, options.lastKnownBlock ?? 0)
    this.#block = Math.max(block, recovered.burntBlock)
    this.#recent = recovered.recent
    this.stats.cutBytes = recovered.cutBytes
    this.stats.damagedBytes = recovered.damagedBytes
    const { first = 0, bytes = 0 } = this.#segments.last ?? {}
    this.#tail = { block, segment: first, offset: bytes, messages: this.#totals.messages }
  }

  /**
   * Resolves when the message is on the disk; the promise is shared by the batch. Rejects with a SpoolRefusal:
   * then nothing may be acknowledged. What nobody waits for is counted instead.
   */
  append(entry: Entry): Promise<void> {
    if (this.#isClosed) return refusal(entry, 'SPOOL_CLOSED', 'the spool is closed')
    const batch = this.#batch
    const { maxPendingBytes, maxPendingMessages } = this.#options
    if (
      this.pendingMessages >= maxPendingMessages ||
      batch.bytes + (this.#inFlight?.bytes ?? 0) > maxPendingBytes
    ) {
      this.stats.refused++
      if (!entry.awaited) this.#addLost(1, 'busy')
      return refusal(entry, 'SPOOL_BUSY', 'too much waits for the disk')
    }
    batch.add(entry)
    this.#schedule(entry.awaited)
    return batch.durable.promise
  }

  /** True when a message with this key was taken lately, or is on its way to the disk. */
  hasRecently(key: number): boolean {
    return (
      this.#recent.has(key) || this.#batch.keys.includes(key) || (this.#inFlight?.keys.includes(key) ?? false)
    )
  }

  /** Totals on the disk plus what is on its way there. */
  get totals(): Totals {
    let totals = this.#totals
    if (this.#inFlight) totals = addBatch(totals, this.#inFlight)
    return addBatch(totals, this.#batch)
  }

  /** Null: the last block went to the disk. */
  get failure(): SpoolRefusal | null {
    return this.#failure
  }

  /** Messages in memory on their way to the disk. */
  get pendingMessages(): number {
    return this.#batch.entries + (this.#inFlight?.entries ?? 0)
  }

  get waitingBytes(): number {
    return this.#segments.waitingBytes
  }

  get keptBytes(): number {
    return this.#segments.keptBytes
  }

  get lastBlock(): number {
    return this.#block
  }

  /** Where a reader may read up to. */
  get tail(): SpoolTail {
    return this.#tail
  }

  /** Every reader's position is durable at or behind `block`: segments below it may go, once kept long enough. */
  release(block: number): void {
    this.#segments.release(block)
    if (this.#overflowedBlock > 0) this.#segments.giveUpKept(this.#overflowedBlock)
    this.#retryNow()
  }

  /** Resolves when everything appended so far is on the disk; rejects as an append would. */
  async flush(): Promise<void> {
    while (!this.#batch.isEmpty || this.#inFlight !== null) {
      const waiting = this.#inFlight ?? this.#batch
      this.#schedule(true)
      await waiting.durable.promise
    }
  }

  /** Takes no more, brings what was appended to the disk (within the hold), closes the file. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.flush()
    } finally {
      this.#isClosed = true
      this.#timer.clear()
      await this.#running
      this.#writer.close()
    }
  }

  #schedule(isAwaited: boolean): void {
    if (this.#running !== null || this.#isClosed) return
    const nowMs = performance.now()
    const { lingerMs, quietLingerMs } = this.#options
    const dueMs = isAwaited ? this.#lastCommitMs + lingerMs : nowMs + quietLingerMs
    this.#timer.wish(this.#batch.isFull ? nowMs : dueMs)
  }

  #start(): void {
    const isProbe = this.#failure !== null
    if (this.#running !== null || this.#isClosed || (this.#batch.isEmpty && !isProbe)) return
    this.#timer.clear()
    this.#running = this.#commit().finally(() => {
      this.#running = null
      if (!this.#batch.isEmpty) this.#schedule(this.#batch.isAwaited)
      else if (this.#failure !== null && !this.#isClosed) this.#timer.wish(performance.now() + RETRY_MS)
    })
  }

  async #commit(): Promise<void> {
    const batch = this.#batch
    this.#batch = new Batch(this.#lineRoom)
    this.#lineRoom = undefined
    this.#inFlight = batch
    this.#lastCommitMs = performance.now()
    for (;;) {
      const failure = await this.#tryWrite(batch)
      // With the oldest on its way out there is no failure: the next attempt comes with the room.
      if (!this.#isMakingRoom) this.#noteFailure(failure)
      if (failure === null) break
      if (performance.now() - batch.openedMs >= this.#options.holdMs) return this.#refuse(batch, failure)
      await this.#pause()
    }
    this.#totals = addBatch(this.#totals, batch)
    this.#inFlight = null
    this.#lineRoom = batch.leaveRoom()
    for (const key of batch.keys) this.#recent.add(key)
    batch.durable.resolve()
  }

  async #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#retryNow = resolve
    await Promise.race([promise, sleep(RETRY_MS)])
  }

  async #tryWrite(batch: Batch): Promise<SpoolRefusal | null> {
    this.#isMakingRoom = false
    try {
      await this.#options.beforeCommit()
      const block = this.#block + 1
      const bytes = this.#encode(block, batch)
      if (this.waitingBytes + bytes.length > this.#options.maxBytes) {
        this.#overflow()
        return new SpoolRefusal('SPOOL_FULL', `the spool holds its ${this.#options.maxBytes} bytes`)
      }
      await this.#write(block, bytes, batch)
      return null
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException
      if (code === 'ENOSPC' || code === 'EDQUOT') {
        this.#segments.giveUpKept()
        this.#overflow()
      }
      return new SpoolRefusal('SPOOL_FAILING', `the spool cannot be written: ${message}`, { cause })
    }
  }

  #encode(block: number, batch: Batch): Buffer {
    const { ledger, keys, messageLengths, lines, held } = batch
    return encodeBlock(
      {
        block,
        arrivalMs: batch.arrivalMs,
        nodeId: this.#options.nodeId,
        messagesBefore: this.#totals.messages,
        messages: batch.stored,
        lines: batch.lineCount,
        received: batch.received,
      },
      { ledger, keys, messageLengths, lines, held },
      bytes => this.#blockBuffer.take(bytes),
    )
  }

  async #write(block: number, bytes: Buffer, batch: Batch): Promise<void> {
    const { start, position } = await this.#writer.write(block, bytes, this.#totals)
    this.#block = block
    this.#tail = { ...position, messages: this.#totals.messages + batch.stored }
    this.stats.blocks++
    this.stats.bytes += bytes.length
    this.#options.onCommit({ ...this.#tail, start, held: batch.held.length > 0 })
  }

  #overflow(): void {
    const oldest = this.#segments.oldestWaiting
    if (this.#options.policy === 'refuse' || oldest === null) return
    this.#isMakingRoom = true
    if (oldest.lastBlock <= this.#overflowedBlock) return
    if (this.stats.overflows++ === 0) {
      this.#options.log.error(
        {},
        'the spool is full: from here on the oldest messages make room, and are counted',
      )
    }
    this.#overflowedBlock = oldest.lastBlock
    this.#options.onOverflow(oldest.lastBlock)
  }

  #noteFailure(failure: SpoolRefusal | null): void {
    if (failure === null && this.#failure !== null) {
      this.#options.log.warn({ code: this.#failure.code }, 'the spool takes messages again')
    }
    if (failure !== null) {
      this.stats.failures++
      if (this.#failure === null) {
        this.#options.log.error({ code: failure.code, err: failure.cause }, failure.message)
      }
    }
    this.#failure = failure
  }

  #refuse(batch: Batch, failure: SpoolRefusal): void {
    this.#noteFailure(failure)
    this.#inFlight = null
    this.stats.refused += batch.entries
    // Nobody will send these again: they count as received and dropped, by the next block that is written.
    const { dropped } = batch.ledger
    for (const reason of LOSSES) if (dropped[reason]) this.#addLost(dropped[reason], reason)
    if (batch.unawaited > 0) this.#addLost(batch.unawaited, 'disk')
    batch.durable.reject(failure)
  }

  #addLost(messages: number, reason: (typeof LOSSES)[number]): void {
    this.#batch.addLost(messages, reason)
    this.#schedule(false)
  }
}

/** Why a message that nobody waits for may be lost here. */
const LOSSES = ['disk', 'busy'] as const

function addBatch(totals: Totals, batch: Batch): Totals {
  if (batch.isEmpty) return totals
  return addChange(totals, { received: batch.received, messages: batch.stored, ledger: batch.ledger })
}
