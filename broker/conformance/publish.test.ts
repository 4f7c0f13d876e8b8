import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { packet, publish, subscribe, TYPE, text, uint16 } from './packets.ts'
import type { Wire } from './wire.ts'

const mqtt = suite()
const full = suite({ accept: async () => Promise.reject(new Error('the disk is full')) })

describe('PUBLISH', () => {
  it('is answered as its QoS asks: nothing, PUBACK, PUBREC [MQTT-3.3.4-1]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    wire.send(publish({ topic }), publish({ topic, qos: 1, id: 7 }), publish({ topic, qos: 2, id: 8 }))
    expect(await wire.next('puback')).toEqual({ kind: 'puback', id: 7 })
    expect(await wire.next('pubrec')).toEqual({ kind: 'pubrec', id: 8 })
    await wire.ping()
  })

  it('with both bits of QoS set closes [MQTT-3.3.1-4]', async () => {
    const wire = await mqtt.connected()
    wire.send(publish({ topic: mqtt.name(), qos: 3 }))
    expect(await wire.closed()).toEqual([])
  })

  it('with DUP and QoS 0 closes: that is malformed [MQTT-3.3.1-2]', async () => {
    const wire = await mqtt.connected()
    wire.send(publish({ topic: mqtt.name(), dup: true }))
    expect(await wire.closed()).toEqual([])
  })

  it.each([1, 2])('with QoS %i and packet identifier 0 closes [MQTT-2.3.1-1]', async qos => {
    const wire = await mqtt.connected()
    wire.send(publish({ topic: mqtt.name(), qos, id: 0 }))
    expect(await wire.closed()).toEqual([])
  })

  it('with QoS 0 has no packet identifier: two bytes there are payload [MQTT-2.3.1-5]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(topic)
    wire.send(packet(TYPE.publish, 0, text(topic), uint16(0x4142)))
    expect(await wire.receive(1)).toMatchObject([{ payload: 'AB', id: 0 }])
  })

  it('without a topic closes [MQTT-3.3.2-1]', async () => {
    for (const body of [Buffer.alloc(0), Buffer.from([0]), Buffer.from([0, 5, 97, 98])]) {
      const wire = await mqtt.connected()
      wire.send(packet(TYPE.publish, 0, body))
      expect(await wire.closed()).toEqual([])
    }
  })

  it.each(['a/+', '+', '#', 'a/#', 'a+b', 'a#'])(
    'to %j closes, and is not acknowledged [MQTT-3.3.2-2] [MQTT-4.7.1-1]',
    async topic => {
      const wire = await mqtt.connected()
      wire.send(publish({ topic, qos: 1 }))
      expect(await wire.closed()).toEqual([])
    },
  )

  it('that may not be published closes, and is not acknowledged [MQTT-3.3.5-2]', async () => {
    const wire = await mqtt.connected()
    wire.send(publish({ topic: '$SYS/broker/forged', qos: 1 }))
    expect(await wire.closed()).toEqual([])
  })

  it.each([1, 2])(
    'with QoS %i that cannot be stored for now closes, and is not acknowledged [MQTT-4.8.0-2]',
    async qos => {
      const wire = await full.connected()
      wire.send(publish({ topic: full.name(), qos }))
      expect(await wire.closed()).toEqual([])
    },
  )

  it('may be of any size in bytes, also empty, and arrives as it was [MQTT-3.3.4-1]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(topic, 1)
    const lengths = [0, 1, 100, 126, 127, 128, 16_383, 16_384, 100_000, 1_000_000]
    for (const length of lengths) await wire.publish({ topic, payload: 'x'.repeat(length), qos: 1 })
    expect((await wire.receive(lengths.length)).map(({ payload }) => payload.length)).toEqual(lengths)
  })

  it('arrives under a topic that the filter matches [MQTT-3.3.2-3]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(`${topic}/+/c`, 1)
    for (const end of ['a/b', 'a/c', 'a/b/c', 'c', 'b/c'])
      await wire.publish({ topic: `${topic}/${end}`, qos: 1 })
    expect((await wire.receive(2)).map(message => message.topic)).toEqual([`${topic}/a/c`, `${topic}/b/c`])
    await wire.ping()
    expect(wire.unread).toEqual([])
  })
})

describe('DUP', () => {
  it('of the publisher is not passed on [MQTT-3.3.1-3]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(topic, 2)
    await wire.publish({ topic, qos: 1, dup: true })
    await wire.publish({ topic, qos: 2, dup: true })
    expect((await wire.receive(2)).map(({ dup }) => dup)).toEqual([false, false])
  })
})

describe('overlapping subscriptions', () => {
  it('bring a message at the best of their levels [MQTT-3.3.5-1]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(`${topic}/#`, 0)
    await wire.subscribe(`${topic}/a`, 2)
    await wire.subscribe(`+/a`, 1)
    for (const qos of [0, 1, 2]) await wire.publish({ topic: `${topic}/a`, payload: `${qos}`, qos })
    await wire.publish({ topic: `${topic}/end`, qos: 2 })
    const messages = await untilEnd(wire)
    for (const qos of [0, 1, 2]) {
      const copies = messages.filter(({ payload }) => payload === `${qos}`)
      expect(Math.max(...copies.map(message => message.qos))).toBe(qos)
    }
  })

  it('bring it once [MQTT-3.3.5-1]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    for (const [i, filter] of [`${topic}/#`, `${topic}/a`, '+/a', '#'].entries())
      await wire.subscribe(filter, i % 3)
    for (let i = 0; i < 20; i++) await wire.publish({ topic: `${topic}/a`, payload: `${i}`, qos: 1 })
    await wire.publish({ topic: `${topic}/end`, qos: 1 })
    const numbers = (await untilEnd(wire)).filter(message => message.topic === `${topic}/a`)
    expect(numbers.map(({ payload }) => Number(payload))).toEqual(Array.from({ length: 20 }, (_, i) => i))
  })
})

