import { DatabaseSync } from 'node:sqlite'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Listener, listener, startBroker, type TestBroker } from '../../broker/fixture.ts'
import { greet } from '../../broker/mqtt5-client.ts'
import { type Directory, newDirectory } from '../../broker/persistence/fixture.ts'
import { connectRaw } from '../../broker/raw-client.ts'
import { startIdentities, type TestIdentities } from '../identity/fixture.ts'
import { databasePath } from '../identity/store.ts'

vi.setConfig({ testTimeout: 60_000 })

let directory: Directory
let people: TestIdentities
let house: TestBroker
let refused: string[]
let gateway: Listener

/** Devices `alice` and `bob`, and a gateway that hears everything. */
beforeEach(async () => {
  directory = newDirectory()
  people = startIdentities()
  secrets.alice = await people.addDevice('alice')
  secrets.bob = await people.addDevice('bob')
  secrets.hub = await people.noticed(() => people.addDevice('hub', { gateway: true }))
  refused = []
  await open()
  gateway = await as('hub')
  await gateway.client.subscribeAsync({ '#': { qos: 1 }, '$SYS/broker/#': { qos: 1 } })
})

afterEach(async () => {
  await house.close()
  people.close()
  directory.remove()
})

const secrets: Record<string, string> = {}

async function open(): Promise<void> {
  const { identities } = people
  house = await startBroker({
    directory: directory.path,
    authenticate: identities.authenticate,
    accessOf: identity => identities.accessOf(identity),
    refuse: ({ topic }) => void refused.push(topic),
  })
  await house.broker.review()
}

function as(id: string, options: IClientOptions = {}): Promise<Listener> {
  return listener(house.port, { clientId: id, username: id, password: secrets[id]!, ...options })
}

/** The return code of CONNACK. */
async function knock(options: Parameters<typeof connectRaw>[1]): Promise<number> {
  const raw = await connectRaw(house.port, options)
  const [connack] = raw.received
  raw.destroy()
  return connack?.cmd === 'connack' ? (connack.returnCode ?? -1) : -1
}

function shown(id: string) {
  return { username: id, password: Buffer.from(secrets[id]!) }
}

/** What went out before it has come by now: the gateway hears all of it. */
async function everybodyHasHeard(...listeners: Listener[]): Promise<void> {
  for (const { client } of listeners)
    await client.publishAsync(`${client.options.clientId}/mark`, '', { qos: 1 })
  await gateway.client.publishAsync('mark', 'x', { qos: 1 })
  while (!gateway.heard.includes('mark x')) await gateway.count(gateway.heard.length + 1)
  gateway.heard.splice(gateway.heard.indexOf('mark x'), 1)
}

function closed(client: MqttClient): Promise<void> {
  return new Promise(resolve => (client.connected ? client.once('close', () => resolve()) : resolve()))
}

/** As a command beside the bridge does it, and how the bridge takes it. */
async function change(make: () => unknown): Promise<void> {
  await people.noticed(make)
  await house.broker.review()
}

