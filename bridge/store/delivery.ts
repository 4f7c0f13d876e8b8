/**
 * One batch on its way to the store: the only place that tries again. A refused batch is halved until the bad message
 * stands alone; that one is handed to `refuse` with the store's words, the others are stored. Nothing is given up.
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

/** Between attempts when a person has to act first. */
const MISCONFIGURED_RETRY_MS = 30_000

/** Resolves when every line is stored or refused; rejects with an AbortError when the signal fires before. */
export async function deliver(
  blocks: readonly Block[],
  position: Position,
  options: DeliveryOptions,
): Promise<void> {
  const lines = blocks.map(block => block.lines).filter(bytes => bytes.length > 0)
  if (lines.length === 0) return
  const lineCount = blocks.reduce((sum, block) => sum + block.header.lines, 0)
  const outcome = await write(lines, lineCount, position, options)
  if (outcome !== null) await halve(blocks.flatMap(unitsOf), position, outcome, options)
}

/** Null: written. Otherwise the store's words for why this batch, as it is, will not be taken. */
async function write(
  lines: readonly Uint8Array[],
  lineCount: number,
  position: Position,
  { store, onState, signal }: DeliveryOptions,
): Promise<string | null> {
  for (let attempt = 0; ; attempt++) {
    const verdict = await store.write({ lines, lineCount, position })
    switch (verdict.kind) {
      case 'written':
        onState(null)
        return null
      case 'split':
      case 'rejected':
        onState(null)
        return verdict.reason
      case 'retry':
        if (verdict.afterMs !== 0) onState({ kind: 'away', reason: verdict.reason })
        await sleep(verdict.afterMs ?? backoffMs(attempt), undefined, { signal })
        break
      case 'misconfigured':
        onState({ kind: 'misconfigured', reason: verdict.reason })
        await sleep(MISCONFIGURED_RETRY_MS, undefined, { signal })
    }
  }
}

/** Rewriting what was already stored changes nothing, so halves may overlap with what a partial write took. */
async function halve(
  units: Unit[],
  position: Position,
  reason: string,
  options: DeliveryOptions,
): Promise<void> {
  if (units.length === 1) return saveLines(units[0]!, position, reason, options)
  const middle = units.length >> 1
  for (const half of [units.slice(0, middle), units.slice(middle)]) {
    const outcome = await write(
      half.map(unit => unit.lines),
      half.length,
      position,
      options,
    )
    if (outcome !== null) await halve(half, position, outcome, options)
  }
}

/** The message that will not go as a whole: its good lines are stored, and it is refused. */
async function saveLines(
  unit: Unit,
  position: Position,
  reason: string,
  options: DeliveryOptions,
): Promise<void> {
  const lines = splitLines(unit.lines)
  let words = reason
  if (lines.length > 1) {
    for (const line of lines) words = (await write([line], 1, position, options)) ?? words
  }
  await options.refuse(unit, words)
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
