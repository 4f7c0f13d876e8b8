/**
 * One of the two ways on which blocks are taken to the store: how it goes on in the spool, and what of the position it
 * moves. What a position with stretches ahead of it means is in lanes.ts.
 */

import type { CursorState } from '../spool/cursor.ts'
import type { SpoolTail } from '../spool/position.ts'
import type { SpoolReader } from '../spool/reader.ts'
import { advance, advanceFront, backlogEnd, front, skipFrontTo, skipTo, type Taken } from './lanes.ts'

export interface Lane {
  readonly reader: SpoolReader
  readonly place: (state: CursorState) => SpoolTail
  readonly end: (state: CursorState, tail: SpoolTail) => SpoolTail
  readonly take: (state: CursorState, taken: Taken) => CursorState
  readonly skip: (state: CursorState, end: SpoolTail) => CursorState
}

/** From the oldest that waits, up to what was overtaken. */
export function backlogLane(reader: SpoolReader): Lane {
  return { reader, place: state => state, end: backlogEnd, take: advance, skip: skipTo }
}

/** From where the backlog was overtaken, up to the newest. */
export function freshLane(reader: SpoolReader): Lane {
  return { reader, place: front, end: (_state, end) => end, take: advanceFront, skip: skipFrontTo }
}
