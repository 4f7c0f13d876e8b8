import { connectAsync } from 'mqtt'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import type { DeviceView } from '../catalog/device.ts'
import { connectLive } from '../live/client.ts'
import type { LiveReading } from '../live/protocol.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle | null = null
let dataDir: string
beforeEach(() => {
  dataDir = newDataDir()
})
afterEach(async () => {
  await trestle?.stop()
  removeDataDir(dataDir)
})

const devices = (...names: [address: string, name: string][]) =>
  JSON.stringify(
    names.map(([ieee_address, friendly_name]) => ({ ieee_address, friendly_name, type: 'Router' })),
  )

/** What the history of a name holds, once everything is stored. */
async function historyOf(name: string): Promise<{ device: string; values: number[] }> {
  await eventually(
    () => trestle!.ledger(),
    ({ waiting }) => waiting === 0,
  )
  const { device, points } = await trestle!.get<{ device: string; points: { value: number }[] }>(
    `/api/history?device=${name}&field=n&points=raw`,
  )
  return { device, values: points.map(({ value }) => value) }
}

it('a renamed device goes on where it was, under either name, over a restart and a swap', async () => {
  trestle = await startTrestle({ dataDir })
  let client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  const say = (topic: string, payload: string) =>
    client.publishAsync(`zigbee2mqtt/${topic}`, payload, { qos: 1 })
  await say('bridge/devices', devices(['0xa1', '0xa1'], ['0xb2', 'desk']))
  await say('0xa1', '{"n":1}')
  await say('desk', '{"n":100}')
  await say('bridge/devices', devices(['0xa1', 'lamp'], ['0xb2', 'desk']))
  await say('lamp', '{"n":2}')
  expect(await historyOf('lamp')).toEqual({ device: '0xa1', values: [1, 2] })
  expect(await historyOf('0xa1')).toEqual({ device: '0xa1', values: [1, 2] })
  await client.endAsync()
  await trestle.stop()

  trestle = await startTrestle({ dataDir })
  client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  await say('lamp', '{"n":3}')
  await say('bridge/devices', devices(['0xa1', 'desk'], ['0xb2', 'lamp']))
  await say('lamp', '{"n":101}')
  await say('desk', '{"n":4}')
  await client.endAsync()
  expect(await historyOf('0xa1')).toEqual({ device: '0xa1', values: [1, 2, 3, 4] })
  expect(await historyOf('desk')).toEqual({ device: 'desk', values: [100, 101] })
  const named = (await trestle.devices()).map(({ id, name, topics }) => [id, name, topics])
  expect(new Map(named.map(([id, ...rest]) => [id, rest]))).toEqual(
    new Map([
      ['0xa1', ['desk', ['zigbee2mqtt/desk']]],
      ['desk', ['lamp', ['zigbee2mqtt/lamp']]],
    ]),
  )
  expect(await trestle.get<DeviceView>('/api/devices/lamp')).toMatchObject({ id: 'desk', name: 'lamp' })
  expect(await trestle.ledger()).toMatchObject({ received: 9, balanced: true })
})

it('live filters go by the name of now, as by the id; also when the device is forgotten', async () => {
  trestle = await startTrestle({ dataDir })
  const client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  const say = (topic: string, payload: string) =>
    client.publishAsync(`zigbee2mqtt/${topic}`, payload, { qos: 1 })
  await say('bridge/devices', devices(['0xa1', '0xa1'], ['0xb2', 'desk']))
  await say('0xa1', '{"n":1}')
  const live = connectLive({ url: `${trestle.url}/live` })
  onTestFinished(() => live.close())
  const told: LiveReading[] = []
  await live.subscribe({ devices: ['lam?'], onReadings: readings => told.push(...readings) }).ready
  await say('bridge/devices', devices(['0xa1', 'lamp'], ['0xb2', 'desk']))
  await say('desk', '{"n":100}')
  await say('lamp', '{"n":2}')
  await eventually(
    async () => told.length,
    count => count > 0,
  )
  await fetch(`${trestle.url}/api/devices/0xa1`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  })
  await eventually(
    async () => told.length,
    count => count > 1,
  )
  expect(told).toMatchObject([
    { device: '0xa1', values: { n: 2 } },
    { device: '0xa1', tags: { availableBy: 'forgotten' } },
  ])
  await client.endAsync()
})
