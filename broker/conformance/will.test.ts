import { describe, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { connect, DISCONNECT, publish, subscribe, type Will } from './packets.ts'
import type { Wire } from './wire.ts'

const mqtt = suite()

/** Hears what is published under a topic of its own. */
async function watch(): Promise<{ readonly watcher: Wire; readonly topic: string }> {
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(`${topic}/#`, 2)
  return { watcher, topic }
}

/** What came under `topic` until a message that is published now. */
async function heardBy(watcher: Wire, topic: string): Promise<string[]> {
  await watcher.publish({ topic: `${topic}/end`, qos: 2 })
  const heard: string[] = []
  for (;;) {
    const [message] = await watcher.receive(1)
    if (message!.topic.endsWith('/end')) return heard
    heard.push(message!.payload)
  }
}

async function doomed(will: Will): Promise<Wire> {
  return await mqtt.connected({ clientId: mqtt.name(), will })
}

/** Ways in which a connection ends without DISCONNECT. */
const DEATHS: readonly (readonly [string, (wire: Wire) => void])[] = [
  ['a connection that drops', wire => wire.stream.destroy()],
  ['one that ends politely, without DISCONNECT', wire => wire.stream.end()],
  ['a violation of the protocol', wire => wire.send(connect())],
  ['a malformed packet', wire => wire.send(Buffer.from([0xff, 0]))],
  [
    'a packet cut short',
    wire => wire.stream.end(publish({ topic: 'cut', payload: 'x'.repeat(50) }).subarray(0, 20)),
  ],
]

describe('a will', () => {
  it.each(DEATHS)('is published once, on %s [MQTT-3.1.2-8] [MQTT-3.1.2-10]', async (_name, die) => {
    const { watcher, topic } = await watch()
    const wire = await doomed({ topic: `${topic}/w`, payload: 'gone', qos: 1 })
    die(wire)
    await wire.closed()
    expect(await watcher.receive(1)).toMatchObject([{ topic: `${topic}/w`, payload: 'gone', qos: 1 }])
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it('is published once when another connection takes over, and the newcomer has its own [MQTT-3.1.2-8] [MQTT-3.1.4-2]', async () => {
    const { watcher, topic } = await watch()
    const clientId = mqtt.name()
    const older = await mqtt.connected({ clientId, will: { topic: `${topic}/w`, payload: 'older' } })
    const newer = await mqtt.connected({ clientId, will: { topic: `${topic}/w`, payload: 'newer' } })
    await older.closed()
    expect((await watcher.receive(1))[0]?.payload).toBe('older')
    expect(await heardBy(watcher, topic)).toEqual([])
    await newer.drop()
    expect((await watcher.receive(1))[0]?.payload).toBe('newer')
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it('is discarded by DISCONNECT [MQTT-3.1.2-8] [MQTT-3.1.2-10] [MQTT-3.14.4-3]', async () => {
    const { watcher, topic } = await watch()
    const wire = await doomed({ topic: `${topic}/w`, payload: 'gone' })
    wire.send(DISCONNECT)
    await wire.closed()
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it('of an earlier connection is not kept for one without [MQTT-3.1.2-10] [MQTT-3.1.2-12]', async () => {
    const { watcher, topic } = await watch()
    const clientId = mqtt.name()
    const first = await mqtt.connected({
      clientId,
      clean: false,
      will: { topic: `${topic}/w`, payload: 'gone' },
    })
    first.send(DISCONNECT)
    await first.closed()
    const second = await mqtt.connected({ clientId, clean: false })
    await second.drop()
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it('that was not announced is not published [MQTT-3.1.2-12]', async () => {
    const { watcher, topic } = await watch()
    await (await mqtt.connected({ clientId: mqtt.name() })).drop()
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it('of a refused CONNECT is not published [MQTT-3.1.2-8]', async () => {
    const { watcher, topic } = await watch()
    const { wire, code } = await mqtt.greeted({
      clean: false,
      will: { topic: `${topic}/w`, payload: 'gone' },
    })
    expect(code).toBe(2)
    await wire.closed()
    expect(await heardBy(watcher, topic)).toEqual([])
  })

  it.each([
    { qos: 0, retain: false },
    { qos: 1, retain: false },
    { qos: 2, retain: false },
    { qos: 0, retain: true },
    { qos: 2, retain: true },
  ] as const)(
    'goes out with QoS $qos and retain $retain as asked [MQTT-3.1.2-16] [MQTT-3.1.2-17]',
    async ({ qos, retain }) => {
      const { watcher, topic } = await watch()
      await (await doomed({ topic: `${topic}/w`, payload: 'gone', qos, retain })).drop()
      expect(await watcher.receive(1)).toMatchObject([{ payload: 'gone', qos, retain: false }])
      const late = await mqtt.connected()
      await late.subscribe(`${topic}/#`, 2)
      await late.publish({ topic: `${topic}/end` })
      const messages = await late.receive(retain ? 2 : 1)
      expect(messages.map(message => message.retain)).toEqual(retain ? [true, false] : [false])
    },
  )

  it('with an empty message is published, too [MQTT-3.1.2-8]', async () => {
    const { watcher, topic } = await watch()
    await (await doomed({ topic: `${topic}/w` })).drop()
    expect(await watcher.receive(1)).toMatchObject([{ topic: `${topic}/w`, payload: '' }])
  })

  it.each(['a/+', '#', 'a/#', '+', ''])('to %j closes: that is no topic [MQTT-4.7.1-1]', async topic => {
    const wire = await mqtt.open()
    wire.send(connect({ clientId: mqtt.name(), will: { topic, payload: 'x' } }))
    const unread = await wire.closed()
    expect(unread.filter(({ kind }) => kind !== 'connack')).toEqual([])
  })

  it('that its own client subscribed to reaches its session [MQTT-3.1.2-8]', async () => {
    const [clientId, topic] = [mqtt.name(), mqtt.name()]
    const wire = await mqtt.connected({ clientId, clean: false, will: { topic, payload: 'mine', qos: 1 } })
    wire.send(subscribe(1, [[topic, 1]]))
    await wire.next('suback')
    await wire.drop()
    const again = await mqtt.connected({ clientId, clean: false })
    expect((await again.receive(1))[0]?.payload).toBe('mine')
  })
})
