import { expect, it } from 'vitest'
import { ALL_EARLIER, type EndedSession, EndedSessions } from './ended-sessions.ts'
import { startIdentities } from './fixture.ts'
import type { Statement } from './signing.ts'

const sessionOf = (identity: string, n: number, expiresAtMs: number): Statement => ({
  kind: 'session',
  identity,
  version: 1,
  expiresAtMs,
  session: `s-${n}`,
})

it.each([1000, 10, 1])(
  'somebody who logs in and out for ever costs so much, and no session comes back: %i',
  async max => {
    const { store, addUser, close } = startIdentities()
    try {
      await addUser('ann', 'viewer', 'correct horse')
      const { identity } = store.read().users[0]!
      const ended = new EndedSessions(max)
      const all: Statement[] = []
      let unwritten: EndedSession[] = []
      for (let n = 0; n < 3500; n++) {
        // Not in the order in which they would expire.
        const session = sessionOf(identity, n, 1_000_000 + ((n * 7919) % 3500))
        all.push(session)
        unwritten.push(...ended.end(session))
        if (n % 70 !== 69) continue
        expect([...ended.rows()].length).toBeLessThanOrEqual(max + 1)
        store.noteEndedSessions(unwritten)
        unwritten = []
      }
      expect(store.read().endedSessions.length).toBeLessThanOrEqual(max + 1)
      // One row stands for those that are not remembered one by one.
      expect([...ended.rows()].length - 1 + ended.merged).toBe(all.length)
      const restarted = new EndedSessions(max)
      restarted.take(store.read().endedSessions)
      for (const sessions of [ended, restarted])
        expect(all.filter(session => !sessions.has(session))).toEqual([])
      // A new one is none of them, and neither is another's.
      const later = restarted.allUntilMs(identity) + 1
      expect(restarted.has(sessionOf(identity, 5000, later))).toBe(false)
      expect(restarted.has(sessionOf('user:ben:1', 1, 1_000_000))).toBe(false)
      expect(new Set([...restarted.rows()].map(row => JSON.stringify(row)))).toEqual(
        new Set([...ended.rows()].map(row => JSON.stringify(row))),
      )
    } finally {
      close()
    }
  },
  30_000,
)

it('of a bound that was lowered holds at the next logout, whatever is remembered', () => {
  const ended = new EndedSessions()
  for (let n = 0; n < 900; n++) ended.end(sessionOf('ann', n, 1_000 + n))
  expect(ended.merged).toBe(0)
  const lowered = new EndedSessions(4)
  lowered.take([...ended.rows()])
  lowered.end(sessionOf('ann', 900, 1_900))
  expect([...lowered.rows()]).toEqual([
    { identity: 'ann', session: ALL_EARLIER, expiresAtMs: 1_898 },
    { identity: 'ann', session: 's-899', expiresAtMs: 1_899 },
    { identity: 'ann', session: 's-900', expiresAtMs: 1_900 },
  ])
  expect(lowered.merged).toBe(899)
})

it('whoever is removed takes their logouts along', async () => {
  const { store, addUser, close } = startIdentities()
  try {
    await addUser('ann', 'viewer', 'correct horse')
    await addUser('ben', 'viewer', 'correct horse')
    const [ann, ben] = store.read().users
    store.noteEndedSessions([
      { identity: ann!.identity, session: 'a', expiresAtMs: 1 },
      { identity: ann!.identity, session: ALL_EARLIER, expiresAtMs: 0 },
      { identity: ben!.identity, session: 'b', expiresAtMs: 2 },
    ])
    store.removeUser('ann')
    store.noteEndedSessions([])
    expect(store.read().endedSessions).toEqual([{ identity: ben!.identity, session: 'b', expiresAtMs: 2 }])
    const ended = new EndedSessions()
    ended.take([
      { identity: ann!.identity, session: 'a', expiresAtMs: 1 },
      { identity: ann!.identity, session: ALL_EARLIER, expiresAtMs: 1 },
      { identity: ben!.identity, session: 'b', expiresAtMs: 2 },
    ])
    expect(ended.size).toBe(3)
    ended.keepOnly(identity => identity !== ann!.identity)
    expect([...ended.rows()]).toEqual(store.read().endedSessions)
    expect(ended.size).toBe(1)
  } finally {
    close()
  }
})
