/**
 * Where readings end up. Two kinds: InfluxDB and the embedded store. A `Store` lives in the writer's worker
 * thread, a `History` serves queries to the rest; both kinds answer alike.
 */

import type { Value } from '../telemetry/reading.ts'

/** A place in the spool, just past a block. */
export interface Position {
  /** Number of the last block before this place; 0 before the first. */
  readonly block: number
}

export interface Batch {
  /** Line protocol, nanoseconds: each buffer holds whole lines, each ended by a newline. */
  readonly lines: readonly Uint8Array[]
  readonly lineCount: number
  /** Where the spool stands once this batch is stored; null: it is a part, and others must be stored before. */
  readonly position: Position | null
}

/** What became of a batch; whether to try again is decided from this alone. */
export type Verdict =
  | { readonly kind: 'written' }
  /** The far end is away or busy: the same batch again, later. `afterMs` is the far end's own wish. */
  | { readonly kind: 'retry'; readonly reason: string; readonly afterMs?: number }
  /** Too large: again in halves. */
  | { readonly kind: 'split'; readonly reason: string }
  /** Something in it will never be taken: halves find the line, which goes to the quarantine. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** Our configuration is wrong (credentials, retention policy): keep everything, retry slowly, tell a person. */
  | { readonly kind: 'misconfigured'; readonly reason: string }

export interface Store {
  /** As many lines as a batch should have at most. */
  readonly maxLines: number
  /** Between batches while there are fewer lines than that: freshness against work. */
  readonly lingerMs: number
  /** Repeating a batch changes nothing. Never throws for what the far end does or for a line it cannot take. */
  write(batch: Batch): Promise<Verdict>
  /** The last position committed with the rows; null where the store does not keep one (InfluxDB). */
  position(): Position | null
  close(): Promise<void>
}

export type Aggregate = 'mean' | 'min' | 'max' | 'last'

export interface HistoryQuery {
  readonly device: string
  readonly field: string
  /** Inclusive; may have microseconds as the fraction. */
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
}

export interface Bucket {
  /** Bucket start, milliseconds since the epoch. Empty buckets are absent. */
  readonly time: number
  readonly count: number
  /** Absent for text and boolean fields. */
  readonly mean?: number
  readonly min?: number
  readonly max?: number
  readonly last: Exclude<Value, bigint>
}

export interface RawPoint {
  /** Milliseconds, with microseconds as the fraction. */
  readonly time: number
  readonly value: Exclude<Value, bigint>
}

export interface RawPage {
  readonly points: readonly RawPoint[]
  /** `fromMs` of the next page; null: this is the last. A page does not end within a microsecond. */
  readonly nextMs: number | null
}

export interface LastValue {
  readonly device: string
  readonly field: string
  readonly measurement: string
  /** `topic`, `room` and what rules added; not `device`. */
  readonly tags: Readonly<Record<string, string>>
  readonly value: Exclude<Value, bigint>
  readonly timeUs: number
}

/** Rejects with a HistoryError. */
export interface History {
  /** Null: the store knows no such device and field. Buckets of `bucketMs`, aligned to the epoch. */
  buckets(query: HistoryQuery, bucketMs: number): Promise<readonly Bucket[] | null>
  /** The first points in the order of time, about `limit` of them, fewer when they are long texts. */
  raw(query: HistoryQuery, limit: number): Promise<RawPage | null>
  /** The newest value of every field, to fill the catalog after a start. */
  lastValues(): Promise<readonly LastValue[]>
  close(): Promise<void>
}
