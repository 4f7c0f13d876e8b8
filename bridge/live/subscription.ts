/** What one client wants of the readings, and how far it has got. */

import type { Filter } from './filter.ts'
import type { Frame } from './frame.ts'
import type { GapReason, Id } from './protocol.ts'

/** Where frames go: one client, over whichever transport. */
export interface Outlet {
  send(frame: Frame): void
  /** Bytes that the client's connection has not taken yet. */
  readonly bufferedBytes: number
}

/** Above this a client counts as slow and gets no more until it is down to `LOW_BYTES`. */
export const HIGH_BYTES = 256 * 1024
export const LOW_BYTES = 32 * 1024

/** Who takes less than 64 KiB a second of a large snapshot is not waited for. */
const SLOWEST_BYTES_PER_MS = 64

/**
 * How long a client may need for what waits for it, on top of the usual time. Node tells of a write only when
 * it is done, and a pong comes behind what was sent before its ping: a slow line looks like a dead one.
 */
export function patienceMs(bufferedBytes: number): number {
  return bufferedBytes / SLOWEST_BYTES_PER_MS
}

export interface Loss {
  /** Null where the numbers would mean nothing. */
  readonly from: number | null
  readonly reason: GapReason
}

export class Subscription {
  readonly id: Id
  readonly filter: Filter
  /** Least time between two frames; 0: as they come. */
  readonly periodMs: number
  readonly outlet: Outlet
  /** Every matching reading up to this seq was delivered, counted as skipped, or covered by a gap. */
  position = 0
  /** Where the stream stood when it began: up to here it is owed every reading, at the client's own pace. */
  resumeTo = 0
  /** Its readings are conflated from `position` on, because the client did not keep up. */
  isSlow = false
  /** Set when readings are lost to it: a gap and a snapshot are due. */
  loss: Loss | null = null
  /** Dropped: nothing follows, wherever it was held. */
  isEnded = false
  /** Called once, when it has everything that was there. */
  onCaughtUp: (() => void) | null = null

  constructor(id: Id, filter: Filter, periodMs: number, outlet: Outlet) {
    this.id = id
    this.filter = filter
    this.periodMs = periodMs
    this.outlet = outlet
  }

  get groupKey(): string {
    return `${this.periodMs} ${JSON.stringify(this.id)} ${this.filter.key}`
  }
}

/** The start of a `readings` or `snapshot` frame, up to its list. */
export function listHead(
  op: 'readings' | 'snapshot',
  id: Id,
  cursor: string,
  seq: number,
  skipped = 0,
): string {
  const skip = op === 'readings' ? `"skipped":${skipped},` : ''
  return `{"op":"${op}","id":${JSON.stringify(id)},"cursor":"${cursor}","seq":${seq},${skip}"readings":[`
}
