/**
 * The spool: what was accepted, on disk, until the store has it. Its promises:
 *
 *  1. A promise returned by an append resolves only after fdatasync of a block that holds the message. Until then
 *     nobody may acknowledge it.
 *  2. Blocks are numbered without reuse and stand on the disk in the order of the appends; promises resolve in
 *     that order too.
 *  3. A file that saw a failed write or fdatasync is never written again: its tail is cut and the batch goes to a new
 *     segment (after a failed fsync the kernel may have dropped the pages, and a second fsync would lie).
 *  4. A start never fails for damage: a torn tail is cut, damage before it is stepped over and kept as evidence.
 *  5. A segment is unlinked only after the positions of all its readers are durable behind it.
 *
 * One write is in flight; what arrives meanwhile gathers in the next batch. Linger is adaptive: an idle spool commits
 * at once, a busy one about every `lingerMs`, and a batch that nobody waits for (QoS 0) may take `quietLingerMs`.
 */

import { closeSync, fdatasync, mkdirSync, openSync, unlinkSync, write, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Batch, type Entry } from './batch.ts'
import { encodeBlock } from './block.ts'
import { cutFile, syncDirectory } from './files.ts'
import type { RecentKeys } from './recent-keys.ts'
import { type KnownSegment, recover } from './recovery.ts'
import { encodeSegmentHeader, segmentPath } from './segment.ts'
import { addChange, type Totals } from './totals.ts'

const writeAsync = promisify(write)
const fdatasyncAsync = promisify(fdatasync)

export interface SpoolOptions {
  readonly dir: string
  readonly nodeId: string
  /** Bytes of undelivered segments at which appends are refused. */
  readonly maxBytes: number
  readonly segmentBytes: number
  readonly lingerMs: number
  readonly quietLingerMs: number
  /** How long an append is held while the disk fails or the spool is full, before its promise rejects. */
  readonly holdMs: number
  /** Bytes held in memory for the disk, at which appends are refused at once. */
  readonly maxPendingBytes: number
  /** Delivered segments are kept this long, up to `keepBytes`: a store restored from a backup can be fed again. */
  readonly keepMs: number
  readonly keepBytes: number
  /** Awaited before each block: what the block leans on (first-sight decisions) must be durable before it. */
  readonly beforeCommit: () => Promise<void> | null
  readonly onCommit: (commit: Commit) => void
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** A place in the spool, just past block `block`. */
export interface SpoolPosition {
  readonly block: number
  readonly segment: number
  readonly offset: number
}

export interface Commit extends SpoolPosition {
  /** Where the block begins in the segment. */
  readonly start: number
  /** The block carries entries for the quarantine. */
  readonly held: boolean
}

/** The spool does not take it: full, failing, or closed. Nothing was acknowledged, the sender keeps its data. */
export class SpoolRefusal extends Error {
  readonly code: 'SPOOL_FULL' | 'SPOOL_FAILING' | 'SPOOL_BUSY' | 'SPOOL_CLOSED'
  constructor(code: SpoolRefusal['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SpoolRefusal'
    this.code = code
  }
}

/** Pause between attempts while the disk refuses: short enough to be back within 2 s of space. */
const RETRY_MS = 250

interface OpenSegment {
  readonly first: number
  readonly fd: number
  readonly nodeId: string
  bytes: number
  /** A write or fsync failed on it: cut it back to `bytes` and open another. */
  isSpoilt: boolean
}

export class Spool {
  readonly #options: SpoolOptions
  readonly #recent: RecentKeys
  readonly #segments: KnownSegment[]
  #totals: Totals
  #block: number
  #current: OpenSegment | null = null
  #batch: Batch
  #inFlight: Batch | null = null
  #dueMs = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | null = null
  #lastCommitMs = 0
  #running: Promise<void> | null = null
  #isClosed = false
  #failure: SpoolRefusal | null = null
  #released: { block: number; whenMs: number }[] = []
  readonly stats = { blocks: 0, bytes: 0, failures: 0, refused: 0, cutBytes: 0, damagedBytes: 0 }

  constructor(options: SpoolOptions) {
    this.#options = options
    mkdirSync(options.dir, { recursive: true, mode: 0o700 })
    const recovered = recover(options.dir, options.log)
    this.#segments = recovered.segments
    this.#totals = recovered.totals
    this.#block = recovered.lastBlock
    this.#recent = recovered.recent
    this.stats.cutBytes = recovered.cutBytes
    this.stats.damagedBytes = recovered.damagedBytes
    this.#batch = new Batch()
  }

