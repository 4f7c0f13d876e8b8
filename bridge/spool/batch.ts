/** What an append says of its message, and what gathers for one block. */

import { encodeRelease } from '../quarantine/record.ts'
import { type LedgerChange, noChange, UNCOUNTED } from './block.ts'

/** What an append says of its message. */
export interface Entry {
  /** Line protocol, whole lines; empty when the message brought no reading. */
  readonly lines: string
  readonly lineCount: number
  readonly outcome: Outcome
  /** Recognises a retransmission; null where none can come (QoS 0). */
  readonly key: number | null
  /** Somebody waits for the promise (QoS 1 and 2). */
  readonly awaited: boolean
}

export type Outcome =
  | { readonly kind: 'message' }
  | { readonly kind: 'quarantined'; readonly record: Uint8Array }
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'dropped'; readonly reason: string }
  /** An entry leaves the quarantine: not received again. `isCounted`: the account has it there as a message. */
  | {
      readonly kind: 'replayed'
      readonly entry: number
      readonly isCounted: boolean
      readonly ignored: string | null
    }

/** A batch ends at either figure; one block should stay well below a segment. */
const MAX_BATCH_MESSAGES = 8192
const MAX_BATCH_BYTES = 1024 * 1024
/** Of each unit of a string. */
const MAX_UTF8_BYTES = 3
const FIRST_LINE_BYTES = 8192
/** A larger buffer for lines is not passed on to a later batch. */
const MAX_KEPT_BYTES = 1024 * 1024
const NOTHING: Buffer = Buffer.alloc(0)
/** What an entry costs in memory beside its texts. */
const ENTRY_BYTES = 16

export class Batch {
  readonly durable: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly ledger: LedgerChange = noChange()
  readonly keys: number[] = []
  readonly messageLengths: number[] = []
  readonly held: Uint8Array[] = []
  /** Of the first entry, by the clock that cannot be set. */
  openedMs = 0
  arrivalMs = Date.now()
  /** Grows as needed. */
  #lines: Buffer
  #lineBytes = 0
  lineCount = 0
  bytes = 0
  entries = 0
  /** Messages of every outcome, also those that are lost. */
  received = 0
  /** Messages that count as stored once the block is. */
  stored = 0
  unawaited = 0
  isAwaited = false

  /** `room`: for its lines, of a batch that is done. */
  constructor(room = NOTHING) {
    this.#lines = room
    // QoS 0 waits for nobody: a refusal is counted, not thrown into the void.
    this.durable.promise.catch(() => undefined)
  }

  get isEmpty(): boolean {
    return this.entries === 0 && this.received === 0
  }

  get isFull(): boolean {
    return this.entries >= MAX_BATCH_MESSAGES || this.bytes >= MAX_BATCH_BYTES
  }

  add(entry: Entry): void {
    if (this.isEmpty) this.#open()
    this.entries++
    if (entry.awaited) this.isAwaited = true
    else this.unawaited++
    if (entry.key !== null) this.keys.push(entry.key)
    const isCounted = this.#count(entry.outcome)
    this.bytes += entry.lines.length + ENTRY_BYTES
    if (entry.lineCount === 0) return
    this.lineCount += entry.lineCount
    const length = this.#write(entry.lines)
    this.messageLengths.push(isCounted ? length : length + UNCOUNTED)
  }

  /** Messages that nobody will send again and that found no place on the disk. */
  addLost(messages: number, reason: string): void {
    if (this.isEmpty) this.#open()
    this.received += messages
    this.ledger.dropped[reason] = (this.ledger.dropped[reason] ?? 0) + messages
  }

  /** Of all messages, in UTF-8. */
  get lines(): Buffer {
    return this.#lines.subarray(0, this.#lineBytes)
  }

  /** The room for its lines, which nobody reads any more. */
  leaveRoom(): Buffer {
    const room = this.#lines
    this.#lines = NOTHING
    this.#lineBytes = 0
    return room.length <= MAX_KEPT_BYTES ? room : NOTHING
  }

  /** As bytes at once: one long string, measured and encoded at the end, took twice the time. Returns their number. */
  #write(text: string): number {
    const end = this.#lineBytes + MAX_UTF8_BYTES * text.length
    if (end > this.#lines.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(end, 2 * this.#lines.length, FIRST_LINE_BYTES))
      this.#lines.copy(grown, 0, 0, this.#lineBytes)
      this.#lines = grown
    }
    const length = this.#lines.write(text, this.#lineBytes)
    this.#lineBytes += length
    return length
  }

  #open(): void {
    this.openedMs = performance.now()
    this.arrivalMs = Date.now()
  }

  /** Whether the message counts as stored once its lines are. */
  #count(outcome: Outcome): boolean {
    const { ledger } = this
    if (outcome.kind !== 'replayed') this.received++
    switch (outcome.kind) {
      case 'message':
        this.stored++
        return true
      case 'quarantined':
        ledger.quarantined++
        this.#hold(outcome.record)
        return false
      case 'ignored':
      case 'dropped':
        ledger[outcome.kind][outcome.reason] = (ledger[outcome.kind][outcome.reason] ?? 0) + 1
        return false
      case 'replayed':
        this.#hold(encodeRelease(outcome.entry))
        if (!outcome.isCounted) return false
        ledger.quarantined--
        if (outcome.ignored === null) this.stored++
        else ledger.ignored[outcome.ignored] = (ledger.ignored[outcome.ignored] ?? 0) + 1
        return outcome.ignored === null
    }
  }

  #hold(record: Uint8Array): void {
    this.held.push(record)
    this.bytes += record.length
  }
}
