import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Access, LoginResult } from './access.ts'
import { connect, DISCONNECT, subscribe } from './conformance/packets.ts'
import { connected, greeted, Wire } from './conformance/wire.ts'
import { OPEN, until } from './fixture.ts'
import { FreshBroker } from './fresh-broker.ts'
import { dial } from './fuzz/sessions.ts'

const broker = new FreshBroker()

it('whenever a client goes while it comes again, the newer connection is the client: counted, heard, taken over from', async () => {
  await broker.start()
  for (let turns = 0; turns < 20; turns++) {
    const clientId = `client-${turns}`
    const older = new Wire(dial(broker.broker))
    older.send(connect({ clientId, clean: false }), subscribe(1, [['news', 1]]))
    await older.find('suback')
    const newer = new Wire(dial(broker.broker))
    newer.send(connect({ clientId, clean: false }))
    for (let i = 0; i < turns; i++) await setImmediate()
    older.stream.destroy()
    await newer.next('connack')
    await newer.ping()
    const publisher = await connected(broker.port)
    await publisher.publish({ topic: 'news', payload: clientId, qos: 1 })
    expect((await newer.receive(1))[0]?.payload).toBe(clientId)
    await publisher.drop()
    await until(() => broker.broker.clients === 1)
    const third = await connected(broker.port, { clientId, clean: false })
    await newer.closed()
    await third.drop()
    await until(() => broker.broker.clients === 0)
  }
})

it('of many that come under one id at once, one stays', async () => {
  await broker.start()
  const wires = Array.from({ length: 20 }, () => new Wire(dial(broker.broker)))
  for (const wire of wires) wire.send(connect({ clientId: 'one', clean: false }))
  await until(
    () => wires.filter(({ stream }) => !stream.destroyed).length === 1 && broker.broker.clients === 1,
  )
  const [left] = wires.filter(({ stream }) => !stream.destroyed)
  await left!.ping()
})

describe('while it logs in', () => {
  const ALICE: Access = { ...OPEN, identity: 'alice' }
  const MALLORY: Access = { ...OPEN, identity: 'mallory' }
  /** Logins, in their order, that wait for their answer. */
  const logins: ((result: LoginResult) => void)[] = []
  let isSlow = false

  const startSlow = async () => {
    logins.length = 0
    isSlow = false
    await broker.start({
      accessOf: identity => (identity === 'mallory' ? MALLORY : ALICE),
      authenticate: ({ username }) => {
        const access = username === 'mallory' ? MALLORY : ALICE
        return isSlow
          ? new Promise(resolve => logins.push(resolve))
          : Promise.resolve({ ok: true, access } as const)
      },
    })
  }

  /** A connection of alice's that waits for its login. */
  async function coming(): Promise<Wire> {
    isSlow = true
    const wire = new Wire(dial(broker.broker))
    const count = logins.length + 1
    wire.send(connect({ clientId: 'x', clean: false, username: 'alice' }))
    await until(() => logins.length === count)
    return wire
  }

  function answer(): void {
    isSlow = false
    for (const login of logins.splice(0)) login({ ok: true, access: ALICE })
  }

  it('another that comes after it stays, though both are let in in one moment, and nobody else gets in', async () => {
    await startSlow()
    const first = await connected(broker.port, { clientId: 'x', clean: false, username: 'alice' })
    await first.subscribe('secret', 1)
    const second = await coming()
    const third = await coming()
    answer()
    await Promise.all([first.closed(), second.closed()])
    expect(await third.next('connack')).toMatchObject({ code: 0, sessionPresent: true })
    expect(second.unread.map(({ kind }) => kind)).not.toContain('publish')
    const other = await greeted(broker.port, { clientId: 'x', clean: false, username: 'mallory' })
    // Identifier rejected: it is alice's.
    expect(other.code).toBe(2)
    await other.wire.closed()
    await third.publish({ topic: 'secret', qos: 1 })
    expect(await third.receive(1)).toHaveLength(1)
    expect(broker.broker.clients).toBe(1)
    // Goes, and nothing holds the client id for it.
    third.send(DISCONNECT)
    await third.closed()
    const again = await greeted(broker.port, { clientId: 'x', clean: false, username: 'alice' })
    expect(again).toMatchObject({ code: 0, sessionPresent: true })
  })

  it('a connection that dies takes over from nobody, and leaves the id to who has it', async () => {
    await startSlow()
    const holder = await connected(broker.port, { clientId: 'x', clean: false, username: 'alice' })
    const dying = [await coming(), await coming()]
    await Promise.all(dying.map(wire => wire.drop()))
    await until(() => broker.broker.guard.counts.unauthenticated === 0)
    answer()
    await holder.ping()
    const other = await greeted(broker.port, { clientId: 'x', username: 'mallory' })
    expect(other.code).toBe(2)
    await holder.ping()
    expect(broker.broker.clients).toBe(1)
    const heir = await connected(broker.port, { clientId: 'x', clean: false, username: 'alice' })
    await holder.closed()
    await heir.ping()
  })

  it('one that dies while what was left under the id ends, as its rights change, holds it no longer', async () => {
    const rights = new Map(['alice', 'bob', 'carol'].map(id => [id, { ...OPEN, identity: id } as Access]))
    const login = Promise.withResolvers<void>()
    await broker.start({
      accessOf: identity => rights.get(identity ?? '') ?? null,
      authenticate: async ({ username }) => {
        if (username === 'bob') await login.promise
        return { ok: true, access: rights.get(username ?? '')! }
      },
    })
    const alice = await connected(broker.port, { clientId: 'x', clean: false, username: 'alice' })
    await alice.subscribe('t', 1)
    await alice.drop()
    await until(() => broker.broker.clients === 0)
    // What alice left is for others to take; the rights of bob change while it is ended for him.
    rights.set('alice', { ...OPEN, identity: 'alice', mayUse: () => false })
    const bob = new Wire(dial(broker.broker))
    bob.send(connect({ clientId: 'x', clean: false, username: 'bob' }))
    await until(() => broker.broker.guard.counts.unauthenticated === 1)
    await bob.drop()
    login.resolve()
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
    rights.set('bob', { ...OPEN, identity: 'bob' })
    await broker.broker.review()
    const carol = await greeted(broker.port, { clientId: 'x', clean: false, username: 'carol' })
    expect(carol.code).toBe(0)
  })

  it('it is ended with the broker, which does not wait for its login', async () => {
    await startSlow()
    const wire = await coming()
    await broker.close()
    await wire.closed()
    answer()
    expect(wire.unread).toEqual([])
  })
})
