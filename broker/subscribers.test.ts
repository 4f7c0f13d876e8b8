import { setTimeout as sleep } from 'node:timers/promises'
import type { Packet } from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { listener, send, sleeper } from './fixture.ts'
import { FreshBroker } from './fresh-broker.ts'
import { connectRaw } from './raw-client.ts'

const broker = new FreshBroker()

describe('a frozen subscriber', () => {
  it.each([
    { qos: 0, clean: true },
    { qos: 1, clean: true },
    { qos: 1, clean: false },
  ] as const)('of # (QoS $qos, clean session: $clean) stalls nobody', async ({ qos, clean }) => {
    await broker.start()
    const frozen = await connectRaw(broker.port, { clientId: 'frozen', clean })
    frozen.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos }] })
    await frozen.next('suback')
    frozen.socket.pause()

    const watcher = await listener(broker.port)
    const publisher = await listener(broker.port)
    await watcher.client.subscribeAsync('tick', { qos: 0 })
    const gap = worstPause()
    watcher.client.on('message', gap.tick)
    // What the machine itself takes its time for is no stall of ours.
    const lag = worstPause()
    const timer = setInterval(lag.tick, 1)
    let worstAckMs = 0
    const payload = 'x'.repeat(50_000)
    // 20 MB: more than the buffers of the kernel and the bound for one subscriber together.
    for (let round = 0; round < 100; round++) {
      const startMs = performance.now()
      const burst = Array.from({ length: 4 }, () =>
        publisher.client.publishAsync('load', payload, { qos: 1 }),
      )
      await Promise.all(burst)
      worstAckMs = Math.max(worstAckMs, performance.now() - startMs)
      await publisher.client.publishAsync('tick', String(round))
      await sleep(10)
    }
    await watcher.count(100)
    clearInterval(timer)
    expect(gap.worstMs() - lag.worstMs()).toBeLessThan(200)
    expect(worstAckMs - lag.worstMs()).toBeLessThan(200)
    const { skipped, slowClosed } = broker.broker.stats
    if (qos === 0) expect(skipped).toBeGreaterThan(0)
    else {
      // It is kept for it, within the bounds of a queue.
      expect(slowClosed).toBe(0)
      frozen.socket.resume()
      while (countOf(frozen.received, 'load') < 400) await sleep(10)
    }
    frozen.destroy()
    await Promise.all([watcher, publisher].map(({ client }) => client.endAsync()))
  })

  it('with a session finds in its queue what it did not read', async () => {
    await broker.start()
    const frozen = await connectRaw(broker.port, { clientId: 'dashboard', clean: false })
    frozen.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'load/#', qos: 1 }] })
    await frozen.next('suback')
    frozen.socket.pause()
    const total = 2000
    const numbered = Array.from({ length: total }, (_, i): [string, string] => [
      'load/x',
      `${i} ${'x'.repeat(10_000)}`,
    ])
    await send(broker.port, numbered)
    frozen.destroy()
    const again = await sleeper(broker.port, 'dashboard')
    await again.count(total)
    expect(again.heard.map(line => line.split(' ')[1])).toEqual(numbered.map((_, i) => String(i)))
    await again.client.endAsync()
  })
})

it('a burst larger than a socket buffer reaches a subscriber that reads, whole', async () => {
  await broker.start()
  const watcher = await listener(broker.port)
  await watcher.client.subscribeAsync('burst', { qos: 0 })
  await send(
    broker.port,
    Array.from({ length: 2000 }, (_, i) => ['burst', `${i} ${'x'.repeat(200)}`]),
    0,
  )
  await watcher.count(2000)
  expect(broker.broker.stats.skipped).toBe(0)
  await watcher.client.endAsync()
})

it('many retained messages reach a new subscriber whole, as fast as it reads', async () => {
  await broker.start()
  await send(
    broker.port,
    Array.from({ length: 3000 }, (_, i) => [`kept/${i}`, 'x'.repeat(2000)]),
    1,
    true,
  )
  const watcher = await listener(broker.port)
  await watcher.client.subscribeAsync('kept/#', { qos: 0 })
  await watcher.count(3000)
  expect(new Set(watcher.heard).size).toBe(3000)
  expect(watcher.packets.every(({ qos, retain }) => qos === 0 && retain)).toBe(true)
  await watcher.client.endAsync()
})

it('a client without keep-alive is served, and disconnected when it says nothing for the idle limit', async () => {
  await broker.start({ idleTimeoutMs: 1500 })
  const silent = await connectRaw(broker.port, { keepalive: 0 })
  const talking = await connectRaw(broker.port, { keepalive: 0 })
  const pings = setInterval(() => talking.send({ cmd: 'pingreq' }), 300)
  const startMs = performance.now()
  await silent.closed
  expect(performance.now() - startMs).toBeGreaterThan(1000)
  expect(talking.socket.destroyed).toBe(false)
  clearInterval(pings)
  talking.destroy()
})

it('a subscriber whose queue is full is closed: it is to know that it missed something', async () => {
  await broker.start({ sessions: { maxQueuedMessages: 50 } })
  const frozen = await connectRaw(broker.port, { clientId: 'frozen' })
  frozen.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] })
  await frozen.next('suback')
  frozen.socket.pause()
  await send(
    broker.port,
    Array.from({ length: 400 }, () => ['load', 'x'.repeat(50_000)]),
  )
  expect(broker.broker.stats).toMatchObject({ slowClosed: 1, closed: { slow: 1 } })
  frozen.socket.resume()
  await frozen.closed
})

