import { once } from 'node:events'
import { connectAsync } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { LiveReading } from '../live/protocol.ts'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

it('a device that is silent for longer than it declared is not available, and live clients hear of it', async () => {
  trestle = await startTrestle()
  const device = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  const publish = (topic: string, payload: object) =>
    device.publishAsync(topic, JSON.stringify(payload), { qos: 1 })
  const live = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`)
  await once(live, 'open')
  const heard: LiveReading[] = []
  const untilSaid = (available: boolean) =>
    new Promise<LiveReading>(resolve => {
      live.on('message', data => {
        heard.push(...((JSON.parse(String(data)) as { readings?: LiveReading[] }).readings ?? []))
        const said = heard.findLast(reading => 'available' in reading.values)
        if (said?.values.available === available) resolve(said)
      })
    })
  live.send(JSON.stringify({ op: 'subscribe', id: 1, devices: ['well'] }))
  await publish('homeassistant/sensor/well/level/config', {
    state_topic: 'garden/well/level',
    unique_id: 'well_level',
    name: 'Level',
    unit_of_measurement: 'm',
    expire_after: 1,
    device: { name: 'The well' },
  })
  await device.publishAsync('garden/well/level', '2.4', { qos: 1 })
  const [seen] = await trestle.devices()
  expect(seen).toMatchObject({ id: 'well', name: 'The well', available: true, availableBy: 'silence' })

  const gone = await untilSaid(false)
  expect(gone).toMatchObject({ device: 'well', topic: '', tags: { availableBy: 'silence' } })
  expect(await trestle.get('/api/devices/well')).toMatchObject({ available: false, expectedIntervalS: 1 })
  const isBack = untilSaid(true)
  await device.publishAsync('garden/well/level', '2.5', { qos: 1 })
  await isBack
  // It is not stored: the device did not say it.
  expect((await fetch(`${trestle.url}/api/history?device=well&field=available`)).status).toBe(404)
  expect(await trestle.ledger()).toMatchObject({ received: 3, balanced: true })
  live.close()
  await device.endAsync()
})
