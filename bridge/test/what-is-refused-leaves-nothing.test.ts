import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Listener, listener } from '../../broker/fixture.ts'
import { greet, publish } from '../../broker/mqtt5-client.ts'
import { connectRaw } from '../../broker/raw-client.ts'
import { People } from './people.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const SECRETS = { alice: 'a'.repeat(32), bob: 'b'.repeat(32) }
const VERSIONS = [4, 5] as const
const LEVELS = [0, 1, 2] as const
/** On a topic of its own, of somebody else. */
const FORGED = '{"device":"bob","temperature":66}'

let trestle: Trestle
let people: People
let token: string
const dataDir = newDataDir()

beforeAll(async () => {
  mkdirSync(join(dataDir, 'data'))
  people = new People(join(dataDir, 'data'))
  for (const [id, secret] of Object.entries(SECRETS)) await people.addDevice(id, secret)
  token = people.addToken('watcher', 'admin')
  trestle = await startTrestle({ dataDir })
})

afterAll(async () => {
  people.close()
  await trestle.stop()
  removeDataDir(dataDir)
})

function watcher(clientId: string, protocolVersion: 4 | 5): Promise<Listener> {
  return listener(trestle.mqtt, {
    clientId,
    protocolVersion,
    username: 'watcher',
    password: token,
    clean: false,
    ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 600 } }),
  })
}

const alice = { clientId: 'alice', username: 'alice', password: Buffer.from(SECRETS.alice) }

/** Resolves when it was refused, in the words of its version. */
async function forge(version: 4 | 5, qos: 0 | 1 | 2): Promise<void> {
  const topic = `alice/v${version}/qos${qos}`
  if (version === 4) {
    const client = await connectRaw(trestle.mqtt, alice)
    client.send({ cmd: 'publish', topic, payload: FORGED, qos, retain: true, dup: false, messageId: 1 })
    await client.closed
    expect(client.received.map(({ cmd }) => cmd)).toEqual(['connack'])
  } else {
    const peer = await greet(trestle.mqtt, alice)
    expect(await publish(peer, topic, FORGED, { qos, retain: true })).toBe(qos === 0 ? 0 : 0x87)
    await peer.settled()
    await peer.leave()
  }
}

it('neither as retained message nor for who listens or sleeps, by any version and level', async () => {
  const sleepers = VERSIONS.map(version => `sleeper-${version}`)
  for (const version of VERSIONS) {
    const sleeper = await watcher(`sleeper-${version}`, version)
    await sleeper.client.subscribeAsync('alice/#', { qos: 2 })
    if (version === 5) await sleeper.client.subscribeAsync('$share/group/alice/#', { qos: 2 })
    await sleeper.client.endAsync()
  }
  const live = await watcher('live', 5)
  await live.client.subscribeAsync('alice/#', { qos: 2 })
  for (const version of VERSIONS) for (const qos of LEVELS) await forge(version, qos)
  const sound = { qos: 1, retain: true } as const
  const peer = await greet(trestle.mqtt, alice)
  expect(await publish(peer, 'alice/state', '{"temperature":20}', sound)).toBe(0)
  await peer.leave()

  const heard = ['alice/state {"temperature":20}']
  await live.count(1)
  expect(live.heard).toEqual(heard)
  const newcomer = await watcher('newcomer', 5)
  await newcomer.client.subscribeAsync('alice/#', { qos: 2 })
  await newcomer.count(1)
  expect(newcomer.heard).toEqual(heard)
  for (const [i, clientId] of sleepers.entries()) {
    const sleeper = await watcher(clientId, VERSIONS[i]!)
    await sleeper.count(1)
    expect(new Set(sleeper.heard)).toEqual(new Set(heard))
    await sleeper.client.endAsync()
  }
  for (const { client } of [live, newcomer]) await client.endAsync()
  expect(await trestle.ledger()).toMatchObject({ received: 7, dropped: { forbidden: 6 }, balanced: true })
  // MQTT 3.1.1 has no other way to say no.
  const metrics = await fetch(`${trestle.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  expect(await metrics.text()).toMatch(/^trestle_mqtt_closed_total\{reason="forbidden"\} 3$/m)
}, 60_000)

it.each(VERSIONS)('nor as a will by MQTT protocol %i: it is judged once, and not kept', async version => {
  const forbidden = async () => (await trestle.ledger()).dropped.forbidden ?? 0
  const before = await forbidden()
  const will = { topic: 'alice/gone', payload: Buffer.from(FORGED), qos: 1, retain: true } as const
  if (version === 4) (await connectRaw(trestle.mqtt, { ...alice, will })).destroy()
  else await (await greet(trestle.mqtt, { ...alice, will })).drop()
  await eventually(forbidden, count => count > before)
  // A session that ends has its will told, if there is one left.
  const again = await greet(trestle.mqtt, alice)
  await again.settled()
  await again.leave()
  expect(await forbidden()).toBe(before + 1)
})
