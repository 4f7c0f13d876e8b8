import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { connect } from './load.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let dataDir: string
let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  dataDir = newDataDir()
  trestle = await startTrestle({ dataDir, env })
}

/** Resolves once connected. */
function connect5(options: IClientOptions = {}): Promise<MqttClient> {
  return mqtt.connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  })
}

async function command(device: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await fetch(`${trestle.url}/api/devices/${device}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return (await response.json()) as Record<string, unknown>
}

function packetOf(client: MqttClient): Promise<IPublishPacket> {
  return new Promise(resolve => client.once('message', (_topic, _payload, packet) => resolve(packet)))
}

it('a reading by MQTT 5 is stored, shown and accounted for like any other', async () => {
  await start()
  const device = await connect5({ clientId: 'thermo' })
  for (const qos of [1, 2] as const) {
    await device.publishAsync('home/kitchen/thermo/state', JSON.stringify({ temperature: 20 + qos }), {
      qos,
      properties: { contentType: 'application/json', userProperties: { a: 'b' } },
    })
  }
  const refused = await device
    .publishAsync('$SYS/x', 'x', { qos: 1 })
    .catch((error: Error & { code: number }) => error.code)
  expect(refused).toBe(0x87)
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ stored }) => stored === 2,
  )
  expect(ledger).toMatchObject({ received: 3, dropped: { forbidden: 1 }, balanced: true })
  const [seen] = await trestle.devices()
  expect(seen).toMatchObject({ id: 'thermo', fields: { temperature: { value: 22 } } })
  await device.endAsync()
})

it('a command is a request, and its result brings the answer; the answer is no reading', async () => {
  await start()
  const device = await connect5({ clientId: 'pump' })
  await device.publishAsync('plant/pump/state', '{"speed":1}', { qos: 1 })
  await device.subscribeAsync('plant/pump/set', { qos: 1 })
  device.on('message', (_topic, payload, { properties = {} }) => {
    const { responseTopic = '', correlationData } = properties
    const reply = (text: string, data: Buffer | undefined) =>
      device.publish(responseTopic, text, {
        qos: 1,
        ...(data === undefined ? {} : { properties: { correlationData: data } }),
      })
    // Not to be taken for the answer.
    reply('{"speed":7}', Buffer.from('trestle:somebody els'))
    reply(`{"done":${payload}}`, correlationData)
  })
  const result = await command('pump', { topic: 'plant/pump/set', payload: '3' })
  expect(result).toMatchObject({
    result: 'delivered',
    answer: { topic: 'plant/pump/set/answer', payload: '{"done":3}' },
  })
  const ledger = await eventually(
    () => trestle.ledger(),
    ({ stored }) => stored === 1,
  )
  expect(ledger).toMatchObject({ ignored: { answer: 2 }, balanced: true })
  await device.endAsync()
})

it('an older client beside it gets the command as ever', async () => {
  await start({ TRESTLE_COMMANDS__ANSWER_TIMEOUT: '300ms' })
  const older = connect(trestle.mqtt, { clientId: 'lamp' })
  await older.publishAsync('home/lamp/state', '{"on":false}', { qos: 1 })
  await older.subscribeAsync('home/lamp/set', { qos: 1 })
  const heard = packetOf(older)
  expect(await command('lamp', { payload: { on: true } })).toMatchObject({ result: 'delivered' })
  expect((await heard).payload.toString()).toBe('{"on":true}')
  await older.endAsync()
})

it('a command that has become stale does not reach a device that wakes, whichever version it speaks', async () => {
  await start({ TRESTLE_COMMANDS__EXPIRY: '1s', TRESTLE_COMMANDS__ANSWER_TIMEOUT: '0s' })
  const lasting = { clientId: 'newer', clean: false, properties: { sessionExpiryInterval: 600 } }
  const newer = await connect5(lasting)
  const older = connect(trestle.mqtt, { clientId: 'older', clean: false, reconnectPeriod: 0 })
  await older.publishAsync('home/valve/state', '{"open":false}', { qos: 1 })
  for (const client of [newer, older]) {
    await client.subscribeAsync('home/valve/set', { qos: 1 })
    await client.endAsync()
  }
  expect(await command('valve', { payload: 'stale' })).toMatchObject({ result: 'offline' })
  // Killed: the expiry is on the disk, too.
  await trestle.kill()
  const env = { TRESTLE_COMMANDS__EXPIRY: '60s', TRESTLE_COMMANDS__ANSWER_TIMEOUT: '0s' }
  trestle = await startTrestle({ dataDir, env })
  expect(await command('valve', { payload: 'fresh' })).toMatchObject({ result: 'offline' })
  await sleep(1100)
  for (const options of [lasting, { clientId: 'older', clean: false, protocolVersion: 4 as const }]) {
    const client = mqtt.connect(`mqtt://127.0.0.1:${trestle.mqtt}`, {
      protocolVersion: 5,
      reconnectPeriod: 0,
      ...options,
    })
    const heard: string[] = []
    client.on('message', (_topic, payload) => heard.push(payload.toString()))
    await new Promise<void>(resolve => client.once('connect', () => resolve()))
    await eventually(
      async () => heard.length,
      length => length > 0,
    )
    expect(heard).toEqual(['fresh'])
    await client.endAsync()
  }
})

it('what was acknowledged survives kill -9: session, queue, properties, retained message, QoS 2', async () => {
  await start()
  const lasting = { clientId: 'valve', clean: false, properties: { sessionExpiryInterval: 600 } }
  const valve = await connect5(lasting)
  await valve.subscribeAsync('cmd/#', { qos: 2, properties: { subscriptionIdentifier: 7 } })
  await valve.endAsync()
  const sender = await connect5()
  const properties = { contentType: 'text/plain', userProperties: { by: 'hand' } }
  for (let i = 0; i < 5; i++)
    await sender.publishAsync('cmd/valve', String(i), { qos: i % 2 === 0 ? 1 : 2, properties })
  await sender.publishAsync('kept', 'state', { qos: 1, retain: true, properties })
  await trestle.kill()
  trestle = await startTrestle({ dataDir })
  const again = mqtt.connect(`mqtt://127.0.0.1:${trestle.mqtt}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...lasting,
  })
  const packets: IPublishPacket[] = []
  again.on('message', (_topic, _payload, packet) => packets.push(packet))
  const { sessionPresent } = await new Promise<{ sessionPresent: boolean }>(resolve =>
    again.once('connect', resolve),
  )
  expect(sessionPresent).toBe(true)
  await again.subscribeAsync('kept', { qos: 1 })
  await eventually(
    async () => packets.length,
    length => length >= 6,
  )
  // MQTT.js hands over a QoS 2 message when it is released, so those may come behind others.
  const heard = packets.map(({ payload }) => payload.toString())
  expect(heard.toSorted()).toEqual(['0', '1', '2', '3', '4', 'state'])
  for (const qos of [0, 1])
    expect(heard.filter(text => Number(text) % 2 === qos)).toEqual(qos === 0 ? ['0', '2', '4'] : ['1', '3'])
  for (const packet of packets) {
    expect(packet.properties).toMatchObject(properties)
    expect(packet.retain).toBe(packet.topic === 'kept')
    if (packet.topic !== 'kept') expect(packet.properties?.subscriptionIdentifier).toBe(7)
  }
  await again.endAsync()
})