describe('a client id', () => {
  it('is not taken over by another identity: its owner stays, and hears on', async () => {
    const alice = await as('alice', { clean: false })
    await alice.client.subscribeAsync('alice/#', { qos: 1 })
    for (const id of ['bob', 'hub']) expect(await knock({ clientId: 'alice', ...shown(id) })).toBe(2)
    expect(await knock({ clientId: 'alice' })).toBe(5)
    expect(await knock({ clientId: 'alice', username: 'alice', password: Buffer.from('wrong') })).toBe(4)
    await gateway.client.publishAsync('alice/set', '1', { qos: 1 })
    await alice.count(1)
    expect(alice.heard).toEqual(['alice/set 1'])
    expect(alice.client.connected).toBe(true)
    // From itself it may.
    const again = await as('alice', { clean: false })
    await closed(alice.client)
    expect(again.client.connected).toBe(true)
  })

  it('of a session goes to its device when there is one, without what somebody else left in it', async () => {
    secrets.ann = 'correct horse'
    await people.noticed(() => people.addUser('ann', 'admin', 'correct horse'))
    const squatter = await as('ann', { clientId: 'carol', clean: false })
    await squatter.client.subscribeAsync('secret/#', { qos: 1 })
    await squatter.client.endAsync()
    await gateway.client.publishAsync('secret/x', '1', { qos: 1 })
    await change(async () => {
      secrets.carol = await people.addDevice('carol')
    })
    const carol = await connectRaw(house.port, { clientId: 'carol', clean: false, ...shown('carol') })
    expect(carol.received[0]).toMatchObject({ cmd: 'connack', returnCode: 0, sessionPresent: false })
    carol.send({ cmd: 'pingreq' })
    await carol.next('pingresp')
    expect(carol.received.map(({ cmd }) => cmd)).toEqual(['connack', 'pingresp'])
    carol.destroy()
    expect(await knock({ clientId: 'carol', ...shown('ann') })).toBe(2)
  })

  it('that was made for a device is its own: a change that concerns others closes nothing, and it comes back', async () => {
    const old = await connectRaw(house.port, { clientId: '', ...shown('alice') })
    const first = await greet(house.port, { ...shown('alice'), properties: { sessionExpiryInterval: 60 } })
    const clientId = first.connack.properties?.assignedClientIdentifier ?? ''
    await first.drop()
    await change(() => people.addDevice('carol'))
    old.send({ cmd: 'pingreq' })
    await old.next('pingresp')
    old.destroy()
    const stranger = await greet(house.port, { clientId, clean: false, ...shown('bob') })
    expect(stranger.connack.reasonCode).toBe(0x85)
    const again = await greet(house.port, { clientId, clean: false, ...shown('alice') })
    expect(again.connack).toMatchObject({ reasonCode: 0, sessionPresent: true })
    await again.leave()
  })
})