  /**
   * Resolves when the message is on the disk; the promise is shared by the batch. Rejects with a SpoolRefusal:
   * then nothing may be acknowledged.
   */
  append(entry: Entry): Promise<void> {
    if (this.#isClosed) return Promise.reject(new SpoolRefusal('SPOOL_CLOSED', 'the spool is closed'))
    const batch = this.#batch
    if (batch.bytes + (this.#inFlight?.bytes ?? 0) > this.#options.maxPendingBytes) {
      this.stats.refused++
      return Promise.reject(new SpoolRefusal('SPOOL_BUSY', 'too many bytes wait for the disk'))
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

  /** Bytes of segments that the store has not wholly taken. */
  get waitingBytes(): number {
    const delivered = this.#released.at(-1)?.block ?? 0
    let bytes = 0
    for (const segment of this.#segments) if (segment.lastBlock > delivered) bytes += segment.bytes
    return bytes
  }

  get lastBlock(): number {
    return this.#block
  }

  /** Where a reader may read up to. */
  get tail(): SpoolPosition {
    const last = this.#segments.at(-1)
    return { block: this.#block, segment: last?.first ?? 0, offset: last?.bytes ?? 0 }
  }

  /** Every reader's position is durable at or behind `block`: segments below it may go, once kept long enough. */
  release(block: number): void {
    const nowMs = Date.now()
    const last = this.#released.at(-1)
    // A mark a second is fine enough for a retention of an hour, and keeps the list short.
    if (last !== undefined && nowMs - last.whenMs < 1000) last.block = Math.max(last.block, block)
    else if (last === undefined || block > last.block) this.#released.push({ block, whenMs: nowMs })
    this.#unlinkKept(nowMs)
  }

  /** Resolves when everything appended so far is on the disk; rejects as an append would. */
  async flush(): Promise<void> {
    while (this.#batch.messages > 0 || this.#inFlight !== null) {
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
      if (this.#timer) clearTimeout(this.#timer)
      await this.#running
      if (this.#current) closeSync(this.#current.fd)
      this.#current = null
    }
  }

  #schedule(isAwaited: boolean): void {
    if (this.#running !== null) return
    const nowMs = performance.now()
    const { lingerMs, quietLingerMs } = this.#options
    const dueMs = this.#batch.isFull
      ? nowMs
      : isAwaited
        ? this.#lastCommitMs + lingerMs
        : nowMs + quietLingerMs
    if (dueMs >= this.#dueMs) return
    this.#dueMs = dueMs
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (dueMs > nowMs) {
      this.#timer = setTimeout(() => this.#start(), dueMs - nowMs)
    } else {
      // After this turn of the event loop, so that what one socket read brought shares a block.
      setImmediate(() => this.#start())
    }
  }

  #start(): void {
    if (this.#running !== null || this.#batch.messages === 0) return
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#dueMs = Number.POSITIVE_INFINITY
    this.#running = this.#commit().finally(() => {
      this.#running = null
      if (this.#batch.messages > 0) this.#schedule(this.#batch.isAwaited)
    })
  }

  async #commit(): Promise<void> {
    const batch = this.#batch
    this.#batch = new Batch()
    this.#inFlight = batch
    this.#lastCommitMs = performance.now()
    for (;;) {
      const failure = await this.#tryWrite(batch)
      this.#noteFailure(failure)
      if (failure === null) break
      if (performance.now() - batch.openedMs >= this.#options.holdMs) {
        this.#refuse(batch, failure)
        return
      }
      await sleep(RETRY_MS)
    }
    this.#totals = addBatch(this.#totals, batch)
    this.#inFlight = null
    for (const key of batch.keys) this.#recent.add(key)
    batch.durable.resolve()
  }

  async #tryWrite(batch: Batch): Promise<SpoolRefusal | null> {
    try {
      await this.#options.beforeCommit()
      const block = this.#block + 1
      const { ledger, keys, messageLengths, lines, held } = batch
      const bytes = encodeBlock(
        {
          block,
          arrivalMs: batch.arrivalMs,
          nodeId: this.#options.nodeId,
          messagesBefore: this.#totals.messages,
          messages: batch.stored,
          lines: batch.lineCount,
          received: batch.messages,
        },
        { ledger, keys, messageLengths, lines, held },
      )
      if (this.waitingBytes + bytes.length > this.#options.maxBytes) {
        return new SpoolRefusal('SPOOL_FULL', `the spool holds its ${this.#options.maxBytes} bytes`)
      }
      await this.#write(block, bytes, held.length > 0)
      return null
    } catch (cause) {
      if (this.#current) this.#current.isSpoilt = true
      const text = cause instanceof Error ? cause.message : String(cause)
      return new SpoolRefusal('SPOOL_FAILING', `the spool cannot be written: ${text}`, { cause })
    }
  }

  async #write(block: number, bytes: Buffer, held: boolean): Promise<void> {
    const segment = this.#segmentFor(block)
    const start = segment.bytes
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await writeAsync(segment.fd, bytes, done, bytes.length - done, start + done)
      done += bytesWritten
    }
    await fdatasyncAsync(segment.fd)
    segment.bytes += bytes.length
    this.#block = block
    const known = this.#segments.at(-1)
    if (known) {
      known.bytes = segment.bytes
      known.lastBlock = block
    }
    this.stats.blocks++
    this.stats.bytes += bytes.length
    this.#options.onCommit({ block, segment: segment.first, start, offset: segment.bytes, held })
  }

  /** The segment that takes block `block`: the current one, or a new one when that is full or spoilt. */
  #segmentFor(block: number): OpenSegment {
    const current = this.#current
    if (current !== null && !current.isSpoilt && current.bytes < this.#options.segmentBytes) return current
    if (current?.isSpoilt) this.#cut(current)
    else if (current) closeSync(current.fd)
    this.#current = null
    const { dir, nodeId } = this.#options
    const path = segmentPath(dir, block)
    const fd = openSync(path, 'wx', 0o600)
    const header = encodeSegmentHeader({
      nodeId,
      firstBlock: block,
      createdMs: Date.now(),
      totals: this.#totals,
    })
    // Known from here on: should the header fail, the next attempt cuts the file away.
    this.#current = { first: block, fd, nodeId, bytes: 0, isSpoilt: true }
    writeSync(fd, header)
    syncDirectory(dir)
    this.#current.bytes = header.length
    this.#current.isSpoilt = false
    this.#segments.push({ first: block, bytes: header.length, lastBlock: block - 1 })
    return this.#current
  }

  /** Cuts a spoilt segment back to its acknowledged part through a fresh descriptor, or removes it when it has none. */
  #cut(segment: OpenSegment): void {
    const path = segmentPath(this.#options.dir, segment.first)
    try {
      closeSync(segment.fd)
    } catch {
      // The descriptor may be the thing that is broken; the path decides.
    }
    const known = this.#segments.at(-1)
    if (known?.first === segment.first && known.lastBlock >= segment.first) {
      cutFile(path, segment.bytes)
    } else {
      unlinkSync(path)
      if (known?.first === segment.first) this.#segments.pop()
    }
    this.#current = null
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
    this.#inFlight = null
    this.stats.refused += batch.messages
    // Nobody will send these again: they count as received and dropped, by the next block that is written.
    if (batch.unawaited > 0) this.#batch.addLost(batch.unawaited, 'disk')
    batch.durable.reject(failure)
  }

  #unlinkKept(nowMs: number): void {
    const { keepMs, keepBytes, dir } = this.#options
    const delivered = this.#released.at(-1)?.block ?? 0
    while (this.#released.length > 1 && nowMs - this.#released[1]!.whenMs >= keepMs) this.#released.shift()
    const oldest = this.#released[0]
    const agedBlock = oldest !== undefined && nowMs - oldest.whenMs >= keepMs ? oldest.block : 0
    let keptBytes = 0
    for (const segment of this.#segments) if (segment.lastBlock <= delivered) keptBytes += segment.bytes
    while (this.#segments.length > 1) {
      const segment = this.#segments[0]!
      const isDelivered = segment.lastBlock <= delivered
      if (!isDelivered || (segment.lastBlock > agedBlock && keptBytes <= keepBytes)) return
      try {
        unlinkSync(segmentPath(dir, segment.first))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return
      }
      keptBytes -= segment.bytes
      this.#segments.shift()
    }
  }
}

function addBatch(totals: Totals, batch: Batch): Totals {
  if (batch.messages === 0) return totals
  return addChange(totals, { received: batch.messages, messages: batch.stored, ledger: batch.ledger })
}
