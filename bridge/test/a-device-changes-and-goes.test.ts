/** What becomes of a device later on: its rights change, it is gone for good. By the commands, beside a running bridge. */

import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { connectLive } from '../live/client.ts'
import type { LiveReading } from '../live/protocol.ts'
import { tool } from './tool.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
let secret: string
let dials = 0
const dataDir = newDataDir()
beforeAll(async () => {
  trestle = await startTrestle({ dataDir })
  secret = (JSON.parse(await deviceTool('add', 'thermo', '--json')) as { password: string }).password
})
afterAll(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

const deviceTool = (...words: string[]) => tool(dataDir, ['device', ...words])

async function dial(): Promise<MqttClient> {
  const client = await mqtt.connectAsync({
    port: trestle.mqtt,
    clientId: `thermo-${++dials}`,
    username: 'thermo',
    password: secret,
    reconnectPeriod: 0,
    resubscribe: false,
  })
  onTestFinished(() => void client.end(true))
  return client
}

function closeOf(client: MqttClient): Promise<void> {
  return new Promise(resolve => client.once('close', () => resolve()))
}

async function isGranted(client: MqttClient, filter: string): Promise<boolean> {
  return (await client.subscribeAsync(filter).catch(() => null)) !== null
}

it('its rights change, its secret stays: what was open by the old ones is closed', async () => {
  const rights = async (...words: string[]) =>
    JSON.parse(await deviceTool('set', 'thermo', ...words, '--json')) as object
  for (const { words, is, granted, denied } of [
    {
      words: ['--allow', 'plant/a/b/{id}/#', '--allow', 'news/#'],
      is: { id: 'thermo', gateway: false, allow: ['plant/a/b/{id}/#', 'news/#'] },
      granted: ['plant/a/b/thermo/x', 'news/a', 'thermo/#'],
      denied: ['plant/a/b/other/x', 'plant/#'],
    },
    {
      words: ['--gateway'],
      is: { id: 'thermo', gateway: true, allow: ['plant/a/b/{id}/#', 'news/#'] },
      granted: ['plant/#', 'anything'],
      denied: ['trestle/#'],
    },
    {
      words: ['--no-gateway', '--no-allow'],
      is: { id: 'thermo', gateway: false, allow: [] },
      granted: ['thermo/#'],
      denied: ['news/a', 'plant/a/b/thermo/x', 'anything'],
    },
  ]) {
    const before = await dial()
    const closed = closeOf(before)
    expect(await rights(...words)).toEqual(is)
    await closed
    const client = await dial()
    for (const filter of granted) expect([filter, await isGranted(client, filter)]).toEqual([filter, true])
    for (const filter of denied) expect([filter, await isGranted(client, filter)]).toEqual([filter, false])
  }
  expect(await deviceTool('set', 'thermo', '--no-allow')).toMatch(/^id +kind.*\nthermo +device /)
}, 60_000)

it.each<[RegExp, ...string[]]>([
  [/say what is to change/, 'set', 'thermo'],
  [/no device called nobody/, 'set', 'nobody', '--gateway'],
  [/reserved/, 'set', 'thermo', '--allow', '$SYS/#'],
  [/404.*unknown-device/, 'forget', 'nobody'],
])('a mistake is told in a line: %s', async (words, ...args) => {
  await expect(deviceTool(...args)).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(words),
  })
})