describe('what is not one’s own', () => {
  it('is not published, and says so by closing', async () => {
    for (const topic of [
      'bob/state',
      '$SYS/x/new/clients',
      '$SYS/x/heartbeat',
      'trestle/x',
      'home/kitchen/stove',
    ]) {
      const alice = await as('alice')
      alice.client.publish(topic, 'bob', { qos: 1 }, () => undefined)
      await closed(alice.client)
    }
    expect(refused).toEqual([
      'bob/state',
      '$SYS/x/new/clients',
      '$SYS/x/heartbeat',
      'trestle/x',
      'home/kitchen/stove',
    ])
    await everybodyHasHeard()
    expect(gateway.heard).toEqual([])
    expect(house.accepted.map(({ topic }) => topic)).toEqual(['mark'])
  })

  it('is not published by a gateway either, where it is the broker’s: nobody is kicked', async () => {
    const bob = await as('bob')
    const hub = await as('hub', { clientId: 'hub-2' })
    hub.client.publish('$SYS/x/new/clients', 'bob', { qos: 1 }, () => undefined)
    await closed(hub.client)
    await bob.client.publishAsync('bob/state', '1', { qos: 1 })
    expect(bob.client.connected).toBe(true)
  })

  it('is no will: who names one is not let in', async () => {
    for (const topic of ['bob/state', '$SYS/x/new/clients', 'trestle/x']) {
      const will = { topic, payload: Buffer.from('bob'), qos: 1 as const, retain: true }
      expect(await knock({ clientId: 'alice', will, ...shown('alice') })).toBe(5)
    }
    // Nor is a will told that came with a login that failed.
    const will = { topic: 'alice/gone', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    expect(await knock({ clientId: 'alice', will, username: 'alice', password: Buffer.from('wrong') })).toBe(
      4,
    )
    await everybodyHasHeard()
    expect(gateway.heard).toEqual([])
  })

  it('is not heard, now or after sleep, whatever it was asked with', async () => {
    const alice = await as('alice', { clean: false })
    const granted = await alice.client
      .subscribeAsync(['alice/#', '#', 'bob/#', '+/bob', '$SYS/#', '$SYS/broker/#', '+/+/+'], { qos: 1 })
      .catch(error => error as Error)
    expect(granted instanceof Error || granted.map(({ qos }) => qos)).toEqual(
      granted instanceof Error ? true : [1, 128, 128, 128, 128, 128, 128],
    )
    await gateway.client.publishAsync('bob/state', '1', { qos: 1, retain: true })
    await alice.client.endAsync()
    await gateway.client.publishAsync('bob/state', '2', { qos: 1 })
    await gateway.client.publishAsync('alice/set', '3', { qos: 1 })
    const again = await as('alice', { clean: false })
    await again.count(1)
    await everybodyHasHeard(again)
    expect(again.heard).toEqual(['alice/set 3', 'alice/mark '])
  })
})

describe('a device that is revoked', () => {
  it('is closed, and comes back under its name with nothing of before', async () => {
    const alice = await as('alice', {
      clean: false,
      will: { topic: 'alice/gone', payload: Buffer.from('will'), qos: 1, retain: true },
    })
    await alice.client.subscribeAsync('alice/#', { qos: 1 })
    const before = secrets.alice!
    const startedMs = performance.now()
    await change(() => people.store.revokeDevice('alice'))
    await closed(alice.client)
    expect(performance.now() - startedMs).toBeLessThan(5000)
    expect(await knock({ clientId: 'alice', ...shown('alice') })).toBe(4)
    await gateway.client.publishAsync('alice/set', '1', { qos: 1 })
    await change(async () => {
      secrets.alice = await people.addDevice('alice')
    })
    expect(await knock({ clientId: 'alice', username: 'alice', password: Buffer.from(before) })).toBe(4)
    const again = await as('alice', { clean: false })
    await everybodyHasHeard(again)
    // Not subscribed: the session of before is gone.
    expect(again.heard).toEqual([])
    // Its will was never told.
    expect(gateway.heard).toEqual(['alice/set 1', 'alice/mark '])
  })

  it('while it is away: its session, queue and retained messages go, also from the disk', async () => {
    const alice = await as('alice', { clean: false })
    await alice.client.subscribeAsync('alice/#', { qos: 1 })
    await alice.client.publishAsync('alice/state', 'left', { qos: 1, retain: true })
    await alice.client.publishAsync('home/kitchen/alice', 'left', { qos: 0, retain: true })
    await alice.client.publishAsync('tele/alice/LWT', 'left', { qos: 2, retain: true })
    await alice.client.endAsync()
    const bob = await as('bob')
    await bob.client.publishAsync('bob/state', 'stays', { qos: 1, retain: true })
    await gateway.client.publishAsync('alice/set', 'queued', { qos: 1 })
    // What is on its way to those who are there is acknowledged soon.
    await vi.waitUntil(() => house.broker.stats.queuedMessages === 1, 10_000)
    expect(house.broker.stats).toMatchObject({ sessions: 1, queuedMessages: 1, retained: 4 })
    await change(() => people.store.revokeDevice('alice'))
    expect(house.broker.stats).toMatchObject({ sessions: 0, queuedMessages: 0, retained: 1 })
    await house.close()
    await open()
    expect(house.broker.stats).toMatchObject({ sessions: 0, queuedMessages: 0, retained: 1 })
    gateway = await as('hub')
    await gateway.client.subscribeAsync('#', { qos: 1 })
    await gateway.count(1)
    await everybodyHasHeard()
    expect(gateway.heard).toEqual(['bob/state stays'])
  })

  it('while the bridge is off: the next start drops what it left', async () => {
    const alice = await as('alice', { clean: false })
    await alice.client.subscribeAsync('alice/#', { qos: 1 })
    await alice.client.publishAsync('alice/state', 'left', { qos: 1, retain: true })
    await house.close()
    await people.noticed(() => people.store.revokeDevice('alice'))
    await people.noticed(async () => {
      secrets.alice = await people.addDevice('alice')
    })
    await open()
    expect(house.broker.stats).toMatchObject({ sessions: 0, retained: 0 })
  })

  it('does not take along what others wrote over it', async () => {
    const alice = await as('alice')
    await alice.client.publishAsync('alice/state', 'left', { qos: 1, retain: true })
    await gateway.client.publishAsync('alice/state', 'by the gateway', { qos: 1, retain: true })
    await change(() => people.store.revokeDevice('alice'))
    expect(house.broker.stats.retained).toBe(1)
  })

  it('in the middle of being let in is not let in', async () => {
    const knocks = Array.from({ length: 20 }, (_, i) =>
      knock({ clientId: `alice-${i}`, clean: false, ...shown('alice') }),
    )
    await change(() => people.store.revokeDevice('alice'))
    // Those that were quick were let in, and closed.
    expect((await Promise.all(knocks)).every(code => code === 0 || code === 4 || code === 3)).toBe(true)
    while (house.broker.clients > 1) await new Promise(resolve => setTimeout(resolve, 10))
    expect(house.broker.stats.sessions).toBe(0)
  })
})

describe('a change of rights', () => {
  it('closes the connection; what is not granted any more is gone when it comes back', async () => {
    await change(async () => {
      people.store.revokeDevice('alice')
      secrets.alice = await people.addDevice('alice', { allow: ['shared/#'] })
    })
    const alice = await as('alice', { clean: false, reconnectPeriod: 0 })
    await alice.client.subscribeAsync({ 'alice/#': { qos: 1 }, 'shared/#': { qos: 1 } })
    await gateway.client.publishAsync('shared/x', '1', { qos: 1 })
    await alice.count(1)
    const [row] = people.store.read().devices
    await change(() => {
      // As a command for it would.
      people.store.rotateDevice('alice', row!.secret)
      narrowRights(people, 'alice')
    })
    await closed(alice.client)
    await gateway.client.publishAsync('shared/x', '2', { qos: 1 })
    await gateway.client.publishAsync('alice/x', '3', { qos: 1 })
    const again = await as('alice', { clean: false })
    await again.count(1)
    await everybodyHasHeard(again)
    expect(again.heard).toEqual(['alice/x 3', 'alice/mark '])
    // The rotation kept who it is: what it left stays its own.
    expect(house.broker.stats.sessions).toBe(1)
  })
})

describe('where MQTT was open', () => {
  it('the first device ends that: what strangers left is dropped, and hurts nobody', async () => {
    await house.close()
    people.close()
    directory.remove()
    directory = newDirectory()
    people = startIdentities()
    await open()
    const stranger = await listener(house.port, { clientId: 'x', clean: false })
    await stranger.client.subscribeAsync('#', { qos: 1 })
    await stranger.client.publishAsync('lamp/set', 'ON', { qos: 1, retain: true })
    expect(house.broker.stats).toMatchObject({ sessions: 1, retained: 1 })
    await change(async () => {
      secrets.lamp = await people.addDevice('lamp')
    })
    await closed(stranger.client)
    expect(house.broker.stats).toMatchObject({ sessions: 0, retained: 0 })
    const lamp = await as('lamp')
    await lamp.client.subscribeAsync('lamp/#', { qos: 1 })
    await lamp.client.publishAsync('lamp/mark', '', { qos: 1 })
    await lamp.count(1)
    expect(lamp.heard).toEqual(['lamp/mark '])
    expect(await knock({ clientId: 'x', clean: false })).toBe(5)
    gateway = lamp
  })
})

it('names from the prototype are names like any other', async () => {
  for (const name of ['__proto__', 'constructor']) {
    await change(async () => {
      secrets[name] = await people.addDevice(name)
    })
    const password = Object.getOwnPropertyDescriptor(secrets, name)?.value as string | undefined
    const given = password ?? ''
    const code = await knock({ clientId: name, username: name, password: Buffer.from(given) })
    expect(code).toBe(password === undefined ? 4 : 0)
    expect(await knock({ clientId: name, username: 'alice', password: Buffer.from(secrets.alice!) })).toBe(2)
  }
  expect(Object.keys(Object.prototype)).toEqual([])
})

it('mqtt.js tells a person what is wrong', async () => {
  const client = mqtt.connect({
    port: house.port,
    host: '127.0.0.1',
    username: 'alice',
    password: 'wrong',
    reconnectPeriod: 0,
  })
  const error = await new Promise<Error>(resolve => client.once('error', resolve))
  expect(error.message).toMatch(/Bad username or password/i)
  client.end(true)
})

/** No command takes rights away yet, but a restored backup may. */
function narrowRights({ dataDir }: TestIdentities, id: string): void {
  const database = new DatabaseSync(databasePath(dataDir), { timeout: 5000 })
  database.prepare("UPDATE device SET allow = '[]', version = version + 1 WHERE id = ?").run(id)
  database.close()
}
