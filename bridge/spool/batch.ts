/** What an append says of its message, and what gathers for one block. */

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

/** A batch ends at either figure; one block should stay well below a segment. */
const MAX_BATCH_MESSAGES = 8192
const MAX_BATCH_BYTES = 1024 * 1024
export class Batch {
  readonly openedMs = performance.now()
  readonly arrivalMs = Date.now()
  readonly durable: PromiseWithResolvers<void> = Promise.withResolvers()
  readonly ledger: LedgerChange = noChange()
  readonly keys: number[] = []
  readonly messageLengths: number[] = []
  readonly held: Uint8Array[] = []
  lines = ''
  lineCount = 0
  bytes = 0
  /** Messages of every outcome. */
  messages = 0
  /** Messages that count as stored once the block is. */
  stored = 0
  unawaited = 0
  isAwaited = false

  constructor() {
    // QoS 0 waits for nobody: a refusal is counted, not thrown into the void.
    this.durable.promise.catch(() => undefined)
  }

  add(entry: Entry): void {
    this.messages++
    if (entry.awaited) this.isAwaited = true
    else this.unawaited++
    if (entry.key !== null) this.keys.push(entry.key)
    if (entry.lineCount > 0) {
      this.lines += entry.lines
      this.lineCount += entry.lineCount
      const length = Buffer.byteLength(entry.lines)
      this.messageLengths.push(entry.outcome.kind === 'message' ? length : length + UNCOUNTED)
    }
    this.bytes += entry.lines.length + 16
    const { outcome } = entry
    switch (outcome.kind) {
      case 'message':
        this.stored++
        return
      case 'quarantined':
        this.ledger.quarantined++
        this.held.push(outcome.record)
        this.bytes += outcome.record.length
        return
      case 'ignored':
        this.ledger.ignored[outcome.reason] = (this.ledger.ignored[outcome.reason] ?? 0) + 1
        return
      case 'dropped':
        this.ledger.dropped[outcome.reason] = (this.ledger.dropped[outcome.reason] ?? 0) + 1
    }
  }

  get isFull(): boolean {
    return this.messages >= MAX_BATCH_MESSAGES || this.bytes >= MAX_BATCH_BYTES
  }

  addLost(messages: number, reason: string): void {
    this.messages += messages
    this.unawaited += messages
    this.ledger.dropped[reason] = (this.ledger.dropped[reason] ?? 0) + messages
  }
}
