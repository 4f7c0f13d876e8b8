import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Access } from '../access.ts'
import { NO_ACCESS } from '../admission.ts'
import { type Directory, newDirectory, persistenceOptions } from './fixture.ts'
import { SqlitePersistence } from './sqlite-persistence.ts'

let directory: Directory
let persistence: SqlitePersistence
/** Who is connected under which client id, and what each identity may do. */
let holders: Record<string, string | null>
let rights: Map<string | null, Access>

beforeEach(() => {
  directory = newDirectory()
  holders = { a1: 'alice', b1: 'bob', n1: null }
  rights = new Map([
    ['alice', may(/^(alice|shared)\//, 'alice')],
    ['bob', may(/^bob\//, 'bob')],
    [null, may(/./, null)],
  ])
  open()
})

afterEach(async () => {
  await persistence.destroy()
  directory.remove()
})

function open(): void {
  persistence = new SqlitePersistence(persistenceOptions(directory.path))
  persistence.belongTo({
    ownerOf: clientId => holders[clientId] ?? null,
    accessOf: identity => rights.get(identity) ?? null,
  })
}

async function reopen(): Promise<void> {
  await persistence.destroy()
  open()
}

function may(topics: RegExp, identity: string | null): Access {
  const test = (topic: string) => topics.test(topic)
  return {
    ...NO_ACCESS,
    identity,
    mayUse: () => true,
    mayPublish: test,
    mayReceive: test,
    maySubscribe: test,
  }
}

const party = (id: string) => ({ id, clean: false })
const will = (topic: string) => ({ topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false })

function topicsOfWills(): string[] {
  return [...persistence.wills.all()].map(([, { topic }]) => topic).toSorted()
}

function retain(topic: string, identity: string | null): Promise<void> {
  const payload = Buffer.from('kept')
  persistence.owners.publishes(payload, identity)
  return persistence.storeRetained({ cmd: 'publish', topic, payload, qos: 0, retain: true })
}

it('wills of a run that ended without a word are published only for those who still may', async () => {
  await persistence.putWill(party('a1'), will('alice/gone'))
  await persistence.putWill(party('b1'), will('bob/gone'))
  await persistence.putWill(party('n1'), will('any/gone'))
  await reopen()
  expect(topicsOfWills()).toEqual(['alice/gone', 'any/gone', 'bob/gone'])
  rights.delete('alice')
  rights.set('bob', may(/^bob2\//, 'bob'))
  expect(await persistence.review()).toEqual({ sessions: 0, retained: 0, wills: 2 })
  expect(topicsOfWills()).toEqual(['any/gone'])
  await reopen()
  expect(topicsOfWills()).toEqual(['any/gone'])
})

it('a session keeps what its owner may still read, filter by filter and message by message', async () => {
  const grants = [
    { topic: 'alice/x', qos: 1 as const },
    { topic: 'shared/x', qos: 1 as const },
  ]
  await persistence.addSubscriptions(party('a1'), grants)
  for (const topic of ['alice/x', 'shared/x'])
    await persistence.prepare({ topic, payload: Buffer.from(topic), qos: 1, retain: false })?.saved
  expect(persistence.stats).toMatchObject({ sessions: 1, queuedMessages: 2 })
  await reopen()
  rights.set('alice', may(/^alice\//, 'alice'))
  await persistence.review()
  await reopen()
  expect(persistence.stats).toMatchObject({ sessions: 1, queuedMessages: 1 })
  expect((await persistence.subscriptionsByClient(party('a1'))).map(({ topic }) => topic)).toEqual([
    'alice/x',
  ])
  rights.delete('alice')
  expect(await persistence.review()).toMatchObject({ sessions: 1 })
  await reopen()
  expect(persistence.stats).toMatchObject({ sessions: 0, queuedMessages: 0 })
})

it('retained messages belong to who wrote them last; our own belong to nobody who could be revoked', async () => {
  await retain('alice/1', 'alice')
  await retain('shared/1', 'alice')
  await retain('shared/1', 'bob')
  await retain('any/1', null)
  await retain('ours/1', 'trestle')
  await reopen()
  rights.delete('alice')
  expect(await persistence.review()).toMatchObject({ retained: 2 })
  // Bob may not write there: it was not his to keep.
  expect([...persistence.retained.topics()].toSorted()).toEqual(['any/1', 'ours/1'])
  rights.delete(null)
  await persistence.review()
  await reopen()
  expect([...persistence.retained.topics()]).toEqual(['ours/1'])
})

it('what was accepted before a revocation and comes after it is not kept', async () => {
  rights.delete('alice')
  await persistence.review()
  await retain('alice/late', 'alice')
  expect(persistence.stats.retained).toBe(0)
})

it('a file of before there were owners opens, and everything in it is nobody’s', async () => {
  await persistence.addSubscriptions(party('n1'), [{ topic: 'x', qos: 1 }])
  await retain('any/1', null)
  await reopen()
  await persistence.review()
  expect(persistence.stats).toMatchObject({ sessions: 1, retained: 1 })
  expect(persistence.sessionOwner('n1')).toBeNull()
  expect(persistence.sessionOwner('a1')).toBeUndefined()
})

it('the status of the broker itself stays, whoever comes and goes', async () => {
  await retain('$SYS/broker/version', null)
  await retain('any/kept', null)
  rights.delete(null)
  expect(await persistence.review()).toEqual({ sessions: 0, retained: 1, wills: 0 })
  expect([...persistence.retained.topics()]).toEqual(['$SYS/broker/version'])
})
