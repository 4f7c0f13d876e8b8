/**
 * Takes blocks from the spool to the store, in order, and what they hold for the quarantine to the quarantine. Runs in
 * a thread of its own and talks to the rest by the spool's files and the messages below.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Quarantine, type QuarantineEntry, REFUSED_INDEX } from '../quarantine/quarantine.ts'
import { encodeRefused } from '../quarantine/record.ts'
import type { Block } from '../spool/block.ts'
import type { Cursor, CursorState } from '../spool/cursor.ts'
import { type ReadBlock, SpoolReader } from '../spool/reader.ts'
import { listSegments } from '../spool/segment.ts'
import type { Commit, SpoolPosition } from '../spool/spool.ts'
import { deliver, type StoreTrouble, type Unit } from './delivery.ts'
import type { Store } from './store.ts'

export type ToWriter =
  | { readonly kind: 'committed'; readonly commit: Commit }
  /** Deliver what is there until `withinMs` have passed, then stop. */
  | { readonly kind: 'stop'; readonly withinMs: number }
  | { readonly kind: 'list'; readonly id: number; readonly limit: number; readonly before: number | null }

export type FromWriter =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'trouble'; readonly trouble: StoreTrouble | null }
  | { readonly kind: 'damage'; readonly segment: number; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'quarantine-failed'; readonly reason: string }
  | { readonly kind: 'listed'; readonly id: number; readonly entries: readonly QuarantineEntry[] }
  | { readonly kind: 'stopped' }

export interface Progress {
  readonly cursor: CursorState
  /** Every block up to here is behind both readers, store and quarantine, and that is on the disk. */
  readonly releasable: number
  /** Since the start of this process. */
  readonly lines: number
  readonly batches: number
  /** Since the data directory was made. */
  readonly evicted: number
}

export interface WriterOptions {
  readonly spoolDir: string
  readonly store: Store
  readonly cursor: Cursor
  readonly quarantine: Quarantine
  /** Where the spool ends at the start, and the messages up to there. */
  readonly tail: SpoolPosition
  readonly tailMessages: number
  readonly post: (message: FromWriter) => void
}

const QUARANTINE_RETRY_MS = 1000

export class Writer {
  readonly #options: WriterOptions
  readonly #reader: SpoolReader
  readonly #abort = new AbortController()
  #state: CursorState
  #tail: SpoolPosition
  #held: Pick<Commit, 'block' | 'segment' | 'start'>[] = []
  #wake: () => void = () => undefined
  #isStopping = false
  #lastStartMs = Number.NEGATIVE_INFINITY
  #lines = 0
  #batches = 0
  #quarantinedSegment = 0
  #quarantinedThrough: number
  #trouble: StoreTrouble | null = null
  #reportedDamage = 0

  constructor(options: WriterOptions) {
    this.#options = options
    this.#tail = options.tail
    this.#state = startOf(options)
    this.#reader = new SpoolReader(options.spoolDir, this.#state)
    this.#quarantinedThrough = options.quarantine.block
  }

  committed(commit: Commit): void {
    this.#tail = commit
    if (commit.held) {
      this.#held.push(commit)
      // Here, not only in the loop: that one may be waiting for a store that is away.
      this.#fillQuarantine()
    }
    this.#wake()
  }

