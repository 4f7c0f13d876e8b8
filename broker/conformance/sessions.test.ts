import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { acknowledge, DISCONNECT, publish, subscribe } from './packets.ts'

describe.each([
  { name: 'a persistence that answers at once', isLate: false },
  { name: 'a persistence that takes 1-20 ms', isLate: true },
])('with $name', ({ isLate }) => {
  const mqtt = suite({ isLate })

  /** A session that subscribed, and whose client is away. */
  async function sleeping(filter: string, qos: number): Promise<string> {
    const clientId = mqtt.name()
    const wire = await mqtt.connected({ clientId, clean: false })
    await wire.subscribe(filter, qos)
    wire.send(DISCONNECT)
    await wire.closed()
    return clientId
  }

  it('a session goes on where it was, subscriptions and all [MQTT-3.1.2-4] [MQTT-4.1.0-1]', async () => {
    const topic = mqtt.name()
    const clientId = await sleeping(topic, 1)
    const { wire, sessionPresent } = await mqtt.greeted({ clientId, clean: false })
    expect(sessionPresent).toBe(true)
    await wire.publish({ topic, payload: 'no new subscription', qos: 1 })
    expect((await wire.receive(1))[0]?.payload).toBe('no new subscription')
  })

  it('what matches while the client is away is kept: QoS 1 and 2, in order [MQTT-3.1.2-5] [MQTT-4.5.0-1] [MQTT-4.6.0-6]', async () => {
    const topic = mqtt.name()
    const clientId = await sleeping(`${topic}/#`, 2)
    const publisher = await mqtt.connected()
    for (let i = 0; i < 10; i++)
      await publisher.publish({ topic: `${topic}/a`, payload: `${i}`, qos: 1 + (i % 2) })
    const wire = await mqtt.connected({ clientId, clean: false })
    const messages = await wire.receive(10)
    expect(messages.map(({ payload, qos, dup, retain }) => ({ payload, qos, dup, retain }))).toEqual(
      Array.from({ length: 10 }, (_, i) => ({
        payload: `${i}`,
        qos: 1 + (i % 2),
        dup: false,
        retain: false,
      })),
    )
  })

  it('what a client is sent while it is connected is in its session until it is acknowledged [MQTT-4.5.0-1] [MQTT-4.1.0-2]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const before = await mqtt.connected({ clientId, clean: false })
    await before.subscribe(topic, 1)
    const publisher = await mqtt.connected()
    await publisher.publish({ topic, payload: 'held', qos: 1 })
    await before.find('publish')
    await before.drop()
    const after = await mqtt.connected({ clientId, clean: false })
    expect(await after.receive(1)).toMatchObject([{ payload: 'held', dup: true }])
  })

  it('a clean session ends what was, and leaves nothing [MQTT-3.1.2-6]', async () => {
    const topic = mqtt.name()
    const clientId = await sleeping(topic, 1)
    const publisher = await mqtt.connected()
    await publisher.publish({ topic, payload: 'missed', qos: 1 })
    const clean = await mqtt.greeted({ clientId, clean: true })
    expect(clean.sessionPresent).toBe(false)
    await clean.wire.subscribe(`${topic}/clean`, 1)
    await clean.wire.drop()
    await publisher.publish({ topic: `${topic}/clean`, payload: 'missed', qos: 1 })
    const after = await mqtt.greeted({ clientId, clean: false })
    expect(after.sessionPresent).toBe(false)
    await after.wire.subscribe(`${topic}/end`, 1)
    await publisher.publish({ topic: `${topic}/end`, qos: 1 })
    expect((await after.wire.receive(1))[0]?.topic).toBe(`${topic}/end`)
  })

  it('retained messages are not sent to a session that goes on, nor deleted with one [MQTT-3.1.2-7] [MQTT-3.3.1-6]', async () => {
    const topic = mqtt.name()
    const publisher = await mqtt.connected()
    await publisher.subscribe(`${topic}/a`, 0)
    await publisher.publish({ topic: `${topic}/a`, payload: 'kept', qos: 1, retain: true })
    // It has been told to those who listen: who subscribes from now on gets what is retained.
    await publisher.receive(1)
    const clientId = mqtt.name()
    const wire = await mqtt.connected({ clientId, clean: false })
    await wire.subscribe(`${topic}/#`, 1)
    expect(await wire.receive(1)).toMatchObject([{ payload: 'kept', retain: true }])
    await wire.ping()
    await wire.drop()
    const again = await mqtt.connected({ clientId, clean: false })
    await publisher.publish({ topic: `${topic}/b`, payload: 'news', qos: 1 })
    expect(await again.receive(1)).toMatchObject([{ payload: 'news', retain: false }])
    await again.drop()
    await (await mqtt.connected({ clientId, clean: true })).drop()
    const late = await mqtt.connected()
    await late.subscribe(`${topic}/#`, 1)
    expect(await late.receive(1)).toMatchObject([{ payload: 'kept', retain: true }])
  })

  it('the session of a client that is taken over goes on with the newcomer [MQTT-3.1.2-4] [MQTT-3.1.4-2]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const older = await mqtt.connected({ clientId, clean: false })
    await older.subscribe(topic, 1)
    const publisher = await mqtt.connected()
    for (let i = 0; i < 5; i++) await publisher.publish({ topic, payload: `${i}`, qos: 1 })
    for (let i = 0; i < 5; i++) await older.find('publish')
    const { wire, sessionPresent } = await mqtt.greeted({ clientId, clean: false })
    expect(sessionPresent).toBe(true)
    await older.closed()
    await publisher.publish({ topic, payload: 'new', qos: 1 })
    const messages = await wire.receive(6)
    expect(messages.map(({ payload }) => payload)).toEqual(['0', '1', '2', '3', '4', 'new'])
    expect(messages.map(({ dup }) => dup)).toEqual([true, true, true, true, true, false])
  })

  it('one whose client takes itself over again and again loses nothing [MQTT-4.1.0-1] [MQTT-4.4.0-1]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const publisher = await mqtt.connected()
    let wire = await mqtt.connected({ clientId, clean: false })
    await wire.subscribe(topic, 1)
    const heard = new Set<string>()
    const total = isLate ? 10 : 40
    for (let i = 0; i < total; i++) {
      publisher.send(publish({ topic, payload: `${i}`, qos: 1, id: i + 1 }))
      wire = await mqtt.connected({ clientId, clean: false })
    }
    for (let i = 0; i < total; i++) await publisher.find('puback')
    await publisher.publish({ topic, payload: 'end', qos: 1, id: 1000 })
    while (!heard.has('end')) heard.add((await wire.receive(1))[0]!.payload)
    for (let i = 0; i < total; i++) expect(heard).toContain(`${i}`)
  })

  it('sessions, what waits in them and how far each message came outlive a restart [MQTT-4.1.0-1] [MQTT-4.4.0-1]', async () => {
    const topic = mqtt.name()
    const asleep = await sleeping(topic, 2)
    const halfway = mqtt.name()
    const wire = await mqtt.connected({ clientId: halfway, clean: false })
    await wire.subscribe(topic, 2)
    const sender = mqtt.name()
    const publisher = await mqtt.connected({ clientId: sender, clean: false })
    await publisher.publish({ topic, payload: 'released', qos: 2, id: 1 })
    const { id } = await wire.find('publish')
    wire.send(acknowledge('pubrec', id))
    await wire.find('pubrel')
    publisher.send(publish({ topic, payload: 'unfinished', qos: 2, id: 2 }))
    await publisher.next('pubrec')
    await mqtt.restart()

    const again = await mqtt.greeted({ clientId: halfway, clean: false })
    expect(again.sessionPresent).toBe(true)
    expect(await again.wire.next('pubrel')).toEqual({ kind: 'pubrel', id })
    again.wire.send(acknowledge('pubcomp', id))
    const sameSender = await mqtt.connected({ clientId: sender, clean: false })
    sameSender.send(publish({ topic, payload: 'unfinished', qos: 2, id: 2, dup: true }))
    expect(await sameSender.next('pubrec')).toEqual({ kind: 'pubrec', id: 2 })
    sameSender.send(acknowledge('pubrel', 2))
    await sameSender.next('pubcomp')
    await sameSender.publish({ topic, payload: 'end', qos: 2, id: 3 })
    expect((await again.wire.receive(2)).map(({ payload }) => payload)).toEqual(['unfinished', 'end'])
    const woken = await mqtt.connected({ clientId: asleep, clean: false })
    expect((await woken.receive(3)).map(({ payload }) => payload)).toEqual(['released', 'unfinished', 'end'])
  })

  it('a SUBSCRIBE and what follows at once are handled in order [MQTT-4.6.0-6]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected({ clientId: mqtt.name(), clean: false })
    wire.send(subscribe(1, [[topic, 1]]))
    await wire.next('suback')
    wire.send(
      ...Array.from({ length: 20 }, (_, i) => publish({ topic, payload: `${i}`, qos: 1, id: 100 + i })),
    )
    expect((await wire.receive(20)).map(({ payload }) => payload)).toEqual(
      Array.from({ length: 20 }, (_, i) => `${i}`),
    )
  })
})
