import { expect, it } from 'vitest'
import { balance } from './ledger.ts'
import { START } from './spool/cursor.ts'
import { addChange, NO_TOTALS } from './spool/totals.ts'

const totals = addChange(NO_TOTALS, {
  received: 100,
  messages: 80,
  ledger: { quarantined: 10, ignored: { command: 5, duplicate: 1 }, dropped: { forbidden: 4 } },
})

it('has every message in exactly one place', () => {
  const cursor = { ...START, block: 9, messages: 60, refused: 3, lost: 2, overflowed: 1 }
  expect(balance(totals, cursor, 4)).toEqual({
    received: 100,
    stored: 54,
    waiting: 20,
    quarantined: 9,
    ignored: { command: 5, duplicate: 1 },
    dropped: { forbidden: 4, 'quarantine-full': 4, 'spool-full': 1, damaged: 2 },
    balanced: true,
  })
})

it('counts what was delivered ahead of a backlog as stored', () => {
  const place = (block: number, messages: number) => ({ block, segment: 1, offset: 0, messages })
  const cursor = { ...START, ...place(9, 20), ahead: [{ from: place(30, 50), to: place(35, 65) }] }
  expect(balance(totals, cursor, 0)).toMatchObject({ stored: 35, waiting: 45, balanced: true })
})

it('does not balance when a message is missing: the sum is a check', () => {
  expect(balance({ ...totals, received: 101 }, START, 0).balanced).toBe(false)
})

it('moves a replayed message from the quarantine without receiving it again', () => {
  const after = addChange(totals, {
    received: 0,
    messages: 1,
    ledger: { quarantined: -1, ignored: {}, dropped: {} },
  })
  expect(balance(after, START, 0)).toMatchObject({
    received: 100,
    waiting: 81,
    quarantined: 9,
    balanced: true,
  })
})
