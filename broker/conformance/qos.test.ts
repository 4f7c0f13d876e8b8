import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { acknowledge, packet, publish, TYPE, uint16 } from './packets.ts'
import type { Publish, Wire } from './wire.ts'

const mqtt = suite()

async function subscribed(topic: string, qos: number, clientId?: string): Promise<Wire> {
  const wire = await mqtt.connected(clientId === undefined ? {} : { clientId, clean: false })
  await wire.subscribe(topic, qos)
  return wire
}

/** The identifiers of QoS 2 are kept on both sides: each test uses some that no other did. */
let lastId = 100
const newId = (): number => ++lastId

describe('from a client', () => {
  it.each([1, 2, 255, 256, 32_767, 32_768, 65_535])(
    'identifier %i comes back in every answer [MQTT-2.3.1-6]',
    async id => {
      const wire = await mqtt.connected()
      await wire.publish({ topic: 'q/ids', qos: 1, id })
      await wire.publish({ topic: 'q/ids', qos: 2, id })
    },
  )

  it('QoS 1 with the identifier of one that was acknowledged is a new message, DUP or not [MQTT-4.3.2-2]', async () => {
    const topic = mqtt.name()
    const watcher = await subscribed(topic, 1)
    const wire = await mqtt.connected()
    for (const [payload, dup] of [
      ['1', false],
      ['2', false],
      ['3', true],
    ] as const)
      await wire.publish({ topic, payload, qos: 1, id: 9, dup })
    expect((await watcher.receive(3)).map(message => message.payload)).toEqual(['1', '2', '3'])
  })

  it('QoS 2 sent again before PUBREL is answered and not passed on twice [MQTT-4.3.3-2]', async () => {
    const topic = mqtt.name()
    const watcher = await subscribed(topic, 2)
    const wire = await mqtt.connected()
    const id = newId()
    for (const dup of [false, true, true]) {
      wire.send(publish({ topic, payload: 'once', qos: 2, id, dup }))
      expect(await wire.next('pubrec')).toEqual({ kind: 'pubrec', id })
    }
    wire.send(acknowledge('pubrel', id))
    expect(await wire.next('pubcomp')).toEqual({ kind: 'pubcomp', id })
    // After PUBCOMP it is a new one.
    await wire.publish({ topic, payload: 'anew', qos: 2, id })
    expect((await watcher.receive(2)).map(message => message.payload)).toEqual(['once', 'anew'])
  })

  it('QoS 2 sent again on a new connection is the same message [MQTT-4.3.3-2] [MQTT-4.4.0-1]', async () => {
    const [topic, clientId, id] = [mqtt.name(), mqtt.name(), newId()]
    const watcher = await subscribed(topic, 2)
    const before = await mqtt.connected({ clientId, clean: false })
    before.send(publish({ topic, payload: 'once', qos: 2, id }))
    await before.next('pubrec')
    await before.drop()
    const after = await mqtt.connected({ clientId, clean: false })
    after.send(publish({ topic, payload: 'once', qos: 2, id, dup: true }))
    await after.next('pubrec')
    after.send(acknowledge('pubrel', id))
    await after.next('pubcomp')
    await after.publish({ topic, payload: 'end', qos: 2 })
    expect((await watcher.receive(2)).map(message => message.payload)).toEqual(['once', 'end'])
  })

  it('QoS 2 of a clean session is forgotten with it [MQTT-3.1.2-6]', async () => {
    const [topic, clientId, id] = [mqtt.name(), mqtt.name(), newId()]
    const watcher = await subscribed(topic, 2)
    for (const payload of ['first', 'second']) {
      const wire = await mqtt.connected({ clientId })
      wire.send(publish({ topic, payload, qos: 2, id }))
      await wire.next('pubrec')
      await wire.drop()
    }
    expect((await watcher.receive(2)).map(message => message.payload)).toEqual(['first', 'second'])
  })

  it('PUBREL is answered by PUBCOMP, also again, and for what is not known [MQTT-4.3.3-2]', async () => {
    const wire = await mqtt.connected()
    const id = newId()
    wire.send(publish({ topic: 'q/rel', qos: 2, id }))
    await wire.next('pubrec')
    for (const which of [id, id, newId()]) {
      wire.send(acknowledge('pubrel', which))
      expect(await wire.next('pubcomp')).toEqual({ kind: 'pubcomp', id: which })
    }
  })

  it.each([0, 1, 3, 6, 10, 15])('PUBREL with flags %i closes [MQTT-3.6.1-1]', async flags => {
    const wire = await mqtt.connected()
    wire.send(packet(TYPE.pubrel, flags, uint16(1)))
    expect(await wire.closed()).toEqual([])
  })

  it.each(['puback', 'pubrec', 'pubcomp'] as const)(
    '%s with flags that are reserved closes [MQTT-2.2.2-1] [MQTT-2.2.2-2]',
    async kind => {
      for (const flags of [1, 2, 4, 8]) {
        const wire = await mqtt.connected()
        wire.send(packet(TYPE[kind], flags, uint16(1)))
        expect(await wire.closed()).toEqual([])
      }
    },
  )

  it('acknowledgements that nothing asked for change nothing [MQTT-4.3.2-1]', async () => {
    const wire = await mqtt.connected()
    wire.send(acknowledge('puback', 77), acknowledge('pubcomp', 78))
    await wire.ping()
    await wire.publish({ topic: 'q/x', qos: 1 })
  })

  it('acknowledgements leave in the order of the messages [MQTT-4.6.0-2] [MQTT-4.6.0-3] [MQTT-4.6.0-4]', async () => {
    const wire = await mqtt.connected()
    const ids = Array.from({ length: 200 }, newId)
    wire.send(...ids.map(id => publish({ topic: 'q/order', qos: 1, id })))
    for (const id of ids) expect((await wire.next('puback')).id).toBe(id)
    wire.send(...ids.map(id => publish({ topic: 'q/order', qos: 2, id })))
    for (const id of ids) expect((await wire.next('pubrec')).id).toBe(id)
    wire.send(...ids.map(id => acknowledge('pubrel', id)))
    for (const id of ids) expect((await wire.next('pubcomp')).id).toBe(id)
  })
})

