/**
 * Takes what blocks hold for the quarantine to the quarantine, in the order of the blocks and apart from the store: a
 * store that is away keeps nobody from seeing what could not be read. What the quarantine cannot take waits in the spool.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Quarantine, refusedOrigin } from '../quarantine/quarantine.ts'
import { encodeRefused } from '../quarantine/record.ts'
import type { SpoolFiles } from '../spool/files.ts'
import type { Commit, SpoolTail } from '../spool/position.ts'
import { SpoolReader } from '../spool/reader.ts'
import { listSegments } from '../spool/segment.ts'
import type { Unit } from './delivery.ts'

const RETRY_MS = 1000
/** Lines in one read of the search for what the last run left. */
const SEARCH_LINES = 10_000

type HeldBlock = Pick<Commit, 'block' | 'segment' | 'start'>

/** What of the quarantine the writer needs. */
export type QuarantineKeeper = Pick<
  Quarantine,
  'block' | 'evicted' | 'addBlock' | 'addRefused' | 'markThrough' | 'refusedBehind' | 'close'
>

export interface QuarantineFillerOptions {
  readonly spoolDir: string
  readonly files: SpoolFiles
  readonly quarantine: QuarantineKeeper
  readonly onFailure: (reason: string) => void
}

export class QuarantineFiller {
  readonly #options: QuarantineFillerOptions
  #held: HeldBlock[] = []
  #markedSegment = 0
  #seenBlock: number

  constructor(options: QuarantineFillerOptions) {
    this.#options = options
    this.#seenBlock = options.quarantine.block
  }

  /** Everything that blocks up to this one hold is in the quarantine, durably. */
  get through(): number {
    const waiting = this.#held[0]
    return waiting === undefined ? this.#seenBlock : waiting.block - 1
  }

  add(block: HeldBlock): void {
    this.#held.push(block)
  }

  /** A crash may have come between a block's commit and the quarantine: what it had not got yet is in the spool. */
  search(tail: SpoolTail): void {
    const { spoolDir, files, quarantine } = this.#options
    const firsts = listSegments(spoolDir, files)
    const segment = firsts.findLast(first => first <= quarantine.block + 1) ?? firsts[0] ?? 0
    const reader = new SpoolReader(spoolDir, { block: quarantine.block, segment, offset: 0 }, files)
    for (;;) {
      const read = reader.read(tail, SEARCH_LINES)
      if (read.length === 0) break
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

  fill(tail: SpoolTail): void {
    const { spoolDir, files, quarantine } = this.#options
    this.#seenBlock = tail.block
    while (this.#held.length > 0) {
      const { block, segment, start } = this.#held[0]!
      const isDone = this.#try(() => {
        const held = SpoolReader.readAt(spoolDir, segment, start, files)?.held ?? []
        quarantine.addBlock(block, held)
      })
      if (!isDone) return
      this.#held.shift()
    }
    // Once a segment is fine enough: it only says where the next start begins to search.
    if (tail.segment === this.#markedSegment) return
    if (this.#try(() => quarantine.markThrough(tail.block))) this.#markedSegment = tail.segment
  }

  /** Resolves when what the store refused is in the quarantine. */
  async refuse(unit: Unit, reason: string, signal: AbortSignal): Promise<void> {
    const record = encodeRefused(unit.lines, topicOf(unit.lines), reason, Date.now())
    const origin = refusedOrigin(unit.block, unit.index, unit.isCounted)
    while (!this.#try(() => this.#options.quarantine.addRefused(origin, record))) {
      await sleep(RETRY_MS, undefined, { signal })
    }
  }

  #try(action: () => void): boolean {
    try {
      action()
      return true
    } catch (error) {
      this.#options.onFailure(error instanceof Error ? error.message : String(error))
      return false
    }
  }
}

/** `topic=` of the first line, for people who look through the quarantine. */
function topicOf(lines: Uint8Array): string {
  const head = Buffer.from(lines.subarray(0, 2048)).toString('utf8')
  return /,topic=((?:[^ ,\\]|\\.)*)/.exec(head)?.[1]?.replace(/\\(.)/g, '$1') ?? ''
}
