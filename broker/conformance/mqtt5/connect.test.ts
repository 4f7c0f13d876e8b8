import { expect, it } from 'vitest'
import type { Authenticate } from '../../access.ts'
import { OPEN } from '../../fixture.ts'
import { FreshBroker } from '../../fresh-broker.ts'
import { subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()

it('CONNACK says what the client did not choose, and nothing that goes without saying', async () => {
  await on.start({ idleTimeoutMs: 90_000 })
  const plain = await on.greet({ clientId: 'plain', keepalive: 30 })
  expect(plain.connack).toMatchObject({ reasonCode: 0, sessionPresent: false })
  // [MQTT-3.1.2-21], [MQTT-3.2.2-22]: no server keep alive, so the client's counts.
  expect(plain.connack.properties).toEqual({
    receiveMaximum: 10_000,
    maximumPacketSize: 2 * 1024 ** 2,
    topicAliasMaximum: 64,
  })
  const other = await on.greet({ keepalive: 600, properties: { sessionExpiryInterval: 0xffff_ffff } })
  expect(other.connack.properties).toMatchObject({
    assignedClientIdentifier: expect.stringMatching(/^auto-/),
    serverKeepAlive: 60,
    sessionExpiryInterval: 7 * 86_400,
  })
})

it('an assigned client id is a client id like others, and unique', async () => {
  await on.start()
  const names = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const { connack } = await on.greet({ properties: { sessionExpiryInterval: 60 } })
    names.add(connack.properties?.assignedClientIdentifier ?? '')
  }
  expect(names.size).toBe(3)
  // [MQTT-3.1.3-7]
  const [name = ''] = names
  const again = await on.greet({ clientId: name, clean: false, properties: { sessionExpiryInterval: 60 } })
  expect(again.connack.sessionPresent).toBe(true)
})

it.each([
  ['bad-credentials', 0x86],
  ['not-authorised', 0x87],
  ['unavailable', 0x88],
] as const)('refused as %s: CONNACK %i, and the connection is closed', async (reason, code) => {
  const authenticate: Authenticate = async () => ({ ok: false, reason })
  await on.start({ authenticate })
  const peer = await on.greet({ clientId: 'x', username: 'u', password: Buffer.from('p') })
  expect(peer.connack).toMatchObject({ reasonCode: code, sessionPresent: false })
  await peer.closed
})

it('name, password and address reach the one who decides', async () => {
  let seen: unknown
  const authenticate: Authenticate = async login => {
    seen = login
    return { ok: true, access: OPEN }
  }
  await on.start({ authenticate })
  await on.greet({ clientId: 'me', username: 'ü', password: Buffer.from([0, 255]) })
  expect(seen).toEqual({
    clientId: 'me',
    username: 'ü',
    password: Buffer.from([0, 255]),
    address: '127.0.0.1',
    headers: null,
    certificate: null,
  })
})

it('a client id that it may not use, or too long a one, is not valid', async () => {
  await on.start({
    authenticate: async () => ({ ok: true, access: { ...OPEN, mayUse: id => id === 'mine' } }),
  })
  expect((await on.greet({ clientId: 'theirs' })).connack.reasonCode).toBe(0x85)
  expect((await on.greet({ clientId: 'x'.repeat(257) })).connack.reasonCode).toBe(0x85)
  expect((await on.greet({ clientId: 'mine' })).connack.reasonCode).toBe(0)
})

it('a will that it may not publish is not authorised', async () => {
  await on.start({
    authenticate: async () => ({ ok: true, access: { ...OPEN, mayPublish: topic => topic !== 'no' } }),
  })
  const will = { topic: 'no', payload: Buffer.from('x'), qos: 0, retain: false } as const
  expect((await on.greet({ clientId: 'x', will })).connack.reasonCode).toBe(0x87)
})

it('an authentication method is refused, as we know none', async () => {
  await on.start()
  const peer = await on.greet({ clientId: 'x', properties: { authenticationMethod: 'SCRAM-SHA-256' } })
  expect(peer.connack.reasonCode).toBe(0x8c)
  await peer.closed
})

it('AUTH, and a second CONNECT, are protocol errors', async () => {
  await on.start()
  for (const bytes of [
    [0xf0, 0x00],
    [0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 60, 0, 0, 0],
    [0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 9, 2, 0, 60, 0, 0, 0],
  ]) {
    const peer = await on.greet()
    peer.sendBytes(...bytes)
    // [MQTT-3.1.0-2], [MQTT-4.12.0-7]
    expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x82 })
    await peer.closed
  }
})

it('with a client of any version, a client id changes hands; the older connection is told', async () => {
  await on.start()
  const first = await on.greet({ clientId: 'same' })
  const second = await on.greet({ clientId: 'same' })
  // [MQTT-3.1.4-3]
  expect(await first.next('disconnect')).toMatchObject({ reasonCode: 0x8e })
  await first.closed
  const older = await connectRaw(on.port, { clientId: 'same' })
  expect(await second.next('disconnect')).toMatchObject({ reasonCode: 0x8e })
  await second.closed
  const third = await on.greet({ clientId: 'same' })
  await older.closed
  expect(on.broker.clients).toBe(1)
  expect(await subscribe(third, 'a')).toBe(2)
  await third.leave()
})

it('one who takes over while another does ends up alone', async () => {
  await on.start()
  const peers = await Promise.all(Array.from({ length: 8 }, () => on.open()))
  for (const peer of peers)
    peer.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId: 'one',
      clean: false,
      keepalive: 60,
    })
  const olds = Array.from({ length: 4 }, () => connectRaw(on.port, { clientId: 'one', clean: false }))
  await Promise.allSettled(olds)
  const last = await on.greet({ clientId: 'one', clean: false })
  await last.settled()
  await Promise.all(peers.map(peer => peer.closed))
  expect(on.broker.clients).toBe(1)
})

it('a broker that stops says so', async () => {
  await on.start()
  const peer = await on.greet()
  const closed = on.close()
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x8b })
  await Promise.all([peer.closed, closed])
})

it('keep-alive: no packet for one and a half times as long ends the connection', async () => {
  await on.start()
  const startMs = performance.now()
  const peer = await on.greet({ keepalive: 1 })
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x8d })
  expect(performance.now() - startMs).toBeGreaterThan(1400)
  await peer.closed
})

it('switched off, its clients are told that they should speak another version', async () => {
  await on.start({ mqtt5: null })
  const peer = await on.greet({ clientId: 'x' })
  expect(peer.connack.reasonCode).toBe(0x84)
  await peer.closed
})
