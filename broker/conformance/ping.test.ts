import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { PINGREQ, packet, publish, TYPE } from './packets.ts'

const mqtt = suite()

it('PINGREQ is answered by PINGRESP, each one [MQTT-3.12.4-1]', async () => {
  const wire = await mqtt.connected()
  wire.send(PINGREQ, PINGREQ, PINGREQ)
  for (let i = 0; i < 3; i++) await wire.next('pingresp')
})

it('PINGREQ with reserved flags closes [MQTT-2.2.2-1] [MQTT-2.2.2-2]', async () => {
  for (const flags of [1, 2, 4, 8]) {
    const wire = await mqtt.connected()
    wire.send(packet(TYPE.pingreq, flags))
    expect(await wire.closed()).toEqual([])
  }
})

it('PINGREQ with a body closes [MQTT-4.8.0-1]', async () => {
  const wire = await mqtt.connected()
  wire.send(packet(TYPE.pingreq, 0, Buffer.from('x')))
  expect(await wire.closed()).toEqual([])
})

it.each([0, 2, 9, 11, 13, 15])(
  'a packet of type %i, which no client may send, closes [MQTT-4.8.0-1]',
  async type => {
    const wire = await mqtt.connected()
    wire.send(packet(type, 0, Buffer.from([0, 1])))
    expect(await wire.closed()).toEqual([])
  },
)

it('a client that is silent for one and a half times its keep-alive is closed as if the network had failed, not before [MQTT-3.1.2-24]', async () => {
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(topic)
  const startMs = performance.now()
  const wire = await mqtt.connected({ keepAlive: 1, will: { topic, payload: 'silent' } })
  expect((await watcher.receive(1))[0]?.payload).toBe('silent')
  await wire.closed()
  // The upper bound leaves the machine its pauses; the lower one is exact but for the clock's grain.
  const tookMs = performance.now() - startMs
  expect(tookMs).toBeGreaterThan(1490)
  expect(tookMs).toBeLessThan(5000)
})

it.each([
  ['PINGREQ', PINGREQ],
  ['PUBLISH', publish({ topic: 'p/alive' })],
])('a client that sends %s in time stays [MQTT-3.1.2-23] [MQTT-3.1.2-24]', async (_name, bytes) => {
  const wire = await mqtt.connected({ keepAlive: 2 })
  for (let i = 0; i < 8; i++) {
    await sleep(450)
    wire.send(bytes)
  }
  await wire.ping()
})

it('bytes that never become a packet do not count as a sign of life [MQTT-3.1.2-24]', async () => {
  const wire = await mqtt.connected({ keepAlive: 1 })
  const whole = publish({ topic: 'p/drip', payload: 'x'.repeat(50) })
  const drip = (async () => {
    for (const byte of whole) {
      if (wire.stream.destroyed) return
      wire.send(Buffer.from([byte]))
      await sleep(100)
    }
  })()
  const startMs = performance.now()
  await wire.closed()
  expect(performance.now() - startMs).toBeLessThan(5000)
  await drip
})
