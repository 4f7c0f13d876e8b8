import { readdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Directory, newDirectory, persistenceOptions, QUIET } from './fixture.ts'
import { SqlitePersistence } from './sqlite-persistence.ts'

let directory: Directory
let persistence: SqlitePersistence
beforeEach(() => {
  directory = newDirectory()
})
afterEach(async () => {
  await persistence.destroy()
  directory.remove()
})

const file = () => join(directory.path, 'broker.db')

async function open(log: Partial<typeof QUIET> = {}): Promise<void> {
  persistence = new SqlitePersistence({ ...persistenceOptions(directory.path), log: { ...QUIET, ...log } })
  await persistence.setup({ id: `run-${Math.random()}` })
}

async function reopen(): Promise<void> {
  await persistence.destroy()
  await open()
}

function publish(topic: string, payload: string, qos: 1 | 2 = 1, retain = false) {
  return { cmd: 'publish', topic, payload: Buffer.from(payload), qos, retain }
}

async function queueOf(id: string): Promise<string[]> {
  const packets = (await persistence.outgoingStream({ id }).toArray()) as { payload?: Buffer; cmd: string }[]
  return packets.map(({ payload, cmd }) => payload?.toString() ?? cmd)
}

it('a thousand sessions with ten messages each are there again after a restart', async () => {
  await open()
  const ids = Array.from({ length: 1000 }, (_, i) => `device-${i}`)
  await Promise.all(ids.map(id => persistence.addSubscriptions({ id }, [{ topic: `cmd/${id}/#`, qos: 1 }])))
  for (let i = 0; i < 10; i++) {
    await Promise.all(ids.map(id => persistence.prepare(publish(`cmd/${id}/set`, String(i)))?.saved))
  }
  const startMs = performance.now()
  await reopen()
  expect(performance.now() - startMs).toBeLessThan(3000)
  expect(persistence.stats).toMatchObject({ sessions: 1000, queuedMessages: 10_000 })
  for (const id of ids) expect(await queueOf(id)).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
})

it('messages that nobody waits for never touch the disk', async () => {
  await open()
  for (let i = 0; i < 1000; i++) {
    const packet = publish('home/x/state', String(i))
    expect(persistence.prepare(packet)).toBeNull()
    await persistence.outgoingEnqueueCombi(await persistence.subscriptionsByTopic(packet.topic), packet)
  }
  await sleep(50)
  expect(persistence.stats).toMatchObject({ commits: 0, changes: 0 })
})

it('what came and was acknowledged within a moment never touches the disk', async () => {
  await open()
  const client = { id: 'dashboard' }
  await persistence.addSubscriptions(client, [{ topic: 'home/#', qos: 1 }])
  const before = persistence.stats.changes
  for (let i = 1; i <= 100; i++) {
    const packet = { ...publish('home/x', String(i)), brokerCounter: i, messageId: i }
    await persistence.outgoingEnqueueCombi(await persistence.subscriptionsByTopic(packet.topic), packet)
    await persistence.outgoingUpdate(client, packet)
    await persistence.outgoingClearMessageId(client, packet)
  }
  await sleep(50)
  expect(persistence.stats.changes).toBe(before)
})

it('a new message never takes the identifier of one that is under way', async () => {
  await open()
  const client = { id: 'valve' }
  await persistence.addSubscriptions(client, [{ topic: '#', qos: 1 }])
  const packets = [1, 2].map(i => ({ ...publish('x', String(i)), brokerCounter: i, messageId: 500 }))
  for (const packet of packets) {
    await persistence.outgoingEnqueue({ clientId: client.id }, packet)
    await persistence.outgoingUpdate(client, packet)
  }
  expect(packets.map(({ messageId }) => messageId)).toEqual([500, 501])
})

it('wills of a run that ended without a word are told to the next one', async () => {
  await open()
  const will = { topic: 'status/a', payload: Buffer.from('gone'), qos: 1 as const, retain: true }
  await persistence.putWill({ id: 'a' }, will)
  await persistence.putWill({ id: 'b' }, { ...will, topic: 'status/b' })
  const living = { [persistence.broker.id]: Date.now() }
  expect(await persistence.streamWill(living).toArray()).toEqual([])
  await persistence.delWill({ id: 'b' })
  const orphans = await persistence.streamWill({}).toArray()
  expect(orphans).toMatchObject([{ topic: 'status/a', qos: 1, retain: true, clientId: 'a' }])
  await reopen()
  expect([...persistence.wills.all()]).toMatchObject([['a', { topic: 'status/a', qos: 1, retain: true }]])
  // The broker publishes them: Aedes is not to, as well.
  expect(await persistence.streamWill({}).toArray()).toEqual([])
})

it('a disk that refuses is told once, nobody is stopped, and all is saved when it takes again', async () => {
  const errors: string[] = []
  await open({ error: (_fields: object, text: string) => void errors.push(text) })
  const client = { id: 'valve' }
  await persistence.addSubscriptions(client, [{ topic: 'cmd/#', qos: 1 }])
  // Another writer holds the database: what is written meanwhile fails.
  const intruder = new DatabaseSync(file())
  intruder.exec('BEGIN IMMEDIATE')
  await persistence.prepare(publish('cmd/x', 'one'))?.saved
  await persistence.prepare(publish('cmd/x', 'two'))?.saved
  expect(persistence.stats.failures).toBeGreaterThan(0)
  expect(errors).toHaveLength(1)
  intruder.exec('ROLLBACK')
  intruder.close()
  const { failures, commits } = persistence.stats
  while (persistence.stats.commits === commits) await sleep(20)
  expect(persistence.stats.failures).toBe(failures)
  await reopen()
  expect(await queueOf('valve')).toEqual(['one', 'two'])
})

it('a file that cannot be opened when its thread begins is opened when it can', async () => {
  const errors: string[] = []
  await open({ error: (_fields: object, text: string) => void errors.push(text) })
  // Before the thread has begun.
  const away = `${directory.path}-away`
  renameSync(directory.path, away)
  await persistence.prepare(publish('a', 'kept', 1, true))?.saved
  expect(persistence.stats.failures).toBeGreaterThan(0)
  expect(errors).toHaveLength(1)
  renameSync(away, directory.path)
  while (persistence.stats.commits === 0) await sleep(20)
  await reopen()
  expect(persistence.stats.retained).toBe(1)
})

it('a damaged file steps aside, is told, and the broker starts', async () => {
  writeFileSync(file(), 'this is no database, whatever its name says'.repeat(100))
  const errors: object[] = []
  await open({ error: (fields: object) => void errors.push(fields) })
  expect(errors).toHaveLength(1)
  expect(readdirSync(directory.path).filter(name => name.includes('.damaged-'))).toHaveLength(1)
  await persistence.storeRetained({ ...publish('a', 'b', 1, true), payload: Buffer.from('b') })
  await reopen()
  expect(persistence.stats.retained).toBe(1)
})