describe('a retained message', () => {
  /** What a client that subscribes now is sent of old: topic, payload, QoS. */
  async function found(filter: string): Promise<string[]> {
    const last = mqtt.name()
    const wire = await mqtt.connected()
    await wire.publish({ topic: last, payload: 'last', qos: 1, retain: true })
    // Retained messages come in the order of the filters that match them.
    wire.send(
      subscribe(1, [
        [filter, 2],
        [last, 2],
      ]),
    )
    const lines: string[] = []
    for (;;) {
      const { topic, payload, qos, retain } = (await wire.receive(1))[0]!
      expect(retain).toBe(true)
      if (topic === last) return lines
      lines.push(`${topic} ${payload} ${qos}`)
    }
  }

  it.each([0, 1, 2])(
    'of QoS %i is kept with its QoS for those who subscribe later [MQTT-3.3.1-5] [MQTT-3.3.1-6] [MQTT-3.3.1-8]',
    async qos => {
      const topic = mqtt.name()
      await (await mqtt.connected()).publish({ topic, payload: 'kept', qos, retain: true })
      const late = await eventuallyRetained(topic)
      await late.drop()
      expect(await found(topic)).toEqual([`${topic} kept ${qos}`])
    },
  )

  it('is the last one of its topic, on every topic that matches [MQTT-3.3.1-6]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    for (const payload of ['1', '2', '3'])
      for (const end of ['a', 'b'])
        await wire.publish({ topic: `${topic}/${end}`, payload, qos: 1, retain: true })
    expect((await found(`${topic}/+`)).toSorted()).toEqual([`${topic}/a 3 1`, `${topic}/b 3 1`])
  })

  it('of QoS 0 takes the place of the one before [MQTT-3.3.1-7]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.publish({ topic, payload: 'old', qos: 1, retain: true })
    await wire.publish({ topic, payload: 'new', qos: 0, retain: true })
    await wire.ping()
    expect(await found(topic)).toEqual([`${topic} new 0`])
  })

  it('goes to those who are there as any message, without the flag [MQTT-3.3.1-9]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(topic, 1)
    await wire.publish({ topic, payload: 'now', qos: 1, retain: true })
    expect(await wire.receive(1)).toMatchObject([{ payload: 'now', retain: false }])
  })

  it('that is empty is passed on, removes what was kept, and is not kept itself [MQTT-3.3.1-10] [MQTT-3.3.1-11]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.publish({ topic, payload: 'old', qos: 1, retain: true })
    const watcher = await mqtt.connected()
    await watcher.subscribe(topic, 1)
    expect(await watcher.receive(1)).toMatchObject([{ payload: 'old', retain: true }])
    for (const qos of [1, 0, 2]) {
      await wire.publish({ topic, payload: '', qos, retain: true })
      expect(await watcher.receive(1)).toMatchObject([{ payload: '', retain: false }])
    }
    expect(await found(topic)).toEqual([])
  })

  it('is neither replaced nor removed by a message that is not [MQTT-3.3.1-12]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.publish({ topic, payload: 'kept', qos: 1, retain: true })
    await wire.publish({ topic, payload: 'passing', qos: 1 })
    await wire.publish({ topic, payload: '', qos: 1 })
    expect(await found(topic)).toEqual([`${topic} kept 1`])
  })

  it('outlives the session that published it, and a restart [MQTT-3.1.2-7]', async () => {
    const [topic, clientId] = [mqtt.name(), mqtt.name()]
    const wire = await mqtt.connected({ clientId, clean: true })
    await wire.publish({ topic, payload: 'kept', qos: 1, retain: true })
    await wire.drop()
    await (await mqtt.connected({ clientId, clean: true })).drop()
    expect(await found(topic)).toEqual([`${topic} kept 1`])
    await mqtt.restart()
    expect(await found(topic)).toEqual([`${topic} kept 1`])
  })

  it('comes at the level of the subscription when that is lower [MQTT-3.8.4-6]', async () => {
    const topic = mqtt.name()
    await (await mqtt.connected()).publish({ topic: `${topic}/a`, payload: 'kept', qos: 2, retain: true })
    for (const filter of [`${topic}/a`, `${topic}/+`])
      for (const qos of [0, 1, 2]) {
        const wire = await mqtt.connected()
        await wire.subscribe(filter, qos)
        expect(await wire.receive(1)).toMatchObject([{ payload: 'kept', retain: true, qos }])
      }
  })

  /** QoS 0 is not acknowledged: subscribes anew until it is there. */
  async function eventuallyRetained(topic: string): Promise<Wire> {
    const wire = await mqtt.connected()
    for (;;) {
      await wire.subscribe(topic)
      await wire.ping()
      if (wire.unread.length > 0) return wire
    }
  }
})

/** Acknowledges what comes until a message to a topic that ends in `end`. */
async function untilEnd(wire: Wire) {
  const messages = []
  for (;;) {
    const message = (await wire.receive(1))[0]!
    if (message.topic.endsWith('/end')) return messages
    messages.push(message)
  }
}