describe('sleepers on full queues', () => {
  // Of all queues together: 100 small messages.
  const sessions = { maxTotalBytes: 20_000 }

  it('cost a subscriber nothing that is there and reads, though its session ends with its connection', async () => {
    await broker.start({ sessions })
    const asleep = await sleeper(broker.port, 'asleep')
    await asleep.client.subscribeAsync('#', { qos: 1 })
    await asleep.client.endAsync()
    const fill = async () => {
      const before = broker.broker.stats.dropped['all-queues']
      await send(
        broker.port,
        Array.from({ length: 120 }, () => ['fill', '']),
      )
      return broker.broker.stats.dropped['all-queues'] - before
    }
    expect(await fill()).toBeGreaterThan(0)
    const reading = await listener(broker.port)
    await reading.client.subscribeAsync('#', { qos: 1 })
    expect(await fill()).toBe(120)
    await reading.count(120)
    expect(broker.broker.stats).toMatchObject({ slowClosed: 0, closed: {} })
    await reading.client.endAsync()
  })

  it('lose nothing by what is under way to those who are there, however many they are', async () => {
    await broker.start({ sessions })
    const asleep = await sleeper(broker.port, 'asleep')
    await asleep.client.subscribeAsync('z', { qos: 1 })
    await asleep.client.endAsync()
    const silent = await Promise.all(
      Array.from({ length: 20 }, (_, i) => connectRaw(broker.port, { clientId: `silent-${i}` })),
    )
    for (const client of silent) {
      client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'm', qos: 1 }] })
      await client.next('suback')
    }
    await send(
      broker.port,
      Array.from({ length: 20 }, () => ['m', 'x'.repeat(1000)]),
    )
    expect(broker.broker.stats.queuedBytes).toBeGreaterThan(20 * 20_000)
    await send(broker.port, [['z', 'for the sleeper']])
    const awake = await sleeper(broker.port, 'asleep')
    await awake.count(1)
    expect(broker.broker.stats.dropped['all-queues']).toBe(0)
    for (const client of silent) client.destroy()
    await awake.client.endAsync()
  })

  it('nor does one that reads and never acknowledges, who is closed', async () => {
    await broker.start({ sessions })
    const silent = await connectRaw(broker.port, { clientId: 'silent' })
    silent.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 1 }] })
    await silent.next('suback')
    const reading = await listener(broker.port)
    await reading.client.subscribeAsync('#', { qos: 1 })
    for (let round = 1; round <= 10; round++) {
      await send(
        broker.port,
        Array.from({ length: 50 }, (_, i) => ['m', `${round} ${i}`]),
      )
      await reading.count(round * 50)
    }
    await silent.closed
    expect(new Set(reading.heard).size).toBe(500)
    expect(broker.broker.stats).toMatchObject({ slowClosed: 1, closed: { slow: 1 } })
    await reading.client.endAsync()
  })
})

describe('QoS 2', () => {
  it('a message sent twice under its identifier is delivered once, also after a restart', async () => {
    await broker.start()
    const device = await sleeper(broker.port, 'valve')
    await device.client.subscribeAsync('cmd/#', { qos: 2 })
    await device.client.endAsync()
    const publish = {
      cmd: 'publish',
      topic: 'cmd/x',
      payload: 'once',
      qos: 2,
      retain: false,
      dup: false,
      messageId: 7,
    } as const
    const first = await connectRaw(broker.port, { clientId: 'sender', clean: false })
    first.send(publish)
    await first.next('pubrec')
    first.destroy()
    await broker.restart()

    const second = await connectRaw(broker.port, { clientId: 'sender', clean: false })
    second.send({ ...publish, dup: true })
    await second.next('pubrec')
    second.send({ cmd: 'pubrel', messageId: 7 })
    await second.next('pubcomp')
    // The identifier is free again: the next message under it is another one.
    second.send({ ...publish, payload: 'next' })
    await second.next('pubrec')
    second.send({ cmd: 'pubrel', messageId: 7 })
    await second.next('pubcomp')
    second.destroy()

    const again = await sleeper(broker.port, 'valve')
    await again.count(2)
    await sleep(100)
    expect(again.heard).toEqual(['cmd/x once', 'cmd/x next'])
    await again.client.endAsync()
  })

  it('a subscriber that vanishes at any step goes on under the same identifier', async () => {
    await broker.start()
    const connect = () => connectRaw(broker.port, { clientId: 'valve', clean: false })
    const device = await connect()
    device.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'cmd/#', qos: 2 }] })
    await device.next('suback')
    await send(broker.port, [['cmd/x', 'once']], 2)
    const first = await device.next('publish')
    expect(first).toMatchObject({ dup: false })
    device.destroy()
    await broker.restart()

    const second = await connect()
    const repeated = await second.next('publish')
    expect(repeated).toMatchObject({ dup: true, messageId: first.messageId })
    second.send({ cmd: 'pubrec', messageId: first.messageId! })
    await second.next('pubrel')
    second.destroy()
    await broker.restart()

    const third = await connect()
    expect(await third.next('pubrel')).toMatchObject({ messageId: first.messageId })
    third.send({ cmd: 'pubcomp', messageId: first.messageId! })
    await sleep(50)
    third.destroy()
    expect(third.received.filter(({ cmd }) => cmd === 'publish')).toEqual([])
    while (broker.broker.stats.queuedMessages > 0) await sleep(10)
  })
})

function countOf(received: readonly Packet[], topic: string): number {
  return received.filter(packet => packet.cmd === 'publish' && packet.topic === topic).length
}

/** The longest time between two ticks. */
function worstPause() {
  let lastMs = performance.now()
  let worstMs = 0
  return {
    tick: () => {
      worstMs = Math.max(worstMs, performance.now() - lastMs)
      lastMs = performance.now()
    },
    worstMs: () => worstMs,
  }
}
