import { expect, it } from 'vitest'
import type { Access, Login } from '../../access.ts'
import { OPEN } from '../../fixture.ts'
import { FreshBroker } from '../../fresh-broker.ts'
import { type ConnectFields, publish, subscribe } from '../../mqtt5-client.ts'

const on = new FreshBroker()

/** By user name; what they may do can be changed. */
async function startWith(accesses: Map<string, Access>): Promise<void> {
  await on.start({
    authenticate: async ({ username }: Login) => {
      const access = accesses.get(username ?? '')
      return access === undefined ? { ok: false, reason: 'bad-credentials' } : { ok: true, access }
    },
    accessOf: identity => accesses.get(identity ?? '') ?? null,
  })
}

const may = (identity: string, allowed: Partial<Access> = {}): Access => ({ ...OPEN, identity, ...allowed })
const as = (username: string, clientId: string, fields: ConnectFields = {}): ConnectFields => ({
  username,
  password: Buffer.from('x'),
  clientId,
  ...fields,
})

it('what it may not receive does not reach a client: live, retained, shared, or after sleep', async () => {
  const mayReceive = (topic: string) => !topic.startsWith('secret')
  await startWith(
    new Map([
      ['a', may('a', { mayReceive })],
      ['b', may('b')],
    ]),
  )
  const sender = await on.greet(as('b', 'sender'))
  await publish(sender, 'secret/kept', 'x', { retain: true })
  await publish(sender, 'open/kept', 'x', { retain: true })
  const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } }
  const watcher = await on.greet(as('a', 'watcher', lasting))
  await subscribe(watcher, '#')
  await subscribe(watcher, '$share/g/+/live')
  for (const topic of ['secret/live', 'open/live'])
    for (const qos of [0, 1, 2] as const) await publish(sender, topic, String(qos), { qos })
  await watcher.next('publish')
  while (watcher.heard().length < 7) await watcher.settled()
  await watcher.leave()
  for (const topic of ['secret/missed', 'open/missed']) await publish(sender, topic, 'x')
  const again = await on.greet(as('a', 'watcher', lasting))
  while (!again.heard().includes('open/missed x')) await again.settled()
  const heard = [...watcher.heard(), ...again.heard()]
  expect(heard.filter(line => line.startsWith('secret'))).toEqual([])
  expect(heard).toContain('open/kept x')
})

it('a client whose access changes is told, closed, and judged anew when it comes back', async () => {
  const accesses = new Map([
    ['a', may('a')],
    ['b', may('b')],
  ])
  await startWith(accesses)
  const peer = await on.greet(as('a', 'peer'))
  const other = await on.greet(as('b', 'other'))
  accesses.set('a', may('a', { mayPublish: () => false }))
  await on.broker.review()
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x98 })
  await peer.closed
  await other.settled()
  const again = await on.greet(as('a', 'peer'))
  expect(await publish(again, 'a', 'x')).toBe(0x87)
})

it('of one that is not known any more nothing stays: no will, no session, no way back', async () => {
  const accesses = new Map([
    ['a', may('a')],
    ['b', may('b')],
  ])
  await startWith(accesses)
  const watcher = await on.greet(as('b', 'watcher'))
  await subscribe(watcher, 'will/#')
  const will = { topic: 'will/a', payload: Buffer.from('x'), qos: 1, retain: false } as const
  const lasting = { clean: false, will, properties: { sessionExpiryInterval: 60 } }
  const peer = await on.greet(as('a', 'peer', lasting))
  const delayed = await on.greet(
    as('a', 'delayed', { ...lasting, will: { ...will, properties: { willDelayInterval: 30 } } }),
  )
  await delayed.drop()
  while (on.broker.clients > 2) await watcher.settled()
  accesses.delete('a')
  await on.broker.review()
  await peer.closed
  await watcher.settled()
  expect(watcher.heard()).toEqual([])
  expect(on.broker.stats.sessions).toBe(0)
  expect((await on.greet(as('a', 'peer', lasting))).connack.reasonCode).toBe(0x86)
  accesses.set('a', may('a'))
  expect((await on.greet(as('a', 'peer', lasting))).connack).toMatchObject({
    reasonCode: 0,
    sessionPresent: false,
  })
})

it("another identity's client id is not taken over, and its session is not passed on", async () => {
  await startWith(
    new Map([
      ['a', may('a')],
      ['b', may('b')],
    ]),
  )
  const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } }
  const peer = await on.greet(as('a', 'peer', lasting))
  await subscribe(peer, '#')
  expect((await on.greet(as('b', 'peer', lasting))).connack.reasonCode).toBe(0x85)
  await peer.settled()
  await peer.leave()
  expect((await on.greet(as('b', 'peer', lasting))).connack.reasonCode).toBe(0x85)
  expect((await on.greet(as('a', 'peer', lasting))).connack.sessionPresent).toBe(true)
})

it('a message that is looked into, and refused for good, is told so; the connection stays', async () => {
  await on.start({
    accept: ({ payload, qos }) => {
      if (String(payload) === 'no') return 'forbidden'
      return qos === 0 ? null : Promise.resolve()
    },
  })
  const watcher = await on.greet()
  await subscribe(watcher, '#')
  const peer = await on.greet()
  for (const qos of [1, 2] as const) expect(await publish(peer, 'a', 'no', { qos })).toBe(0x87)
  await publish(peer, 'a', 'no', { qos: 0 })
  expect(await publish(peer, 'a', 'yes', { qos: 2 })).toBe(0)
  await watcher.next('publish')
  await watcher.settled()
  expect(watcher.heard()).toEqual(['a yes'])
})
