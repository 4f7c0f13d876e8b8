import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Block } from '../spool/block.ts'
import { type CursorState, START, takenMessages } from '../spool/cursor.ts'
import type { SpoolTail } from '../spool/position.ts'
import { advance, advanceFront, backlogEnd, front, giveUp, overtake, skipFrontTo, skipTo } from './lanes.ts'

/** Block n has n % 4 messages; ten blocks are a segment. */
const messagesOf = (block: number) => block % 4
const messagesBefore = (block: number) =>
  Array.from({ length: block - 1 }, (_, i) => messagesOf(i + 1)).reduce((a, b) => a + b, 0)

function blockNumber(number: number): Block {
  return {
    header: { block: number, messagesBefore: messagesBefore(number), messages: messagesOf(number) },
  } as Block
}

function placeAfter(block: number): SpoolTail {
  return {
    block,
    segment: Math.floor(block / 10) * 10 + 1,
    offset: block % 10,
    messages: messagesBefore(block + 1),
  }
}

function take(from: number, to: number) {
  const blocks = Array.from({ length: to - from }, (_, i) => blockNumber(from + i + 1))
  return { blocks, position: placeAfter(to), refused: [] }
}

describe('the position', () => {
  it('jumps over what was delivered ahead of it, and the account is exact on the way', () => {
    let state: CursorState = { ...START, ...placeAfter(10) }
    state = overtake(state, placeAfter(50))
    expect(backlogEnd(state, placeAfter(60))).toEqual(placeAfter(50))
    state = advanceFront(state, take(50, 60))
    expect(takenMessages(state)).toBe(messagesBefore(11) + messagesBefore(61) - messagesBefore(51))
    state = advance(state, take(10, 50))
    expect(state).toEqual({ ...START, ...placeAfter(60) })
  })

  it('counts a gap in the numbering as lost, once', () => {
    let state: CursorState = { ...START, ...placeAfter(10) }
    state = advance(state, take(12, 14))
    expect(state.lost).toBe(messagesOf(11) + messagesOf(12))
    expect(skipTo(state, placeAfter(20)).lost).toBe(messagesBefore(21) - messagesBefore(15) + state.lost)
  })

  it('never moves back for a batch that was on its way while older blocks were given up', () => {
    const state = giveUp({ ...START, ...placeAfter(10) }, placeAfter(30))
    expect(state.overflowed).toBe(messagesBefore(31) - messagesBefore(11))
    expect(advance(state, { ...take(10, 20), refused: [12] })).toBe(state)
    const further = advance(state, { ...take(20, 40), refused: [25, 35] })
    expect(further).toMatchObject({ block: 40, messages: messagesBefore(41), refused: 1, lost: 0 })
  })
})

it('whatever the lanes do and lose, every message is taken once and the state stays in order', () => {
  const action = fc.record({
    kind: fc.constantFrom(
      'fresh',
      'backlog',
      'overtake',
      'commit',
      'commit',
      'giveUp',
      'damage',
      'frontDamage',
    ),
    size: fc.integer({ min: 1, max: 12 }),
  })
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), actions => {
      let tail = 5
      let state: CursorState = { ...START, ...placeAfter(1) }
      const delivered = new Set<number>([1])
      const gone = new Set<number>()
      for (const { kind, size } of actions) {
        const end = placeAfter(tail)
        const limit = backlogEnd(state, end).block
        const lead = front(state).block
        if (kind === 'commit') tail += size
        else if (kind === 'overtake') state = overtake(state, end)
        else if (kind === 'backlog' && state.block < limit) {
          const to = Math.min(limit, state.block + size)
          for (let block = state.block + 1; block <= to; block++) delivered.add(block)
          state = advance(state, take(state.block, to))
        } else if (kind === 'fresh' && state.ahead.length > 0 && lead < tail) {
          const to = Math.min(tail, lead + size)
          for (let block = lead + 1; block <= to; block++) delivered.add(block)
          state = advanceFront(state, take(lead, to))
        } else if (kind === 'damage') {
          for (let block = state.block + 1; block <= limit; block++) gone.add(block)
          state = skipTo(state, placeAfter(limit))
        } else if (kind === 'frontDamage') {
          for (let block = lead + 1; block <= tail; block++) gone.add(block)
          state = skipFrontTo(state, end)
        } else if (kind === 'giveUp') {
          const to = Math.min(tail, state.block + size)
          for (let block = state.block + 1; block <= to; block++) if (!delivered.has(block)) gone.add(block)
          state = giveUp(state, placeAfter(to))
        }
        const sum = (blocks: Set<number>) =>
          [...blocks].reduce((total, block) => total + messagesOf(block), 0)
        expect(takenMessages(state)).toBe(sum(delivered) + sum(gone))
        expect(state.lost + state.overflowed).toBe(sum(gone))
        const places = [state.block, ...state.ahead.flatMap(({ from, to }) => [from.block, to.block])]
        expect(places).toEqual(places.toSorted((a, b) => a - b))
        expect(state.ahead.length).toBeLessThanOrEqual(16)
      }
    }),
    { numRuns: 2000, seed: 77 },
  )
})