  stop(withinMs: number): void {
    this.#isStopping = true
    setTimeout(() => this.#abort.abort(), withinMs).unref()
    this.#wake()
  }

  /** Resolves after `stop`, when what could be delivered is, and everything is closed. */
  async run(): Promise<void> {
    const { store, cursor, quarantine } = this.#options
    this.#findHeld()
    this.#report()
    try {
      while (!this.#abort.signal.aborted) {
        this.#fillQuarantine()
        const blocks = this.#reader.read(this.#tail, store.maxLines)
        this.#reportDamage()
        if (blocks.length > 0) await this.#deliver(blocks)
        else if (this.#isStopping) break
        else await this.#nextCommit()
        await this.#linger()
      }
    } catch (error) {
      // Stopped in the middle: the spool keeps what was not delivered.
      if (!this.#abort.signal.aborted) throw error
    }
    this.#reader.close()
    await store.close()
    cursor.close()
    quarantine.close()
  }

  async #deliver(read: readonly ReadBlock[]): Promise<void> {
    this.#lastStartMs = performance.now()
    const { store, cursor } = this.#options
    const blocks = read.map(({ block }) => block)
    const { position } = read.at(-1)!
    let refused = 0
    await deliver(
      blocks,
      { block: position.block },
      {
        store,
        signal: this.#abort.signal,
        refuse: async (unit, reason) => {
          await this.#refuse(unit, reason)
          if (unit.isCounted) refused++
        },
        onState: trouble => this.#noteTrouble(trouble),
      },
    )
    this.#state = advance(this.#state, blocks, position, refused)
    cursor.save(this.#state)
    this.#batches++
    for (const { header } of blocks) this.#lines += header.lines
    this.#report()
  }

  /** While there is less than a full batch, gathers: a write per message would cost the store more than it carries. */
  async #linger(): Promise<void> {
    const waitMs = this.#lastStartMs + this.#options.store.lingerMs - performance.now()
    const { segment, offset } = this.#reader.position
    const backlogBytes =
      this.#tail.segment === segment ? this.#tail.offset - offset : Number.POSITIVE_INFINITY
    if (waitMs <= 0 || this.#isStopping || backlogBytes > this.#options.store.maxLines * 100) return
    await sleep(waitMs, undefined, { signal: this.#abort.signal })
  }

  #nextCommit(): Promise<void> {
    if (this.#reader.position.block < this.#tail.block || this.#isStopping) return Promise.resolve()
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }

  /** A crash may have come between a block's commit and the quarantine: what it had not got yet is in the spool. */
  #findHeld(): void {
    const { spoolDir, quarantine } = this.#options
    const from = { block: quarantine.block, segment: segmentOf(spoolDir, quarantine.block + 1), offset: 0 }
    const reader = new SpoolReader(spoolDir, from)
    for (
      let read = reader.read(this.#tail, 10_000);
      read.length > 0;
      read = reader.read(this.#tail, 10_000)
    ) {
      for (const { block, position } of read) {
        if (block.held.length === 0) continue
        this.#held.push({
          block: block.header.block,
          segment: position.segment,
          start: position.offset - block.bytes,
        })
      }
    }
    reader.close()
  }

  #fillQuarantine(): void {
    const { spoolDir, quarantine } = this.#options
    const { block: tailBlock, segment } = this.#tail
    while (this.#held.length > 0) {
      const { block, segment: heldSegment, start } = this.#held[0]!
      const content = SpoolReader.readAt(spoolDir, heldSegment, start)
      const records = (content?.held ?? []).map((bytes, index) => ({ origin: { block, index }, bytes }))
      if (!this.#tryQuarantine(() => quarantine.add(records))) return
      this.#held.shift()
    }
    if (
      segment !== this.#quarantinedSegment &&
      this.#tryQuarantine(() => quarantine.markThrough(tailBlock))
    ) {
      this.#quarantinedSegment = segment
      this.#quarantinedThrough = tailBlock
    }
  }

  async #refuse(unit: Unit, reason: string): Promise<void> {
    const record = encodeRefused(unit.lines, topicOf(unit.lines), reason, Date.now())
    const origin = { block: unit.block, index: REFUSED_INDEX + unit.index }
    while (!this.#tryQuarantine(() => this.#options.quarantine.add([{ origin, bytes: record }]))) {
      await sleep(QUARANTINE_RETRY_MS, undefined, { signal: this.#abort.signal })
    }
  }

  #tryQuarantine(action: () => void): boolean {
    try {
      action()
      return true
    } catch (error) {
      this.#options.post({
        kind: 'quarantine-failed',
        reason: error instanceof Error ? error.message : String(error),
      })
      return false
    }
  }

  #noteTrouble(trouble: StoreTrouble | null): void {
    if (trouble?.kind === this.#trouble?.kind && trouble?.reason === this.#trouble?.reason) return
    this.#trouble = trouble
    this.#options.post({ kind: 'trouble', trouble })
  }

  #reportDamage(): void {
    for (; this.#reportedDamage < this.#reader.damage.length; this.#reportedDamage++) {
      this.#options.post({ kind: 'damage', ...this.#reader.damage[this.#reportedDamage]! })
    }
  }

  #report(): void {
    this.#options.post({
      kind: 'progress',
      progress: {
        cursor: this.#state,
        releasable: Math.min(this.#state.block, this.#quarantinedThrough),
        lines: this.#lines,
        batches: this.#batches,
        evicted: this.#options.quarantine.evicted,
      },
    })
  }
}

/** Behind what the store has; never an error, whatever the cursor says. */
function startOf({ cursor, store, tail, tailMessages, spoolDir }: WriterOptions): CursorState {
  const saved = cursor.state
  if (saved.block > tail.block) {
    // The spool was taken away and began anew: its numbers say nothing about what the store has.
    return { ...saved, ...tail, messages: tailMessages }
  }
  const stored = store.position()
  if (stored === null || stored.block > tail.block || stored.block === saved.block) return saved
  if (stored.block > saved.block) return { ...saved, block: stored.block }
  // A store restored from a backup: what is still kept is fed again.
  return { ...saved, block: stored.block, segment: segmentOf(spoolDir, stored.block + 1), offset: 0 }
}

/** The segment that holds `block`, or the oldest when that is gone; 0 when there is none. */
function segmentOf(spoolDir: string, block: number): number {
  const firsts = listSegments(spoolDir)
  return firsts.findLast(first => first <= block) ?? firsts[0] ?? 0
}

function advance(
  state: CursorState,
  blocks: readonly Block[],
  position: SpoolPosition,
  refused: number,
): CursorState {
  let { messages, lost } = state
  for (const { header } of blocks) {
    // A gap in the numbering of messages is what damage took.
    if (header.messagesBefore > messages && state.block > 0) lost += header.messagesBefore - messages
    messages = header.messagesBefore + header.messages
  }
  return { ...position, messages, refused: state.refused + refused, lost }
}

/** `topic=` of the first line, for people who look through the quarantine. */
function topicOf(lines: Uint8Array): string {
  const head = Buffer.from(lines.subarray(0, 2048)).toString('utf8')
  return /,topic=((?:[^ ,\\]|\\.)*)/.exec(head)?.[1]?.replace(/\\(.)/g, '$1') ?? ''
}
