import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { MqttClient } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { connectRaw } from '../../broker/raw-client.ts'
import { freePort } from './free-port.ts'
import { connect } from './load.ts'
import { sendThroughKills } from './send-through-kills.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const run = promisify(execFile)

let dataDir: string
let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

/** Killed at once after the last word, and started again. */
async function killAndRestart(env: Readonly<Record<string, string>> = {}): Promise<void> {
  await trestle.kill()
  trestle = await startTrestle({ dataDir, env })
}

async function start(): Promise<void> {
  dataDir = newDataDir()
  trestle = await startTrestle({ dataDir })
}

/** A device with a session: `heard` is filled in the order of arrival. */
async function device(): Promise<{ client: MqttClient; heard: string[] }> {
  const client = connect(trestle.mqtt, { clientId: 'valve', clean: false, reconnectPeriod: 0 })
  const heard: string[] = []
  client.on('message', (_topic, payload) => heard.push(payload.toString()))
  await new Promise<void>(resolve => client.once('connect', () => resolve()))
  return { client, heard }
}

it.each([1, 2])(
  'a command by QoS %i waits for a sleeping device across kill -9, and comes once',
  async qos => {
    await start()
    const awake = await device()
    await awake.client.subscribeAsync('home/valve/set', { qos: 2 })
    await awake.client.endAsync()
    const said = Array.from({ length: 2 }, (_, i) => `OPEN ${i}`)
    for (const command of said) {
      const options = ['-p', String(trestle.mqtt), '-q', String(qos), '-t', 'home/valve/set', '-m', command]
      await run('mosquitto_pub', options)
      await killAndRestart()
    }
    const again = await device()
    await eventually(
      async () => again.heard.length,
      length => length >= said.length,
    )
    await sleep(200)
    expect(again.heard).toEqual(said)
    await again.client.endAsync()

    await killAndRestart()
    const third = await device()
    await sleep(200)
    expect(third.heard).toEqual([])
    await third.client.endAsync()
  },
  60_000,
)

it.each([1, 2] as const)(
  'no command by QoS %i is lost under load across kills, nor their order; by QoS 2 none comes twice',
  async qos => {
    dataDir = newDataDir()
    const env = {
      TRESTLE_MQTT_PORT: String(await freePort()),
      TRESTLE_MQTT__SESSIONS__MAX_MESSAGES: '1000000',
    }
    trestle = await startTrestle({ dataDir, env })
    const awake = await device()
    await awake.client.subscribeAsync('home/valve/set', { qos: 2 })
    await awake.client.endAsync()

    const sender = connect(trestle.mqtt, { clientId: 'sender', clean: false, reconnectPeriod: 100 })
    const sent = await sendThroughKills({
      kills: 2,
      send: command => sender.publishAsync('home/valve/set', command, { qos }),
      killAndRestart: () => killAndRestart(env),
    })
    await sender.endAsync()
    const back = await device()
    await eventually(
      async () => new Set(back.heard).size,
      size => size >= sent,
    )
    await sleep(200)
    const firsts = [...new Set(back.heard)].map(Number)
    expect(firsts).toEqual(Array.from({ length: sent }, (_, i) => i))
    if (qos === 2) expect(back.heard).toHaveLength(sent)
    await back.client.endAsync()
  },
  60_000,
)

it('a retained message that was acknowledged is there after kill -9', async () => {
  await start()
  const options = ['-p', String(trestle.mqtt), '-q', '1', '-r', '-t', 'home/valve/config', '-m', 'v1']
  await run('mosquitto_pub', options)
  await killAndRestart()
  const { stdout } = await run('mosquitto_sub', [
    ...['-p', String(trestle.mqtt), '-t', 'home/valve/#', '-C', '1', '-W', '5', '-F', '%r %p'],
  ])
  expect(stdout.trim()).toBe('1 v1')
}, 30_000)

it('a QoS 2 message cut off by kill -9 is stored once and delivered once, when it is sent again', async () => {
  await start()
  const awake = await device()
  await awake.client.subscribeAsync('home/valve/state', { qos: 2 })
  await awake.client.endAsync()
  const publish = {
    cmd: 'publish',
    topic: 'home/valve/state',
    payload: '{"opening":40}',
    qos: 2,
    retain: false,
    dup: false,
    messageId: 11,
  } as const
  const sender = await connectRaw(trestle.mqtt, { clientId: 'sender', clean: false })
  sender.send(publish)
  await sender.next('pubrec')
  await killAndRestart()
  const again = await connectRaw(trestle.mqtt, { clientId: 'sender', clean: false })
  again.send({ ...publish, dup: true })
  await again.next('pubrec')
  again.send({ cmd: 'pubrel', messageId: 11 })
  await again.next('pubcomp')
  again.destroy()
  const back = await device()
  await eventually(
    async () => back.heard.length,
    length => length > 0,
  )
  await sleep(200)
  expect(back.heard).toEqual(['{"opening":40}'])
  await back.client.endAsync()
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ waiting }) => waiting === 0,
  )
  expect(ledger).toMatchObject({ stored: 1, ignored: { duplicate: 1 }, balanced: true })
}, 30_000)

it('the will of a device that was connected at kill -9 is kept, and withdrawn when it comes back', async () => {
  await start()
  const options = { clientId: 'lamp', reconnectPeriod: 0 }
  const will = { topic: 'home/lamp/status', payload: Buffer.from('offline'), qos: 1 as const, retain: true }
  connect(trestle.mqtt, { ...options, will })
  await eventually(
    async () => (await (await fetch(`${trestle.url}/metrics`)).text()).includes('trestle_mqtt_clients 1'),
    isConnected => isConnected,
  )
  await sleep(100)
  await killAndRestart()
  const watcher = connect(trestle.mqtt)
  const heard: string[] = []
  watcher.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
  await watcher.subscribeAsync('home/#', { qos: 1 })
  const back = connect(trestle.mqtt, { ...options, will })
  await new Promise<void>(resolve => back.once('connect', () => resolve()))
  back.stream.destroy()
  await eventually(
    async () => heard.length,
    length => length > 0,
  )
  expect(heard).toEqual(['home/lamp/status offline'])
  await watcher.endAsync()
}, 30_000)
