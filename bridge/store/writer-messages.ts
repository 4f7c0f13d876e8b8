/** What the main thread and the writer's thread tell each other. */

import type { QuarantineEntry } from '../quarantine/quarantine.ts'
import type { CursorState } from '../spool/cursor.ts'
import type { Commit } from '../spool/position.ts'
import type { StoreTrouble } from './delivery.ts'

export type ToWriter =
  | { readonly kind: 'committed'; readonly commit: Commit }
  /** The spool is full: what waits up to this block makes room. */
  | { readonly kind: 'overflow'; readonly block: number }
  /** Deliver again what arrived since, as far as it is kept. */
  | { readonly kind: 'feed'; readonly id: number; readonly sinceMs: number }
  /** Deliver what is there until `withinMs` have passed, then stop. */
  | { readonly kind: 'stop'; readonly withinMs: number }
  | { readonly kind: 'list'; readonly id: number; readonly limit: number; readonly before: number | null }
  | { readonly kind: 'list-from'; readonly id: number; readonly limit: number; readonly after: number }

export type FromWriter =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'trouble'; readonly trouble: StoreTrouble | null }
  /** Why the retention that was set is not in force; null: it is. */
  | { readonly kind: 'retention'; readonly reason: string | null }
  | { readonly kind: 'damage'; readonly segment: number; readonly offset: number; readonly bytes: number }
  /** Something on the disk did not do as it should, and is tried again. */
  | {
      readonly kind: 'disk-trouble'
      readonly what: 'quarantine' | 'cursor' | 'spool'
      readonly reason: string
    }
  | { readonly kind: 'listed'; readonly id: number; readonly entries: readonly QuarantineEntry[] }
  /** Messages that wait again. */
  | { readonly kind: 'feeding'; readonly id: number; readonly messages: number }
  | { readonly kind: 'stopped' }

export interface Progress {
  readonly cursor: CursorState
  /** Every block up to here is behind both readers, store and quarantine, and that is on the disk. */
  readonly releasable: number
  /** Since the start of this process. */
  readonly lines: number
  readonly batches: number
  readonly overtakes: number
  /** Since the data directory was made. */
  readonly evicted: number
}
