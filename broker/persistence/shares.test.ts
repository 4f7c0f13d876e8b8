import { afterEach, beforeEach, expect, it } from 'vitest'
import { NO_ACCESS } from '../admission.ts'
import { type Directory, newDirectory, persistenceOptions } from './fixture.ts'
import { Shares } from './shares.ts'
import { SqlitePersistence } from './sqlite-persistence.ts'

it('one that takes all it can leaves the last tenth to those who have little', () => {
  const shares = new Shares(1000)
  while (shares.hasRoom('rogue', 7)) shares.take('rogue', 7)
  expect(shares.total).toBe(896)
  for (const honest of ['a', 'b', 'c']) {
    expect(shares.hasRoom(honest, 10)).toBe(true)
    expect(shares.hasRoom(honest, 11)).toBe(false)
    shares.take(honest, 10)
  }
  expect(shares.hasRoom('a', 1)).toBe(false)
  // Where access is open there is one house, and the bound is all.
  shares.take(null, 74)
  expect([shares.total, shares.hasRoom('d', 1), shares.hasRoom(null, 1)]).toEqual([1000, false, false])
  shares.giveBack('rogue', 896)
  expect(shares.hasRoom('rogue', 700)).toBe(true)
})

let directory: Directory
let persistence: SqlitePersistence
beforeEach(() => {
  directory = newDirectory()
  const queues = { maxSessions: 100, maxQueuedMessages: 1000, maxQueuedBytes: 20_000, maxTotalBytes: 100_000 }
  const retained = { maxMessages: 100, maxBytes: 100_000 }
  persistence = new SqlitePersistence(persistenceOptions(directory.path, queues, retained))
  persistence.belongTo({
    ownerOf: clientId => clientId.split('-', 1)[0]!,
    accessOf: identity => ({ ...NO_ACCESS, identity, mayUse: () => true, mayPublish: () => true }),
  })
})
afterEach(async () => {
  await persistence.destroy()
  directory.remove()
})

function retain(identity: string, topic: string, bytes: number): void {
  const payload = Buffer.alloc(bytes, 'x')
  persistence.owners.publishes(payload, identity)
  persistence.retained.keep({ cmd: 'publish', topic, payload, qos: 1, retain: true })
}

it('a device that retains, or has queued, as much as it can, leaves room for the others', () => {
  for (let i = 0; i < 200; i++) retain('rogue', `rogue/${i}`, 10)
  retain('honest', 'honest/state', 10)
  expect([...persistence.retained.topics()]).toHaveLength(91)
  expect([...persistence.retained.topics()]).toContain('honest/state')
  // Also in bytes, where it writes over what it has; and what it clears is free again.
  for (let i = 0; i < 90; i++) retain('rogue', `rogue/${i}`, 5000)
  retain('honest', 'honest/state', 500)
  expect([...persistence.retained.matching(['honest/#'])][0]!.payload).toHaveLength(500)
  expect(persistence.retained.bytes).toBeLessThanOrEqual(91_000)
  for (let i = 0; i < 90; i++) retain('rogue', `rogue/${i}`, 0)
  expect(persistence.retained.count).toBe(1)
})

it('a device that keeps as many sessions as it can, and fills them, leaves room for the others', () => {
  const { sessions } = persistence
  const open = (clientId: string) => {
    const session = sessions.ensure(clientId)
    if (session !== null) sessions.grant(session, [{ topic: `${clientId}/#`, qos: 1 }])
    return session
  }
  for (let i = 0; i < 200; i++) open(`rogue-${i}`)
  expect(sessions.count).toBe(90)
  expect(open('honest-1')).not.toBeNull()
  const wake = (clientId: string) =>
    persistence.prepare({
      topic: `${clientId}/x`,
      payload: Buffer.alloc(500),
      qos: 1,
      retain: false,
    })
  for (let i = 0; i < 90; i++) for (let n = 0; n < 20; n++) wake(`rogue-${i}`)
  const before = sessions.queuedBytes
  expect(before).toBeLessThanOrEqual(90_000)
  wake('honest-1')
  expect(sessions.queuedBytes).toBeGreaterThan(before)
  for (const session of [...sessions.all()]) sessions.end(session)
  expect([sessions.count, sessions.queuedBytes]).toEqual([0, 0])
  expect(open('rogue-1')).not.toBeNull()
})
