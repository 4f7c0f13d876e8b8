import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import {
  acknowledge,
  type ConnectFields,
  connect,
  DISCONNECT,
  FLAG,
  PINGREQ,
  packet,
  publish,
  subscribe,
  TYPE,
  text,
  uint16,
  unsubscribe,
} from './packets.ts'

const mqtt = suite()

/** Sends it on a new connection and expects to be cut off without a word. */
async function expectSilentRefusal(...bytes: Uint8Array[]): Promise<void> {
  const wire = await mqtt.open()
  wire.send(...bytes)
  expect(await wire.closed()).toEqual([])
}

/** Expects CONNACK with this code, and nothing after it. */
async function expectRefusal(code: number, fields: ConnectFields): Promise<void> {
  const { wire, ...connack } = await mqtt.greeted(fields)
  expect(connack).toEqual({ code, sessionPresent: false })
  expect(await wire.closed()).toEqual([])
}

describe('the first packet', () => {
  it.each([
    ['PUBLISH', publish({ topic: 'a' })],
    ['PUBLISH with QoS 1', publish({ topic: 'a', qos: 1 })],
    ['SUBSCRIBE', subscribe(1, [['a', 0]])],
    ['UNSUBSCRIBE', unsubscribe(1, ['a'])],
    ['PINGREQ', PINGREQ],
    ['PUBREL', acknowledge('pubrel', 1)],
    ['DISCONNECT', DISCONNECT],
  ])('is CONNECT; %s closes [MQTT-3.1.0-1]', (_name, bytes) => expectSilentRefusal(bytes))

  it('comes once: a second CONNECT closes [MQTT-3.1.0-2]', async () => {
    const clientId = mqtt.name()
    const wire = await mqtt.connected({ clientId })
    wire.send(connect({ clientId }))
    expect(await wire.closed()).toEqual([])
  })

  it('from the broker is CONNACK, whatever waits for the client [MQTT-3.2.0-1]', async () => {
    const [clientId, topic] = [mqtt.name(), mqtt.name()]
    const before = await mqtt.connected({ clientId, clean: false })
    await before.subscribe(topic, 1)
    await before.drop()
    const publisher = await mqtt.connected()
    await publisher.publish({ topic, payload: 'waiting', qos: 1 })
    const wire = await mqtt.open()
    wire.send(connect({ clientId, clean: false }), PINGREQ)
    await wire.next('connack')
    expect((await wire.receive(1))[0]?.payload).toBe('waiting')
  })
})

describe('protocol name and level', () => {
  it.each(['MQTt', 'mqtt', 'MQTTX', 'HTTP', ''])(
    'a name of %j closes without CONNACK [MQTT-3.1.2-1]',
    protocol => expectSilentRefusal(connect({ protocol })),
  )

  it.each([0, 1, 2])('level %i is answered with CONNACK 1 [MQTT-3.1.2-2]', level =>
    expectRefusal(1, { level, clientId: mqtt.name() }),
  )

  it('a level of the other name is answered with CONNACK 1 [MQTT-3.1.2-2]', async () => {
    await expectRefusal(1, { protocol: 'MQTT', level: 3, clientId: mqtt.name() })
    await expectRefusal(1, { protocol: 'MQIsdp', level: 4, clientId: mqtt.name() })
  })

  it.each([6, 7, 127, 255])('level %i is told the same as MQTT 5 says it [MQTT-3.1.2-2]', async level => {
    const wire = await mqtt.open()
    const answer = new Promise<Buffer>(resolve => wire.stream.once('data', resolve))
    wire.send(connect({ level, clientId: mqtt.name() }))
    expect([...(await answer)]).toEqual([0x20, 3, 0, 0x84, 0])
  })

  it('MQTT 3.1 is served beside 3.1.1, by its own name and level', async () => {
    const wire = await mqtt.connected({ protocol: 'MQIsdp', level: 3, clientId: mqtt.name() })
    await wire.ping()
  })
})

describe('flags that the payload does not bear out close without CONNACK', () => {
  const will = { topic: 'w', payload: 'x' }
  it.each<[string, ConnectFields]>([
    ['the reserved flag set [MQTT-3.1.2-3]', { flip: FLAG.reserved }],
    ['a will that is announced and absent [MQTT-3.1.2-9]', { flip: FLAG.will }],
    ['a will that is there unannounced [MQTT-3.1.2-11]', { will, flip: FLAG.will }],
    ['QoS of no will [MQTT-3.1.2-13]', { flip: FLAG.willQos1 }],
    ['a will of QoS 3 [MQTT-3.1.2-14]', { will: { ...will, qos: 3 } }],
    ['retain of no will [MQTT-3.1.2-15]', { flip: FLAG.willRetain }],
    ['a user name that is there unannounced [MQTT-3.1.2-18]', { username: 'u', flip: FLAG.username }],
    ['a user name announced and absent [MQTT-3.1.2-19]', { flip: FLAG.username }],
    [
      'a password that is there unannounced [MQTT-3.1.2-20]',
      { username: 'u', password: 'p', flip: FLAG.password },
    ],
    ['a password announced and absent [MQTT-3.1.2-21]', { username: 'u', flip: FLAG.password }],
    ['a password without a user name [MQTT-3.1.2-22]', { password: 'p' }],
    ['bytes after the payload [MQTT-3.1.4-1] [MQTT-3.2.2-6]', { rest: Buffer.from('abc') }],
  ])('%s', (_name, fields) => expectSilentRefusal(connect({ clientId: mqtt.name(), ...fields })))

  it('a CONNECT cut short anywhere [MQTT-3.1.4-1]', async () => {
    const whole = connect({ clientId: 'cut', will, username: 'user', password: 'pass' }).subarray(2)
    for (let length = 0; length < whole.length; length++)
      await expectSilentRefusal(packet(TYPE.connect, 0, whole.subarray(0, length)))
  })
})

