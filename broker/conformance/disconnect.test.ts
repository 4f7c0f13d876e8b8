import { expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { DISCONNECT, packet, publish, TYPE } from './packets.ts'

const mqtt = suite()

it('the broker closes on DISCONNECT, should the client not [MQTT-3.14.4-1]', async () => {
  const wire = await mqtt.connected()
  wire.send(DISCONNECT)
  expect(await wire.closed()).toEqual([])
})

it('nothing after DISCONNECT counts [MQTT-3.14.4-2]', async () => {
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(topic)
  const wire = await mqtt.connected()
  wire.send(publish({ topic, payload: 'before' }), DISCONNECT, publish({ topic, payload: 'after' }))
  await wire.closed()
  await watcher.publish({ topic, payload: 'end' })
  const heard = await watcher.receive(2)
  expect(heard.map(({ payload }) => payload)).toEqual(['before', 'end'])
})

it('DISCONNECT with reserved flags closes, and the will is published: that was no goodbye [MQTT-3.14.1-1]', async () => {
  for (const flags of [1, 2, 4, 8]) {
    const topic = mqtt.name()
    const watcher = await mqtt.connected()
    await watcher.subscribe(topic)
    const wire = await mqtt.connected({ will: { topic, payload: 'malformed' } })
    wire.send(packet(TYPE.disconnect, flags))
    await wire.closed()
    expect((await watcher.receive(1))[0]?.payload).toBe('malformed')
  }
})

it('DISCONNECT with a body closes, and the will is published [MQTT-4.8.0-1]', async () => {
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(topic)
  const wire = await mqtt.connected({ will: { topic, payload: 'malformed' } })
  wire.send(packet(TYPE.disconnect, 0, Buffer.from([0])))
  await wire.closed()
  expect((await watcher.receive(1))[0]?.payload).toBe('malformed')
})

it.each([
  ['five bytes', [0x30, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ['five bytes of nothing', [0x30, 0x80, 0x80, 0x80, 0x80, 0x00]],
])('a remaining length of %s closes [MQTT-4.8.0-1]', async (_name, bytes) => {
  const wire = await mqtt.connected()
  wire.send(Buffer.from(bytes))
  expect(await wire.closed()).toEqual([])
})
