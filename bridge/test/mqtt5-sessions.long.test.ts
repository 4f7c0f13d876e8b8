/** Commands for a sleeping MQTT 5 client under load, while the bridge is killed again and again. */

import { setTimeout as sleep } from 'node:timers/promises'
import type { IClientOptions, MqttClient } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { LONG_MS, times } from './faults/long-run.ts'
import { freePort } from './free-port.ts'
import { connect } from './load.ts'
import { sendThroughKills } from './send-through-kills.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const KILLS = Math.max(2, times(40))

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
  { timeout: LONG_MS },
  async qos => {
    dataDir = newDataDir()
    const env = {
      TRESTLE_MQTT_PORT: String(await freePort()),
      TRESTLE_MQTT__SESSIONS__MAX_MESSAGES: '10000000',
    }
    trestle = await startTrestle({ dataDir, env })
    const awake = await device()
    await awake.client.subscribeAsync('home/valve/set', { qos: 2 })
    await awake.client.endAsync()

    const sender = connect(trestle.mqtt, { ...LASTING, clientId: 'sender', reconnectPeriod: 100 })
    const properties = { userProperties: { from: 'sender' } }
    const sent = await sendThroughKills({
      kills: KILLS,
      send: command => sender.publishAsync('home/valve/set', command, { qos, properties }),
      async killAndRestart() {
        await trestle.kill()
        trestle = await startTrestle({ dataDir, env })
      },
    })
    await sender.endAsync()
    const back = await device()
    await eventually(
      async () => new Set(back.heard).size,
      size => size >= sent,
      60_000,
    )
    await sleep(200)
    process.stderr.write(`mqtt5 sessions, QoS ${qos}: ${JSON.stringify({ kills: KILLS, commands: sent })}\n`)
    expect([...new Set(back.heard)].map(Number)).toEqual(Array.from({ length: sent }, (_, i) => i))
    if (qos === 2) expect(back.heard).toHaveLength(sent)
    await back.client.endAsync()
  },
)
