import type { AddressInfo } from 'node:net'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { suite } from './fixture.ts'
import { connected, type Wire } from './wire.ts'

const mqtt = suite()

/** Between clients and broker; once silent, it passes nothing on, and ends nothing: as a cable that was cut. */
let between: Server
let isSilent = false
const sockets = new Set<Socket>()
beforeAll(async () => {
  between = createServer(client => {
    const broker = dial({ port: mqtt.broker.port, host: '127.0.0.1' })
    for (const [from, to] of [
      [client, broker],
      [broker, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('data', data => void (isSilent || to.write(data)))
      from.on('close', () => void (isSilent || to.destroy()))
    }
  })
  await new Promise<void>(resolve => between.listen(0, '127.0.0.1', resolve))
})
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  between.close()
})

it('peers that are gone without a word are noticed after one and a half times their keep-alive, and each will is published once [MQTT-3.1.2-24] [MQTT-3.1.2-8]', async () => {
  const count = 50
  const topic = mqtt.name()
  const watcher = await mqtt.connected()
  await watcher.subscribe(`${topic}/#`, 1)
  const { port } = between.address() as AddressInfo
  const wires: Wire[] = []
  for (let i = 0; i < count; i++) {
    const will = { topic: `${topic}/${i}`, payload: 'gone', qos: 1 }
    const wire = await connected(port, { clientId: `${topic}-${i}`, clean: i % 2 === 0, keepAlive: 2, will })
    // Half of them are being sent to, and acknowledge nothing any more.
    if (i % 4 < 2) await wire.subscribe('half-open/news', 1)
    await wire.ping()
    wires.push(wire)
  }
  const silentMs = performance.now()
  isSilent = true
  const publisher = await mqtt.connected()
  await publisher.publish({ topic: 'half-open/news', payload: 'x'.repeat(1000), qos: 1 })
  const first = await watcher.receive(1)
  const firstMs = performance.now() - silentMs
  const others = await watcher.receive(count - 1)
  const lastMs = performance.now() - silentMs
  // The clocks started with the last packet of each, a little before.
  expect(firstMs).toBeGreaterThan(2000)
  expect(lastMs).toBeLessThan(3000 + 4000)
  await publisher.publish({ topic: `${topic}/end`, qos: 1 })
  const topics = [...first, ...others].map(message => message.topic)
  expect(new Set(topics).size).toBe(count)
  expect((await watcher.receive(1))[0]?.topic).toBe(`${topic}/end`)
  // What was sent into the void is in the sessions that outlive it.
  const again = await mqtt.connected({ clientId: `${topic}-1`, clean: false })
  expect(await again.receive(1)).toMatchObject([{ topic: 'half-open/news', dup: true }])
})
