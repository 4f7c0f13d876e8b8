/** Commands for a sleeping MQTT 5 client under load, while the bridge is killed again and again. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IClientOptions, MqttClient } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { connect } from './load.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const KILLS = Math.max(2, Math.round(40 * SHARE))

let dataDir: string
let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

const LASTING: IClientOptions = {
  protocolVersion: 5,
  clean: false,
  properties: { sessionExpiryInterval: 3600, receiveMaximum: 7 },
}

async function device(): Promise<{ client: MqttClient; heard: string[] }> {
  const client = connect(trestle.mqtt, { ...LASTING, clientId: 'valve', reconnectPeriod: 0 })
  const heard: string[] = []
  client.on('message', (_topic, payload, { properties }) => {
    expect(properties?.userProperties).toEqual({ from: 'sender' })
    heard.push(payload.toString())
  })
  await new Promise<void>(resolve => client.once('connect', () => resolve()))
  return { client, heard }
}

it.each([1, 2] as const)(
  'no command by QoS %i is lost, nor their order; by QoS 2 none comes twice',
  { timeout: 3_600_000 },
  async qos => {
    dataDir = newDataDir()
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const env = { TRESTLE_MQTT_PORT: String(port), TRESTLE_MQTT__SESSIONS__MAX_MESSAGES: '10000000' }
    trestle = await startTrestle({ dataDir, env })
    const awake = await device()
    await awake.client.subscribeAsync('home/valve/set', { qos: 2 })
    await awake.client.endAsync()

    const sender = connect(trestle.mqtt, { ...LASTING, clientId: 'sender', reconnectPeriod: 100 })
    const properties = { userProperties: { from: 'sender' } }
    const inFlight = new Set<Promise<void>>()
    let acked = 0
    let next = 0
    let isDone = false
    const sendNext = (): void => {
      if (isDone) return
      const sent = sender
        .publishAsync('home/valve/set', String(next++), { qos, properties })
        .then(() => void acked++)
        .finally(() => inFlight.delete(sent))
      inFlight.add(sent)
      void sent.then(sendNext)
    }
    for (let i = 0; i < 20; i++) sendNext()
    for (let kill = 0; kill < KILLS; kill++) {
      const before = acked
      await eventually(
        async () => acked,
        count => count > before + 50,
      )
      await sleep(Math.random() * 200)
      await trestle.kill()
      trestle = await startTrestle({ dataDir, env })
    }
    isDone = true
    await eventually(
      async () => inFlight.size,
      size => size === 0,
    )
    await sender.endAsync()
    const back = await device()
    await eventually(
      async () => new Set(back.heard).size,
      size => size >= next,
      60_000,
    )
    await sleep(200)
    process.stderr.write(`mqtt5 sessions, QoS ${qos}: ${JSON.stringify({ kills: KILLS, commands: next })}\n`)
    expect([...new Set(back.heard)].map(Number)).toEqual(Array.from({ length: next }, (_, i) => i))
    if (qos === 2) expect(back.heard).toHaveLength(next)
    await back.client.endAsync()
  },
)
