/**
 * One batch on its way to the store: the only place that tries again. A refused batch is halved until the bad message
 * stands alone; that one is handed to `refuse` with the store's words, the others are stored. Nothing is given up.
 *
 * A store that keeps its position gets the new one only with the last of the batch: a crash among the halves must not
 * find a position that says more than what is stored.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Block, UNCOUNTED } from '../spool/block.ts'
import { backoffMs } from './backoff.ts'
import { splitLines } from './line-protocol.ts'
import type { Position, Store } from './store.ts'

/** The lines of one message: what is kept or refused together. */
export interface Unit {
  readonly lines: Uint8Array
  readonly block: number
  /** Which message of its block's index. */
  readonly index: number
  /** It counts in the block's `messages`. */
  readonly isCounted: boolean
}

export interface DeliveryOptions {
  readonly store: Store
  /** Where the store stands once all of it is stored or refused; null: where it stood, for what overtakes a backlog. */
  readonly to: Position | null
  /** The longest pause between attempts. */
  readonly maxBackoffMs: number
  /** Resolves once the refusal is on the disk. */
  readonly refuse: (unit: Unit, reason: string) => Promise<void>
  /** Null: the store took the last request. */
  readonly onState: (state: StoreTrouble | null) => void
  readonly signal: AbortSignal
}

export interface StoreTrouble {
  /** `away` passes by itself; `misconfigured` needs a person. */
  readonly kind: 'away' | 'misconfigured'
  readonly reason: string
}

/** Resolves when every line is stored or refused; rejects with an AbortError when the signal fires before. */
export async function deliver(blocks: readonly Block[], options: DeliveryOptions): Promise<void> {
  const lines = blocks.map(block => block.lines).filter(bytes => bytes.length > 0)
  const lineCount = blocks.reduce((sum, block) => sum + block.header.lines, 0)
  if (lines.length > 0) {
    const outcome = await write(lines, lineCount, options.to, options)
    if (outcome === null) return
    await halve(blocks.flatMap(unitsOf), outcome, options)
  }
  // Only a store that keeps its position wants to know, and nothing of the batch told it.
  if (options.to !== null && options.store.position() !== null) await write([], 0, options.to, options)
}

/** Between the first attempts when a person has to act first. */
const MISCONFIGURED_RETRY_MS = 1000
/** A server that wishes for more is asked earlier. */
const MAX_RETRY_AFTER_MS = 300_000

/** Null: written. Otherwise the store's words for why this batch, as it is, will not be taken. */
async function write(
  lines: readonly Uint8Array[],
  lineCount: number,
  position: Position | null,
  { store, onState, signal, maxBackoffMs }: DeliveryOptions,
): Promise<string | null> {
  for (let attempt = 0; ; attempt++) {
    const verdict = await unlessAborted(store.write({ lines, lineCount, position }), signal)
    switch (verdict.kind) {
      case 'written':
        onState(null)
        return null
      case 'split':
      case 'rejected':
        onState(null)
        return verdict.reason
      case 'retry':
        // "Again at once" is taken at its word once.
        if (verdict.afterMs === 0 && attempt === 0) break
        onState({ kind: 'away', reason: verdict.reason })
        await sleep(pauseMs(verdict.afterMs, attempt, maxBackoffMs), undefined, { signal })
        break
      case 'misconfigured':
        onState({ kind: 'misconfigured', reason: verdict.reason })
        // A person has to act, and wants to see at once that it helped: soon at first, then seldom.
        await sleep(Math.min(maxBackoffMs, MISCONFIGURED_RETRY_MS * 2 ** Math.min(attempt, 16)), undefined, {
          signal,
        })
    }
  }
}

/** The far end's wish, within reason; never less than our own patience when it wishes for nothing. */
function pauseMs(afterMs: number | undefined, attempt: number, maxBackoffMs: number): number {
  return afterMs ? Math.min(afterMs, MAX_RETRY_AFTER_MS) : backoffMs(attempt, maxBackoffMs)
}

/** A request that hangs ends by its own timeout; nobody waits for it who is to stop. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** Rewriting what was already stored changes nothing, so halves may overlap with what a partial write took. */
async function halve(units: Unit[], reason: string, options: DeliveryOptions): Promise<void> {
  if (units.length === 1) return saveLines(units[0]!, reason, options)
  const middle = units.length >> 1
  for (const half of [units.slice(0, middle), units.slice(middle)]) {
    const lines = half.map(unit => unit.lines)
    const outcome = await write(lines, lines.length, null, options)
    if (outcome !== null) await halve(half, outcome, options)
  }
}

/** The message that will not go as a whole: its good lines are stored, and it is refused for the bad ones. */
async function saveLines(unit: Unit, reason: string, options: DeliveryOptions): Promise<void> {
  const lines = splitLines(unit.lines)
  if (lines.length === 1) return options.refuse(unit, reason)
  const bad: Uint8Array[] = []
  let words = reason
  for (const line of lines) {
    const outcome = await write([line], 1, null, options)
    if (outcome === null) continue
    bad.push(line)
    words = outcome
  }
  // All of them may go alone: some limits of InfluxDB are those of a batch.
  if (bad.length > 0) await options.refuse({ ...unit, lines: Buffer.concat(bad) }, words)
}

function unitsOf(block: Block): Unit[] {
  const units: Unit[] = []
  let at = 0
  block.messageLengths.forEach((entry, index) => {
    const length = entry & ~UNCOUNTED
    const lines = block.lines.subarray(at, at + length)
    units.push({ lines, block: block.header.block, index, isCounted: (entry & UNCOUNTED) === 0 })
    at += length
  })
  return units
}
