/** Who may speak of a device is known from the start on: also before the store has told where it was heard. */

import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { type Influxd, startInfluxd } from './influxd.ts'
import { tool } from './tool.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const dataDir = newDataDir()
let influxd: Influxd
let trestle: Trestle
let password: string
let dials = 0

beforeAll(async () => {
  influxd = await startInfluxd()
  trestle = await start()
}, 60_000)
afterAll(async () => {
  // Also when one of them did not start.
  await trestle?.stop()
  await influxd?.stop()
  removeDataDir(dataDir)
})

const start = () => startTrestle({ dataDir, env: { INFLUX_URL: influxd.url } })

async function addDevice(id: string): Promise<string> {
  return (JSON.parse(await tool(dataDir, ['device', 'add', id, '--json'])) as { password: string }).password
}

async function dial(options: mqtt.IClientOptions = {}): Promise<MqttClient> {
  const client = await mqtt.connectAsync({ port: trestle.mqtt, reconnectPeriod: 0, ...options })
  onTestFinished(() => void client.end(true))
  return client
}

const dialThermo = () => dial({ clientId: `thermo-${++dials}`, username: 'thermo', password })

/** Fails when it is acknowledged. */
async function isRefused(topic: string, payload: string): Promise<void> {
  const forbidden = async () => (await trestle.ledger()).dropped.forbidden ?? 0
  const before = await forbidden()
  const thermo = await dialThermo()
  const closed = new Promise(resolve => thermo.once('close', () => resolve('closed')))
  const acknowledged = new Promise(resolve =>
    thermo.publish(topic, payload, { qos: 1 }, () => resolve('acknowledged')),
  )
  expect(await Promise.race([closed, acknowledged])).toBe('closed')
  expect(await forbidden()).toBe(before + 1)
}

it('a device speaks for no other that was stored before, whether the store is away or back', async () => {
  const anybody = await dial()
  await anybody.publishAsync('home/kitchen/stove/state', '{"temperature":180}', { qos: 1 })
  await eventually(trestle.ledger, ({ stored }) => stored === 1)
  password = await addDevice('thermo')
  await trestle.kill()
  await influxd.halt()
  trestle = await start()
  expect(await trestle.get('/api/devices')).toEqual({ devices: [], complete: false })
  await isRefused('thermo/stove/state', '{"temperature":-1}')
  // What is new is taken from it, as ever.
  const thermo = await dialThermo()
  await thermo.publishAsync('thermo/fridge/state', '{"temperature":21.5}', { qos: 1 })
  await influxd.restart()
  await eventually(
    () => trestle.get<{ complete: boolean }>('/api/devices'),
    ({ complete }) => complete,
    30_000,
  )
  await isRefused('thermo/stove/state', '{"temperature":-1}')
  await eventually(trestle.ledger, ({ stored }) => stored === 2)
  const history = (device: string) =>
    trestle.get(`/api/history?device=${device}&field=temperature&points=raw`)
  expect(await history('stove')).toMatchObject({ points: [{ value: 180 }] })
  expect(await history('fridge')).toMatchObject({ points: [{ value: 21.5 }] })
}, 60_000)
