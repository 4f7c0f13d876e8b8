import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { DISCONNECT, packet, subscribe, TYPE, text, uint16 } from './packets.ts'

const mqtt = suite()

describe('SUBSCRIBE', () => {
  it.each([0, 1, 3, 6, 10, 15])('with flags %i closes [MQTT-3.8.1-1]', async flags => {
    const wire = await mqtt.connected()
    wire.send(packet(TYPE.subscribe, flags, uint16(1), text('a'), Buffer.from([0])))
    expect(await wire.closed()).toEqual([])
  })

  it('without a filter closes [MQTT-3.8.3-3]', async () => {
    const wire = await mqtt.connected()
    wire.send(subscribe(1, []))
    expect(await wire.closed()).toEqual([])
  })

  it('with packet identifier 0 closes [MQTT-2.3.1-1]', async () => {
    const wire = await mqtt.connected()
    wire.send(subscribe(0, [['a', 0]]))
    expect(await wire.closed()).toEqual([])
  })

  it.each([3, 4, 8, 64, 128, 255])('that asks for %i as QoS closes [MQTT-3.8.3-4]', async qos => {
    const wire = await mqtt.connected()
    wire.send(subscribe(1, [['a', qos]]))
    expect(await wire.closed()).toEqual([])
  })

  it('that breaks off within a filter closes [MQTT-4.8.0-1]', async () => {
    const body = subscribe(1, [['ab', 1]]).subarray(2)
    for (const length of [0, 1, 3, 4, 5, 6]) {
      const wire = await mqtt.connected()
      wire.send(packet(TYPE.subscribe, 2, body.subarray(0, length)))
      expect(await wire.closed()).toEqual([])
    }
  })

  it('is answered by SUBACK with its identifier, a code for each filter in their order [MQTT-3.8.4-1] [MQTT-3.8.4-2] [MQTT-2.3.1-7] [MQTT-3.8.4-4] [MQTT-3.8.4-5] [MQTT-3.9.3-1] [MQTT-3.9.3-2]', async () => {
    for (const clean of [true, false]) {
      const wire = await mqtt.connected({ clientId: mqtt.name(), clean })
      wire.send(
        subscribe(4242, [
          ['s/a', 2],
          ['$SYS/#', 1],
          ['s/b/+', 0],
          ['s/#', 1],
        ]),
      )
      expect(await wire.next('suback')).toEqual({ kind: 'suback', id: 4242, codes: [2, 128, 0, 1] })
    }
  })

  it('that names a filter twice has a code for each, and the last counts [MQTT-3.8.4-4] [MQTT-3.8.4-5]', async () => {
    const topic = mqtt.name()
    for (const clean of [true, false]) {
      const wire = await mqtt.connected({ clientId: mqtt.name(), clean })
      wire.send(
        subscribe(1, [
          [topic, 2],
          ['s/x', 0],
          [topic, 1],
        ]),
      )
      expect(await wire.next('suback')).toEqual({ kind: 'suback', id: 1, codes: [2, 0, 1] })
      await wire.publish({ topic, qos: 2 })
      expect((await wire.receive(1))[0]?.qos).toBe(1)
    }
  })

  it('is refused code by code where it is not allowed, and brings nothing [MQTT-3.8.4-5]', async () => {
    const wire = await mqtt.connected()
    expect(await wire.subscribe('$SYS/#')).toBe(128)
    await wire.ping()
  })

  it('again with the same filter replaces: its QoS is the new one, retained messages come again, nothing twice [MQTT-3.8.4-3]', async () => {
    const topic = mqtt.name()
    const publisher = await mqtt.connected()
    await publisher.publish({ topic, payload: 'kept', qos: 1, retain: true })
    for (const clean of [true, false]) {
      const wire = await mqtt.connected({ clientId: mqtt.name(), clean })
      for (const qos of [1, 1, 0, 2]) {
        await wire.subscribe(topic, qos)
        expect(await wire.receive(1)).toMatchObject([
          { payload: 'kept', retain: true, qos: Math.min(qos, 1) },
        ])
        await publisher.publish({ topic, payload: 'news', qos: 2 })
        expect(await wire.receive(1)).toMatchObject([{ payload: 'news', retain: false, qos }])
      }
      await wire.ping()
      expect(wire.unread).toEqual([])
    }
  })

  it('again does not interrupt the flow of messages [MQTT-3.8.4-3]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    await wire.subscribe(topic, 1)
    const publisher = await mqtt.connected()
    const numbers = Array.from({ length: 200 }, (_, i) => `${i}`)
    const sending = (async () => {
      for (const payload of numbers) await publisher.publish({ topic, payload, qos: 1 })
    })()
    for (let i = 0; i < 20; i++) {
      wire.send(subscribe(1000 + i, [[topic, 1]]))
      await wire.find('suback')
    }
    await sending
    expect((await wire.receive(200)).map(({ payload }) => payload)).toEqual(numbers)
  })

  it.each([
    [0, 0],
    [0, 2],
    [1, 0],
    [1, 1],
    [1, 2],
    [2, 0],
    [2, 1],
    [2, 2],
  ])('QoS %i published and %i granted: the lower one comes [MQTT-3.8.4-6]', async (published, granted) => {
    const topic = mqtt.name()
    const wire = await mqtt.connected()
    for (const filter of [topic, `${topic}/a/#`]) {
      expect(await wire.subscribe(filter, granted)).toBe(granted)
      await wire.publish({ topic: filter.replace('/#', '/b'), qos: published })
      expect((await wire.receive(1))[0]?.qos).toBe(Math.min(published, granted))
    }
  })

  it('filters with wildcards are served [MQTT-3.8.3-2]', async () => {
    const wire = await mqtt.connected()
    for (const filter of ['#', '+', '+/+', 'a/+/b', 'a/#', '/', '/+', '+/', 'a//b', '//', '$other/#'])
      expect([filter, await wire.subscribe(filter)]).toEqual([filter, 0])
  })

  it.each(['a#', '#/a', 'a/#/b', '##', '+a', 'a+', 'a/+b', 'a/b+/c', '++', ''])(
    'the filter %j closes [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.3-1]',
    async filter => {
      const wire = await mqtt.connected()
      wire.send(subscribe(1, [[filter, 0]]))
      expect(await wire.closed()).toEqual([])
    },
  )
})

