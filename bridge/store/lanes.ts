/**
 * Where the store stands when fresh blocks overtake a backlog:
 *
 *   delivered      waits         delivered     waits         fresh lane goes on here
 *   ----------|.............|=============|.............|======>
 *          position      from  stretch   to          from
 *
 * The position moves through the backlog; where it meets a stretch it jumps to the stretch's end. The account follows
 * from the numbering of messages in the blocks, so that it is exact whatever the order was. Pure functions.
 */

import type { Block } from '../spool/block.ts'
import { type CursorState, MAX_STRETCHES } from '../spool/cursor.ts'
import type { SpoolPosition, SpoolTail } from '../spool/position.ts'

/** What was taken from the spool in one turn. */
export interface Taken {
  readonly blocks: readonly Block[]
  /** Past the last of them. */
  readonly position: SpoolPosition
  /** Blocks of the counted messages that the store refused. */
  readonly refused: readonly number[]
}

/** Where the fresh lane stands; the position itself while there is one lane. */
export function front(state: CursorState): SpoolTail {
  return state.ahead.at(-1)?.to ?? state
}

/** Up to where the position has blocks to take. */
export function backlogEnd(state: CursorState, tail: SpoolTail): SpoolTail {
  return state.ahead[0]?.from ?? tail
}

/** The fresh lane begins anew at the tail; unchanged when there are too many stretches, or nothing between. */
export function overtake(state: CursorState, tail: SpoolTail): CursorState {
  if (front(state).block >= tail.block) return state
  const ahead = state.ahead.filter(({ from, to }) => from.block < to.block)
  if (ahead.length >= MAX_STRETCHES) return state
  return { ...state, ahead: [...ahead, { from: placeIn(tail), to: placeIn(tail) }] }
}

/** The backlog lane took blocks. */
export function advance(state: CursorState, { blocks, position, refused }: Taken): CursorState {
  // Taken from the position before blocks were given up: those are accounted for.
  if (position.block <= state.block) return state
  const { messages, lost } = countBlocks(blocks, state)
  const counted = refused.filter(block => block > state.block).length
  return merge({
    ...state,
    ...position,
    messages,
    lost: state.lost + lost,
    refused: state.refused + counted,
  })
}

/** The fresh lane took blocks. */
export function advanceFront(state: CursorState, { blocks, position, refused }: Taken): CursorState {
  const last = state.ahead.at(-1)
  if (last === undefined || position.block <= last.to.block) return state
  const { messages, lost } = countBlocks(blocks, last.to)
  return {
    ...state,
    lost: state.lost + lost,
    refused: state.refused + refused.length,
    ahead: [...state.ahead.slice(0, -1), { from: last.from, to: { ...position, messages } }],
  }
}

/** Nothing more is to be read up to `end`, whatever its number says: what is missing was lost to damage. */
export function skipTo(state: CursorState, end: SpoolTail): CursorState {
  const lost = state.lost + Math.max(0, end.messages - state.messages)
  return merge({ ...state, ...placeOf(end), messages: Math.max(state.messages, end.messages), lost })
}

export function skipFrontTo(state: CursorState, end: SpoolTail): CursorState {
  const last = state.ahead.at(-1)
  if (last === undefined) return skipTo(state, end)
  const lost = state.lost + Math.max(0, end.messages - last.to.messages)
  return { ...state, lost, ahead: [...state.ahead.slice(0, -1), { from: last.from, to: placeIn(end) }] }
}

/** What waits before `end` is not wanted any more: the oldest makes room for the newest. */
export function giveUp(state: CursorState, end: SpoolTail): CursorState {
  let at: SpoolTail = state
  let overflowed = state.overflowed
  let passed = 0
  for (const { from, to } of state.ahead) {
    if (from.block >= end.block) break
    overflowed += Math.max(0, from.messages - at.messages)
    at = to
    passed++
  }
  if (end.block > at.block) {
    overflowed += Math.max(0, end.messages - at.messages)
    at = end
  }
  return merge({
    ...state,
    ...placeOf(at),
    messages: at.messages,
    overflowed,
    ahead: state.ahead.slice(passed),
  })
}

/** Jumps over the stretches that the position has reached. */
function merge(state: CursorState): CursorState {
  const next = state.ahead[0]
  if (next === undefined || state.block < next.from.block) return state
  return merge({
    ...state,
    ...placeOf(next.to),
    messages: Math.max(state.messages, next.to.messages),
    lost: state.lost + Math.max(0, next.from.messages - state.messages),
    ahead: state.ahead.slice(1),
  })
}

/** A gap in the numbering of messages is what damage took; before the first block that was ever read, nothing is known. */
function countBlocks(blocks: readonly Block[], from: SpoolTail): { messages: number; lost: number } {
  let { messages } = from
  let lost = 0
  let isNumbered = from.block > 0
  for (const { header } of blocks) {
    if (isNumbered) lost += Math.max(0, header.messagesBefore - messages)
    isNumbered = true
    messages = Math.max(messages, header.messagesBefore + header.messages)
  }
  return { messages, lost }
}

/** Without what else a tail may carry. */
function placeIn({ block, segment, offset, messages }: SpoolTail): SpoolTail {
  return { block, segment, offset, messages }
}

function placeOf({ block, segment, offset }: SpoolPosition): SpoolPosition {
  return { block, segment, offset }
}
