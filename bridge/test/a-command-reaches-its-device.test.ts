import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { connectLive, type LiveTransport } from '../live/client.ts'
import { connect } from './load.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle({ env: { TRESTLE_COMMANDS__ANSWER_TIMEOUT: '500ms' } })
  const device = connect(trestle.mqtt)
  await device.publishAsync('home/hall/lamp-1/state', '{"on":false}', { qos: 1 })
  await device.publishAsync('tele/plug/STATE', '{"POWER":"OFF"}', { qos: 1 })
  await device.publishAsync('zigbee2mqtt/desk lamp/availability', '{"state":"online"}', { qos: 1 })
  await device.publishAsync('zigbee2mqtt/desk lamp', '{"state":"ON","linkquality":100}', { qos: 1 })
  await device.endAsync()
})
afterAll(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

interface Answer {
  readonly status: number
  readonly body: { readonly result?: string; readonly code?: string; readonly answer?: unknown }
}

async function command(device: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${trestle.url}/api/devices/${encodeURIComponent(device)}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Answer['body'] }
}

it.each([
  ['lamp-1', 'home/hall/lamp-1/set', '{"on":true}'],
  ['desk lamp', 'zigbee2mqtt/desk lamp/set', '{"state":"OFF"}'],
])('a command to %s goes to %s', async (device, topic, payload) => {
  const lamp = connect(trestle.mqtt)
  await lamp.subscribeAsync(topic, { qos: 1 })
  const heard = new Promise<string>(resolve =>
    lamp.once('message', (_topic, bytes) => resolve(bytes.toString())),
  )
  expect(await command(device, { payload: JSON.parse(payload) })).toEqual({
    status: 200,
    body: expect.objectContaining({ result: 'delivered' }),
  })
  expect(await heard).toBe(payload)
  await lamp.endAsync()
})

it('the live op gives the same result, and a command under one id is carried out once', async () => {
  const lamp = connect(trestle.mqtt)
  await lamp.subscribeAsync('home/hall/lamp-1/set', { qos: 1 })
  const heard: string[] = []
  lamp.on('message', (_topic, bytes) => heard.push(bytes.toString()))
  const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`)
  const result = await new Promise(resolve => {
    socket.on('open', () =>
      socket.send(JSON.stringify({ op: 'command', id: 7, device: 'lamp-1', payload: 'ON' })),
    )
    socket.on('message', data => {
      const frame = JSON.parse(String(data)) as { op: string }
      if (frame.op === 'result' || frame.op === 'error') resolve(frame)
    })
  })
  socket.terminate()
  expect(result).toMatchObject({ op: 'result', id: 7, ok: true, result: 'delivered' })
  for (let i = 0; i < 2; i++) await command('lamp-1', { id: 'once', payload: 'OFF' })
  await lamp.endAsync()
  expect(heard).toEqual(['ON', 'OFF'])
})

it('nobody there, an unknown device, and mistakes are told apart', async () => {
  expect(await command('lamp-1', { payload: 'ON' })).toMatchObject({
    status: 200,
    body: { result: 'offline' },
  })
  expect(await command('nobody', { payload: 'ON' })).toMatchObject({
    status: 404,
    body: { code: 'unknown-device' },
  })
  expect(await command('lamp-1', { payload: 'ON', topic: 'a/#' })).toMatchObject({
    status: 400,
    body: { code: 'bad-topic' },
  })
  expect(await command('lamp-1', { payload: 'ON', topic: '$SYS/x' })).toMatchObject({
    status: 400,
    body: { code: 'bad-topic' },
  })
  expect(await command('lamp-1', { payload: 'ON', qos: 5 })).toMatchObject({
    status: 400,
    body: { code: 'bad-body' },
  })
})

it('our own publishes are not counted as received', async () => {
  const before = await trestle.ledger()
  await command('lamp-1', { payload: 'ON' })
  expect((await trestle.ledger()).received).toBe(before.received)
})

/** Answers as Tasmota does, after a report that has nothing to do with it. Returns what it was told so far. */
async function plug(): Promise<{ heard: string[]; end(): Promise<void> }> {
  const device = connect(trestle.mqtt, { clientId: 'plug' })
  const heard: string[] = []
  device.on('message', (topic, payload) => {
    if (topic !== 'cmnd/plug/POWER') return
    heard.push(payload.toString())
    device.publish('stat/plug/RESULT', '{"Dimmer":40}')
    device.publish('stat/plug/RESULT', JSON.stringify({ POWER: payload.toString() }))
  })
  await device.subscribeAsync('cmnd/plug/#', { qos: 1 })
  return { heard, end: () => device.endAsync() }
}

function powerIs(state: string) {
  const answer = {
    topic: 'stat/plug/RESULT',
    payload: JSON.stringify({ POWER: state }),
    time: expect.any(Number),
  }
  return { result: 'delivered', answer }
}

it.each<LiveTransport>(['websocket', 'events', 'poll'])(
  'the result brings what the device said to it, over %s',
  async transport => {
    const device = await plug()
    const client = connectLive({ url: `${trestle.url}/live`, transports: [transport] })
    const subscription = client.subscribe({ fields: ['nothing'], onReadings: () => undefined })
    await eventually(
      async () => client.state.kind,
      kind => kind === 'open',
    )
    const send = (state: string) =>
      client.command({ device: 'plug', topic: 'cmnd/plug/POWER', payload: state })
    expect(await send('ON')).toEqual(powerIs('ON'))
    // Several at once: each has its own.
    const both = await Promise.all([send('OFF'), client.command({ device: 'lamp-1', payload: 'ON' })])
    expect(both).toEqual([powerIs('OFF'), { result: 'offline' }])
    await expect(client.command({ device: 'nobody', payload: 1 })).rejects.toMatchObject({
      code: 'unknown-device',
    })
    subscription.close()
    client.close()
    await device.end()
  },
)

it('repeated under its id a command has the same answer, and is carried out once', async () => {
  const device = await plug()
  const again = { id: 'again', topic: 'cmnd/plug/POWER', payload: 'ON' }
  const [first, second] = [await command('plug', again), await command('plug', again)]
  expect(first).toMatchObject({ status: 200, body: powerIs('ON') })
  expect(second).toEqual(first)
  expect(device.heard).toEqual(['ON'])
  await device.end()
})

it('a device that does not answer holds the result up for no longer than the setting, and not at all if so wished', async () => {
  const lamp = connect(trestle.mqtt)
  await lamp.subscribeAsync('home/hall/lamp-1/set', { qos: 1 })
  const started = performance.now()
  expect(await command('lamp-1', { payload: 'ON', answer: false })).toMatchObject({ status: 200 })
  const { body } = await command('lamp-1', { payload: 'ON' })
  const took = performance.now() - started
  expect(body).toEqual({ id: expect.any(String), result: 'delivered' })
  expect(took).toBeGreaterThan(450)
  expect(took).toBeLessThan(5000)
  await lamp.endAsync()
})
