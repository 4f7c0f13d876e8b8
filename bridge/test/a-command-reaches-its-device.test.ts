import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { connect } from './load.ts'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle()
  const device = connect(trestle.mqtt)
  await device.publishAsync('home/hall/lamp-1/state', '{"on":false}', { qos: 1 })
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
  readonly body: { readonly result?: string; readonly code?: string }
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
