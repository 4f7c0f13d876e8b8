import { expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { acknowledge, packet, TYPE, text, uint16, unsubscribe } from './packets.ts'

const mqtt = suite()

it.each([0, 1, 3, 6, 10, 15])('UNSUBSCRIBE with flags %i closes [MQTT-3.10.1-1]', async flags => {
  const wire = await mqtt.connected()
  wire.send(packet(TYPE.unsubscribe, flags, uint16(1), text('a')))
  expect(await wire.closed()).toEqual([])
})

it('without a filter, or with identifier 0, closes [MQTT-3.10.3-2] [MQTT-2.3.1-1]', async () => {
  for (const bytes of [unsubscribe(1, []), unsubscribe(0, ['a']), unsubscribe(1, [''])]) {
    const wire = await mqtt.connected()
    wire.send(bytes)
    expect(await wire.closed()).toEqual([])
  }
})

it('filters are packed one after the other: a rest of one closes [MQTT-3.10.3-1]', async () => {
  const wire = await mqtt.connected()
  wire.send(packet(TYPE.unsubscribe, 2, uint16(1), text('a'), Buffer.from([0])))
  expect(await wire.closed()).toEqual([])
})

it('is answered with its identifier, whether there was a subscription or not, one answer for all filters [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] [MQTT-2.3.1-7]', async () => {
  for (const clean of [true, false]) {
    const [a, b, c] = [mqtt.name(), mqtt.name(), mqtt.name()]
    const wire = await mqtt.connected({ clientId: mqtt.name(), clean })
    for (const topic of [a, b, c]) await wire.subscribe(topic, 1)
    wire.send(unsubscribe(17, ['never', a, b, a]))
    expect(await wire.next('unsuback')).toEqual({ kind: 'unsuback', id: 17 })
    wire.send(unsubscribe(18, ['never']))
    expect(await wire.next('unsuback')).toEqual({ kind: 'unsuback', id: 18 })
    for (const topic of [a, b, c]) await wire.publish({ topic, qos: 1 })
    expect((await wire.receive(1))[0]?.topic).toBe(c)
    await wire.ping()
    expect(wire.unread).toEqual([])
  }
})

it('takes back only the filter that is the same, character by character [MQTT-3.10.4-1]', async () => {
  const topic = mqtt.name()
  const wire = await mqtt.connected()
  await wire.subscribe(`${topic}/a`, 1)
  wire.send(unsubscribe(1, [`${topic}/+`, `${topic}/#`, '#', `${topic}/A`, `${topic}/a/`, `${topic}/a/#`]))
  await wire.next('unsuback')
  await wire.publish({ topic: `${topic}/a`, payload: 'still', qos: 1 })
  expect((await wire.receive(1))[0]?.payload).toBe('still')
  await wire.subscribe(`${topic}/#`, 1)
  wire.send(unsubscribe(2, [`${topic}/#`]))
  await wire.next('unsuback')
  await wire.publish({ topic: `${topic}/a`, payload: 'once', qos: 1 })
  expect((await wire.receive(1))[0]?.payload).toBe('once')
  await wire.ping()
  expect(wire.unread).toEqual([])
})

it('ends new messages, also for a session that is away [MQTT-3.10.4-2]', async () => {
  const [clientId, topic] = [mqtt.name(), mqtt.name()]
  const wire = await mqtt.connected({ clientId, clean: false })
  await wire.subscribe(topic, 1)
  await wire.subscribe(`${topic}/end`, 1)
  wire.send(unsubscribe(1, [topic]))
  await wire.next('unsuback')
  const publisher = await mqtt.connected()
  await publisher.publish({ topic, payload: 'unwanted', qos: 1 })
  await wire.drop()
  await publisher.publish({ topic, payload: 'unwanted', qos: 1 })
  await publisher.publish({ topic: `${topic}/end`, qos: 1 })
  const again = await mqtt.connected({ clientId, clean: false })
  expect((await again.receive(1))[0]?.topic).toBe(`${topic}/end`)
})

it('what was on its way goes on to its end [MQTT-3.10.4-3]', async () => {
  const [clientId, topic] = [mqtt.name(), mqtt.name()]
  const wire = await mqtt.connected({ clientId, clean: false })
  await wire.subscribe(topic, 2)
  await wire.subscribe(`${topic}/other`, 2)
  const publisher = await mqtt.connected()
  await publisher.publish({ topic, payload: '1', qos: 1 })
  await publisher.publish({ topic, payload: '2', qos: 2 })
  const [one, two] = [await wire.find('publish'), await wire.find('publish')]
  wire.send(acknowledge('pubrec', two.id))
  await wire.find('pubrel')
  wire.send(unsubscribe(1, [topic]))
  await wire.find('unsuback')
  await wire.drop()
  const again = await mqtt.connected({ clientId, clean: false })
  expect(await again.find('publish')).toEqual({ ...one, dup: true })
  expect(await again.find('pubrel')).toEqual({ kind: 'pubrel', id: two.id })
})
