/** A place in the spool, just past block `block`. */
export interface SpoolPosition {
  readonly block: number
  /** First block number of the segment that holds the place. */
  readonly segment: number
  readonly offset: number
}

/** A place, and the messages in all blocks before it since the data directory was made. */
export interface SpoolTail extends SpoolPosition {
  readonly messages: number
}

export interface Commit extends SpoolTail {
  /** Where the block begins in the segment. */
  readonly start: number
  /** The block carries entries for the quarantine. */
  readonly held: boolean
}