describe('to a client', () => {
  it('QoS 0 goes without DUP and identifier, and is not sent again [MQTT-4.3.1-1] [MQTT-3.3.1-2]', async () => {
    const topic = mqtt.name()
    const wire = await subscribed(topic, 0)
    await wire.publish({ topic, payload: 'x', qos: 1 })
    expect(await wire.receive(1)).toMatchObject([{ qos: 0, dup: false, id: 0 }])
  })

  it.each([1, 2])(
    'QoS %i has identifiers that are free, and no DUP at first [MQTT-4.3.2-1] [MQTT-4.3.3-1] [MQTT-2.3.1-4]',
    async qos => {
      const topic = mqtt.name()
      const wire = await subscribed(topic, qos)
      const publisher = await mqtt.connected()
      for (let i = 0; i < 50; i++) await publisher.publish({ topic, payload: `${i}`, qos })
      const messages = await collect(wire, 50)
      expect(new Set(messages.map(({ id }) => id)).size).toBe(50)
      expect(messages.every(({ dup, id }) => !dup && id > 0)).toBe(true)
      expect(messages.map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`))
    },
  )

  it('PUBREC is answered by PUBREL with its identifier [MQTT-4.3.3-1] [MQTT-2.3.1-6]', async () => {
    for (const clientId of [undefined, mqtt.name()]) {
      const topic = mqtt.name()
      const wire = await subscribed(topic, 2, clientId)
      await (await mqtt.connected()).publish({ topic, qos: 2 })
      const { id } = await wire.next('publish')
      wire.send(acknowledge('pubrec', id))
      expect(await wire.next('pubrel')).toEqual({ kind: 'pubrel', id })
      wire.send(acknowledge('pubcomp', id))
      await wire.ping()
    }
  })

  it.each([
    { name: 'QoS 1', levels: [1] },
    { name: 'QoS 2', levels: [2] },
    { name: 'both', levels: [1, 2] },
  ])(
    'what was not acknowledged is sent again after a reconnect: same identifier, DUP, same order: $name [MQTT-4.4.0-1] [MQTT-4.6.0-1] [MQTT-3.3.1-1] [MQTT-2.3.1-3]',
    async ({ levels }) => {
      const [topic, clientId] = [mqtt.name(), mqtt.name()]
      const before = await subscribed(topic, 2, clientId)
      const publisher = await mqtt.connected()
      for (let i = 0; i < 10; i++)
        await publisher.publish({ topic, payload: `${i}`, qos: levels[i % levels.length]! })
      const first = await collect(before, 10)
      await before.drop()
      for (let round = 0; round < 2; round++) {
        const again = await mqtt.connected({ clientId, clean: false })
        expect(await collect(again, 10)).toEqual(first.map(message => ({ ...message, dup: true })))
        await again.drop()
      }
    },
  )

  it('what was acknowledged is not sent again [MQTT-4.3.2-1] [MQTT-4.3.3-1]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const before = await subscribed(topic, 2, clientId)
    const publisher = await mqtt.connected()
    for (const qos of [1, 2]) await publisher.publish({ topic, payload: `${qos}`, qos })
    await before.receive(2)
    await before.ping()
    await before.drop()
    await publisher.publish({ topic, payload: 'end', qos: 1 })
    const again = await mqtt.connected({ clientId, clean: false })
    expect((await again.receive(1))[0]).toMatchObject({ payload: 'end', dup: false })
  })

  it('after PUBREC the broker goes on with PUBREL, not with PUBLISH, on the next connection [MQTT-4.3.3-1] [MQTT-4.4.0-1]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const before = await subscribed(topic, 2, clientId)
    const publisher = await mqtt.connected()
    await publisher.publish({ topic, payload: 'released', qos: 2 })
    const { id } = await before.next('publish')
    before.send(acknowledge('pubrec', id))
    await before.next('pubrel')
    await before.drop()
    await publisher.publish({ topic, payload: 'later', qos: 2 })
    const again = await mqtt.connected({ clientId, clean: false })
    expect(await again.next('pubrel')).toEqual({ kind: 'pubrel', id })
    again.send(acknowledge('pubcomp', id))
    expect(await again.receive(1)).toMatchObject([{ payload: 'later' }])
    await again.drop()
    const third = await mqtt.connected({ clientId, clean: false })
    await third.ping()
    expect(third.unread).toEqual([])
  })

  it('an identifier that is under way is not given to another message [MQTT-4.3.2-1]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const publisher = await mqtt.connected()
    const wire = await subscribed(topic, 1, clientId)
    for (let i = 0; i < 5; i++) await publisher.publish({ topic, payload: `held ${i}`, qos: 1 })
    const held = await collect(wire, 5)
    await wire.drop()
    // Each connection begins to count at random: enough of them would meet the held ones.
    const again = await mqtt.connected({ clientId, clean: false })
    expect((await collect(again, 5)).map(({ id }) => id)).toEqual(held.map(({ id }) => id))
    for (let i = 0; i < 20; i++) await publisher.publish({ topic, payload: `new ${i}`, qos: 1 })
    const news = await collect(again, 20)
    const all = [...held, ...news].map(({ id }) => id)
    expect(new Set(all).size).toBe(25)
  })
})

describe('order', () => {
  it.each([0, 1, 2])(
    'of one client on one topic with QoS %i is kept [MQTT-4.6.0-5] [MQTT-4.6.0-6]',
    async qos => {
      const topic = mqtt.name()
      const watchers = await Promise.all([
        subscribed(topic, qos),
        subscribed(`${topic}/#`, qos),
        subscribed('#', qos, mqtt.name()),
      ])
      const wire = await mqtt.connected()
      const numbers = Array.from({ length: 300 }, (_, i) => `${i}`)
      const ids = numbers.map(newId)
      wire.send(...numbers.map((payload, i) => publish({ topic, payload, qos, id: ids[i]! })))
      if (qos === 2) {
        for (const id of ids) expect((await wire.find('pubrec')).id).toBe(id)
        wire.send(...ids.map(id => acknowledge('pubrel', id)))
      }
      for (const watcher of watchers)
        expect((await watcher.receive(300)).map(({ payload }) => payload)).toEqual(numbers)
    },
  )
})

/** So many messages, not acknowledged. */
async function collect(wire: Wire, count: number): Promise<Publish[]> {
  const messages: Publish[] = []
  while (messages.length < count) messages.push(await wire.find('publish'))
  return messages
}
