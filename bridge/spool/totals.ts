/** What became of every message since the data directory was made, but for what is still on its way. */

import type { LedgerChange } from './block.ts'

export interface Totals {
  readonly received: number
  /** Written to the spool as lines: stored, or waiting for the store. */
  readonly messages: number
  readonly quarantined: number
  readonly ignored: Readonly<Record<string, number>>
  readonly dropped: Readonly<Record<string, number>>
}

export const NO_TOTALS: Totals = { received: 0, messages: 0, quarantined: 0, ignored: {}, dropped: {} }

export function addChange(
  totals: Totals,
  change: { received: number; messages: number; ledger: LedgerChange },
): Totals {
  return {
    received: totals.received + change.received,
    messages: totals.messages + change.messages,
    quarantined: totals.quarantined + change.ledger.quarantined,
    ignored: addCounts(totals.ignored, change.ledger.ignored),
    dropped: addCounts(totals.dropped, change.ledger.dropped),
  }
}

function addCounts(
  counts: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...counts }
  for (const [reason, count] of Object.entries(more)) sum[reason] = (sum[reason] ?? 0) + count
  return sum
}