it('gone for good it is in no list, also after a restart; its history stays, and if it speaks again it is back', async () => {
  const device = await dial()
  await device.publishAsync('home/hall/thermo/state', '{"temperature":21.5}', { qos: 1, retain: true })
  await eventually(trestle.ledger, ({ stored }) => stored === 1)
  expect(await trestle.get('/api/devices/thermo')).toMatchObject({ room: 'hall' })
  const live = connectLive({ url: `${trestle.url}/live` })
  onTestFinished(() => live.close())
  const told: LiveReading[] = []
  await live.subscribe({ snapshot: false, onReadings: readings => told.push(...readings) }).ready
  await deviceTool('forget', 'thermo')
  await eventually(
    async () => told,
    ([about]) => about !== undefined,
  )
  expect(told).toMatchObject([
    { device: 'thermo', values: { available: false }, tags: { availableBy: 'forgotten' } },
  ])
  const history = '/api/history?device=thermo&field=temperature&points=raw'
  for (let start = 0; start < 2; start++) {
    const list = await eventually(
      () => trestle.get('/api/devices') as Promise<{ devices: object[]; complete: boolean }>,
      ({ complete }) => complete,
    )
    expect(list.devices).toEqual([])
    expect((await fetch(`${trestle.url}/api/devices/thermo`)).status).toBe(404)
    expect(await trestle.get(history)).toMatchObject({ points: [{ value: 21.5 }] })
    const client = await dial()
    const retained: string[] = []
    client.on('message', topic => retained.push(topic))
    await client.subscribeAsync('home/hall/thermo/#', { qos: 1 })
    await client.publishAsync('home/hall/thermo/end', 'x', { qos: 1 })
    await eventually(
      async () => retained,
      topics => topics.length > 0,
    )
    expect(retained).toEqual(['home/hall/thermo/end'])
    await deviceTool('forget', 'thermo')
    if (start > 0) break
    await trestle.kill()
    trestle = await startTrestle({ dataDir })
  }
  const back = await dial()
  await back.publishAsync('home/hall/thermo/state', '{"temperature":22.5}', { qos: 1 })
  expect(await trestle.devices()).toMatchObject([{ id: 'thermo', fields: { temperature: { value: 22.5 } } }])
}, 60_000)

it('a device of which nothing was heard is in no list, is found among the hidden ones, and can be forgotten', async () => {
  const added = await deviceTool('add', 'teller', '--gateway', '--json')
  const { password } = JSON.parse(added) as { password: string }
  const who = { clientId: 'teller', username: 'teller', password }
  const teller = await mqtt.connectAsync({ port: trestle.mqtt, ...who, reconnectPeriod: 0 })
  onTestFinished(() => void teller.end(true))
  const sensor = { name: 'Water', state_topic: 'home/cellar/boiler/state', device: { name: 'Boiler' } }
  const document = JSON.stringify({ ...sensor, value_template: '{{ value_json.water }}' })
  await teller.publishAsync('homeassistant/sensor/boiler/water/config', document, { qos: 1 })
  const hidden = async () => JSON.parse(await deviceTool('hidden', '--json')) as object[]
  expect(await hidden()).toMatchObject([{ id: 'boiler', name: 'Boiler', topics: [], hidden: 'not-heard' }])
  expect(await deviceTool('hidden')).toMatch(/^id +name +why +heard on\nboiler +Boiler +not-heard\n$/)
  expect((await trestle.devices()).filter(({ id }) => id === 'boiler')).toEqual([])
  expect((await fetch(`${trestle.url}/api/devices/boiler`)).status).toBe(404)
  await deviceTool('forget', 'boiler')
  expect(await trestle.get('/api/devices?hidden=true')).toEqual({ devices: [], complete: true })
  await expect(deviceTool('forget', 'boiler')).rejects.toMatchObject({ code: 2 })
  // It is told of once more: that one of the id, and not what else is called so.
  await teller.publishAsync('homeassistant/sensor/boiler/water/config', document, { qos: 1 })
  expect(await hidden()).toHaveLength(1)
  await deviceTool('forget', 'boiler', '--hidden')
  expect(await hidden()).toEqual([])
}, 60_000)

it('a device that is forgotten leaves its name to no other: whoever could not speak for it cannot now', async () => {
  const added = await deviceTool('add', 'hub', '--gateway', '--json')
  const { password } = JSON.parse(added) as { password: string }
  const who = { clientId: 'hub', username: 'hub', password }
  const hub = await mqtt.connectAsync({ port: trestle.mqtt, ...who, reconnectPeriod: 0 })
  onTestFinished(() => void hub.end(true))
  await hub.publishAsync('home/kitchen/stove/state', '{"temperature":180}', { qos: 1 })
  const refused = async () => (await trestle.ledger()).dropped.forbidden ?? 0
  const speakAndBeRefused = async () => {
    const before = await refused()
    const device = await dial()
    await device.publishAsync('thermo/stove/state', '{"temperature":-1}')
    await eventually(refused, count => count > before)
  }
  await speakAndBeRefused()
  await deviceTool('forget', 'stove')
  await speakAndBeRefused()
  expect((await fetch(`${trestle.url}/api/devices/stove`)).status).toBe(404)
}, 60_000)
