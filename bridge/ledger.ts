/**
 * The account of every message since the data directory was made:
 *
 *   received = stored + waiting + quarantined + ignored + dropped
 *
 * `received` is counted where a message enters its block, apart from the outcomes, so that the sum is a check and not
 * a definition. Every part is carried by what it accounts for: the spool's blocks, the cursor, the quarantine.
 */

import { type CursorState, takenMessages } from './spool/cursor.ts'
import type { Totals } from './spool/totals.ts'

export interface Ledger {
  readonly received: number
  /** Committed to the store. */
  readonly stored: number
  /** On the disk, or on the way there. */
  readonly waiting: number
  readonly quarantined: number
  readonly ignored: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
  readonly balanced: boolean
}

/** `cursor`: what the store has taken; `evicted`: what left the full quarantine. */
export function balance(totals: Totals, cursor: CursorState, evicted: number): Ledger {
  const taken = takenMessages(cursor)
  const stored = taken - cursor.refused - cursor.lost - cursor.overflowed
  const waiting = totals.messages - taken
  const quarantined = totals.quarantined + cursor.refused - evicted
  const dropped = {
    ...totals.dropped,
    ...(evicted > 0 ? { 'quarantine-full': evicted } : {}),
    ...(cursor.overflowed > 0 ? { 'spool-full': cursor.overflowed } : {}),
    ...(cursor.lost > 0 ? { damaged: cursor.lost } : {}),
  }
  const accounted = stored + waiting + quarantined + sum(totals.ignored) + sum(dropped)
  return {
    received: totals.received,
    stored,
    waiting,
    quarantined,
    ignored: totals.ignored,
    dropped,
    balanced: accounted === totals.received,
  }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}
