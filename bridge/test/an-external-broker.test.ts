import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type Mosquitto, startMosquitto } from '../../broker/mosquitto.ts'
import { connect, type Load, startLoad } from './load.ts'
import { storedReadings } from './stored-readings.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const CONNECTIONS = 5
const KILLS = 2
/** Two brokers and a bridge start, and each syncs what it has: a busy disk takes its time for that. */
const PATIENCE_MS = 60_000

let mosquitto: Mosquitto
let dataDir: string
let trestle: Trestle
beforeEach(async () => {
  mosquitto = await startMosquitto()
  dataDir = newDataDir()
})
afterEach(async () => {
  await trestle.stop()
  await mosquitto.stop()
  removeDataDir(dataDir)
})

async function start(): Promise<void> {
  trestle = await startTrestle({ dataDir, env: { MQTT_URL: `mqtt://127.0.0.1:${mosquitto.port}` } })
  await connected()
}

function figure(metrics: string, name: string): number {
  return Number(new RegExp(`^trestle_mqtt_external_${name} (\\d+)$`, 'm').exec(metrics)?.[1])
}

/** Reading, by its second connection or the like: of an earlier one it may not have noticed yet that it is gone. */
function connected(connections = 1): Promise<string> {
  return eventually(
    async () => (await fetch(`${trestle.url}/metrics`)).text(),
    metrics => figure(metrics, 'up') === 1 && figure(metrics, 'connections_total') >= connections,
    PATIENCE_MS,
  )
}

it('what an external broker acknowledged reaches the store once, across kill -9 of the bridge under load', async () => {
  await start()
  // Mosquitto knows the session from now on, and keeps what it acknowledges while the bridge is away.
  const loads: Load[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const load = startLoad({
      port: mosquitto.port,
      connections: CONNECTIONS,
      readings: 100_000,
      window: 20,
      startSeq: kill * 100_000,
    })
    loads.push(load)
    await sleep(300 + kill * 200)
    await trestle.kill()
    await load.stop()
    await start()
  }
  const acked = new Set(loads.flatMap(load => [...load.acked]))
  const sent = new Set(loads.flatMap(load => [...load.sent]))
  const isComplete = (stored: Map<string, number>) => [...acked].every(key => stored.has(key))
  const stored = await eventually(() => storedReadings(trestle, CONNECTIONS), isComplete, PATIENCE_MS)
  expect(acked.size).toBeGreaterThan(1000)
  expect([...stored].filter(([key, times]) => times !== 1 || !sent.has(key))).toEqual([])
  // What was stored and not acknowledged in time came again, marked as such, and was recognised.
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ waiting }) => waiting === 0,
  )
  expect(ledger).toMatchObject({ stored: stored.size, balanced: true })
  expect(await trestle.stop()).toBe(0)
}, 120_000)

it('the broker is restarted, and the bridge goes on where it was', async () => {
  await start()
  const client = connect(mosquitto.port)
  await client.publishAsync('home/hall/thermo-1/state', '{"temperature":20}', { qos: 1 })
  await mosquitto.restart()
  await connected(2)
  await client.publishAsync('home/hall/thermo-1/state', '{"temperature":21}', { qos: 1 })
  await client.endAsync()
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ stored, waiting }) => stored >= 2 && waiting === 0,
    PATIENCE_MS,
  )
  expect(ledger).toMatchObject({ stored: 2, balanced: true })
}, 120_000)

it('a kept message with a time of its own is stored; without, it is only the last known', async () => {
  const time = Date.now() - 3_600_000
  const client = connect(mosquitto.port)
  const keep = (topic: string, payload: object) =>
    client.publishAsync(topic, JSON.stringify(payload), { qos: 1, retain: true })
  await keep('home/hall/dated/state', { temperature: 18.5, ts: time })
  await keep('home/hall/undated/state', { temperature: 19.5 })
  await start()
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ received, waiting }) => received === 2 && waiting === 0,
  )
  expect(ledger).toMatchObject({ stored: 1, ignored: { retained: 1 }, balanced: true })
  const points = await trestle.get<{ points: unknown[] }>(
    `/api/history?device=dated&field=temperature&points=raw&from=${time - 1000}`,
  )
  expect(points.points).toEqual([{ time, value: 18.5 }])
  const undated = (await trestle.devices()).find(({ id }) => id === 'undated')
  expect(undated?.fields.temperature).toMatchObject({ value: 19.5 })
  const { status } = await fetch(`${trestle.url}/api/history?device=undated&field=temperature&points=raw`)
  expect([200, 404]).toContain(status)

  // A reading is newer than any of them, whatever its clock says.
  await client.publishAsync('home/hall/undated/state', JSON.stringify({ temperature: 20.5, ts: time }), {
    qos: 1,
  })
  await eventually(
    async () => (await trestle.devices()).find(({ id }) => id === 'undated')?.fields.temperature?.value,
    value => value === 20.5,
  )
  await client.endAsync()
}, 120_000)

it('there is no broker of ours beside it: no port, no MQTT over WebSocket; commands go to the other', async () => {
  await start()
  expect(trestle.mqtt).toBe(null)
  const refused = new WebSocket(`ws://127.0.0.1:${trestle.http}/mqtt`, 'mqtt')
  const [error] = await new Promise<[Error]>(resolve => refused.once('error', error => resolve([error])))
  expect(error.message).toContain('404')

  const device = connect(mosquitto.port)
  const heard: string[] = []
  device.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  await device.subscribeAsync('home/hall/lamp/set', { qos: 1 })
  await device.publishAsync('home/hall/lamp/state', '{"brightness":10}', { qos: 1 })
  await eventually(
    () => trestle.devices(),
    devices => devices.some(({ id }) => id === 'lamp'),
  )
  const answer = await fetch(`${trestle.url}/api/devices/lamp/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ topic: 'home/hall/lamp/set', payload: 'ON', qos: 1 }),
  })
  expect(await answer.json()).toMatchObject({ result: 'delivered' })
  await eventually(
    async () => heard,
    ({ length }) => length === 1,
  )
  await sleep(200)
  expect((await trestle.ledger()).received).toBe(1)
  await device.endAsync()
}, 120_000)