describe('matching', () => {
  it.each([
    [
      'sport/tennis/player1/#',
      ['sport/tennis/player1', 'sport/tennis/player1/ranking', 'sport/tennis/player1/score/w'],
      ['sport/tennis/player10', 'sport/tennis'],
    ],
    ['sport/#', ['sport', 'sport/', 'sport//'], ['sports', '/sport']],
    [
      'sport/tennis/+',
      ['sport/tennis/player1', 'sport/tennis/'],
      ['sport/tennis', 'sport/tennis/player1/ranking'],
    ],
    ['sport/+', ['sport/', 'sport/x'], ['sport', 'sport/x/']],
    ['+/+', ['/finance', 'a/b', '/'], ['finance', 'a/b/c']],
    ['/+', ['/finance', '/'], ['//finance', 'finance']],
    ['+', ['finance', ' '], ['/finance', 'finance/']],
    ['+/tennis/#', ['/tennis', 'a/tennis/b/c'], ['tennis', 'a/b/tennis']],
    ['a//b', ['a//b'], ['a/b', 'a/x/b']],
    ['ACCOUNTS', ['ACCOUNTS'], ['Accounts', '/ACCOUNTS']],
    ['Accounts payable', ['Accounts payable'], ['Accountspayable']],
    ['#', ['a', '/', 'a/b/c', '/a'], ['$other/a']],
    ['+/a', ['b/a', '/a'], ['$other/a']],
    ['$other/#', ['$other/a', '$other'], ['$othe/a']],
    ['$other/+', ['$other/a'], ['$other/a/b']],
  ] as const)(
    '%s [MQTT-4.7.1-2] [MQTT-4.7.1-3] [MQTT-4.7.2-1] [MQTT-3.3.2-3]',
    async (filter, wanted, unwanted) => {
      // By the bus to one who is there, by the queue to one who is away, and by the retained messages.
      const awake = await mqtt.connected()
      await awake.subscribe(filter, 1)
      const clientId = mqtt.name()
      const asleep = await mqtt.connected({ clientId, clean: false })
      await asleep.subscribe(filter, 1)
      asleep.send(DISCONNECT)
      await asleep.closed()
      const publisher = await mqtt.connected()
      for (const topic of [...unwanted, ...wanted])
        await publisher.publish({ topic, payload: filter, qos: 1, retain: true })
      const late = await mqtt.connected()
      await late.subscribe(filter, 1)
      const again = await mqtt.connected({ clientId, clean: false })
      for (const wire of [awake, again, late]) {
        const topics: string[] = []
        while (topics.length < wanted.length) {
          const [message] = await wire.receive(1)
          if (message!.payload === filter) topics.push(message!.topic)
        }
        expect(topics.toSorted()).toEqual([...wanted].toSorted())
      }
      for (const topic of [...unwanted, ...wanted]) await publisher.publish({ topic, qos: 1, retain: true })
      await Promise.all([awake, again, late].map(wire => wire.drop()))
    },
  )
})