describe('the payload', () => {
  it('is read in the order of the standard [MQTT-3.1.3-1]', async () => {
    const topic = mqtt.name()
    const watcher = await mqtt.connected()
    await watcher.subscribe(`${topic}/#`)
    const will = { topic: `${topic}/will`, payload: 'message' }
    const wire = await mqtt.connected({ clientId: mqtt.name(), will, username: 'user', password: 'pass' })
    await wire.drop()
    expect(await watcher.receive(1)).toMatchObject([{ topic: `${topic}/will`, payload: 'message' }])
  })

  it('without a client identifier closes [MQTT-3.1.3-3]', () =>
    expectSilentRefusal(packet(TYPE.connect, 0, text('MQTT'), Buffer.from([4, FLAG.clean]), uint16(60))))
})

describe('client identifiers', () => {
  it('of 1 to 23 digits and letters are served, each in a session of its own [MQTT-3.1.3-5] [MQTT-3.1.3-2]', async () => {
    const alphabet = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
    for (let length = 1; length <= 23; length++) {
      const from = (length * 7) % (alphabet.length - 23)
      const clientId = alphabet.slice(from, from + length)
      const wire = await mqtt.connected({ clientId, clean: false })
      await wire.subscribe(`own/${clientId}`, 1)
      wire.send(DISCONNECT)
      await wire.closed()
    }
    const { wire, sessionPresent } = await mqtt.greeted({ clientId: alphabet.slice(7, 8), clean: false })
    expect(sessionPresent).toBe(true)
    await wire.ping()
  })

  it('that are empty become unique ones [MQTT-3.1.3-6]', async () => {
    const wires = await Promise.all(Array.from({ length: 5 }, () => mqtt.connected({ clientId: '' })))
    await Promise.all(wires.map(wire => wire.ping()))
  })

  it('that are empty without a clean session are rejected by CONNACK 2 [MQTT-3.1.3-7] [MQTT-3.1.3-8] [MQTT-3.1.3-9]', () =>
    expectRefusal(2, { clientId: '', clean: false }))

  it('in use take over: the older connection is closed, the newer served [MQTT-3.1.4-2]', async () => {
    const clientId = mqtt.name()
    const older = await mqtt.connected({ clientId })
    const newer = await mqtt.connected({ clientId })
    await older.closed()
    await newer.ping()
  })
})

describe('the answer', () => {
  it('of success is CONNACK 0 [MQTT-3.1.4-4]', async () => {
    const { wire, ...connack } = await mqtt.greeted({ clientId: mqtt.name() })
    expect(connack).toEqual({ code: 0, sessionPresent: false })
    await wire.ping()
  })

  it('to a clean session says that there is none, and there is none [MQTT-3.1.4-3] [MQTT-3.2.2-1]', async () => {
    const [clientId, topic] = [mqtt.name(), mqtt.name()]
    const before = await mqtt.connected({ clientId, clean: false })
    await before.subscribe(topic, 1)
    await before.drop()
    const { wire, sessionPresent } = await mqtt.greeted({ clientId, clean: true })
    expect(sessionPresent).toBe(false)
    await wire.subscribe(`${topic}/marker`)
    await wire.publish({ topic })
    await wire.publish({ topic: `${topic}/marker` })
    expect((await wire.receive(1))[0]?.topic).toBe(`${topic}/marker`)
  })

  it('says whether a session was there [MQTT-3.2.2-2] [MQTT-3.2.2-3]', async () => {
    const clientId = mqtt.name()
    const first = await mqtt.greeted({ clientId, clean: false })
    expect(first.sessionPresent).toBe(false)
    await first.wire.subscribe(mqtt.name(), 1)
    first.wire.send(DISCONNECT)
    await first.wire.closed()
    const second = await mqtt.greeted({ clientId, clean: false })
    expect(second.sessionPresent).toBe(true)
    await second.wire.drop()
    expect((await mqtt.greeted({ clientId: `${clientId}x`, clean: false })).sessionPresent).toBe(false)
    // One with nothing but an identifier of QoS 2 is one as well.
    const half = await mqtt.connected({ clientId: `${clientId}y`, clean: false })
    half.send(publish({ topic: mqtt.name(), qos: 2, id: 9 }))
    await half.next('pubrec')
    await half.drop()
    expect((await mqtt.greeted({ clientId: `${clientId}y`, clean: false })).sessionPresent).toBe(true)
  })

  it('of refusal says no session, closes, and nothing after CONNECT counts [MQTT-3.1.4-5] [MQTT-3.2.2-4] [MQTT-3.2.2-5]', async () => {
    const topic = mqtt.name()
    const watcher = await mqtt.connected()
    await watcher.subscribe(topic)
    const wire = await mqtt.open()
    wire.send(connect({ clientId: '', clean: false }), publish({ topic, payload: 'smuggled', retain: true }))
    expect(await wire.next('connack')).toEqual({ kind: 'connack', code: 2, sessionPresent: false })
    await wire.closed()
    await watcher.publish({ topic, payload: 'honest' })
    expect((await watcher.receive(1))[0]?.payload).toBe('honest')
  })

  it('packets sent with CONNECT, before its answer, are served [MQTT-3.1.4-4]', async () => {
    const topic = mqtt.name()
    const wire = await mqtt.open()
    wire.send(
      connect({ clientId: mqtt.name() }),
      subscribe(1, [[topic, 1]]),
      publish({ topic, payload: 'early', qos: 1, id: 2 }),
    )
    await wire.next('connack')
    await wire.find('suback')
    await wire.find('puback')
    expect((await wire.receive(1))[0]?.payload).toBe('early')
  })
})
