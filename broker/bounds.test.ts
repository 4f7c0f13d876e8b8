/** What clients leave behind, and try to make more of: each bound, by those who lean on it. */

import { describe, expect, it } from 'vitest'
import { acknowledge, connect, DISCONNECT, publish, subscribe, unsubscribe } from './conformance/packets.ts'
import { connected, Wire } from './conformance/wire.ts'
import { until } from './fixture.ts'
import { FreshBroker } from './fresh-broker.ts'
import { Chance } from './fuzz/chance.ts'
import { heapMb } from './fuzz/heap.ts'
import { dial } from './fuzz/sessions.ts'

const broker = new FreshBroker()

async function goodbye(wire: Wire): Promise<void> {
  wire.send(DISCONNECT)
  await wire.closed()
}

describe('queues', () => {
  const LIMITS = { maxQueuedMessages: 50, maxQueuedBytes: 20_000, maxTotalBytes: 60_000 }

  it('of clients that are away, that read and do not acknowledge, or hold half of QoS 2, stay within count and bytes', async () => {
    await broker.start({ sessions: LIMITS })
    const away = await connected(broker.port, { clientId: 'away', clean: false })
    await away.subscribe('flood/#', 2)
    await goodbye(away)
    const silent = await connected(broker.port, { clientId: 'silent', clean: false })
    await silent.subscribe('flood/#', 1)
    const half = await connected(broker.port, { clientId: 'half', clean: false })
    await half.subscribe('flood/#', 2)
    const publisher = await connected(broker.port)
    for (let i = 0; i < 300; i++) {
      await publisher.publish({
        topic: 'flood/x',
        payload: 'x'.repeat(i % 3 === 0 ? 2000 : 10),
        qos: 1 + (i % 2),
      })
      const [message] = half.unread.splice(0, 1)
      if (message?.kind === 'publish' && message.qos === 2) half.send(acknowledge('pubrec', message.id))
      const { queuedMessages, queuedBytes } = broker.broker.stats
      expect(queuedMessages).toBeLessThanOrEqual(150)
      expect(queuedBytes).toBeLessThanOrEqual(LIMITS.maxTotalBytes)
    }
    const { dropped } = broker.broker.stats
    expect(dropped['queue-messages'] + dropped['queue-bytes'] + dropped['all-queues']).toBeGreaterThan(500)
    await broker.restart({ sessions: LIMITS })
    expect(broker.broker.stats.queuedBytes).toBeLessThanOrEqual(LIMITS.maxTotalBytes)
  })

  it('share one bound in bytes: many sessions are no way around it', async () => {
    await broker.start({ sessions: LIMITS })
    for (let i = 0; i < 20; i++) {
      const wire = await connected(broker.port, { clientId: `s${i}`, clean: false })
      await wire.subscribe('flood', 1)
      await goodbye(wire)
    }
    const publisher = await connected(broker.port)
    for (let i = 0; i < 20; i++)
      await publisher.publish({ topic: 'flood', payload: 'x'.repeat(1000), qos: 1 })
    const { queuedBytes, dropped } = broker.broker.stats
    expect(queuedBytes).toBeLessThanOrEqual(LIMITS.maxTotalBytes)
    expect(dropped['all-queues']).toBeGreaterThan(100)
    // What fits again is queued again.
    for (let i = 0; i < 20; i++)
      await (await connected(broker.port, { clientId: `s${i}`, clean: true })).drop()
    expect(broker.broker.stats).toMatchObject({ queuedMessages: 0, queuedBytes: 0, sessions: 0 })
  })
})

it('retained messages: whatever is published, replaced and cleared, count and bytes are those that are there', async () => {
  const limits = { maxMessages: 40, maxBytes: 30_000 }
  await broker.start({ retained: limits })
  const chance = new Chance(1)
  const kept = new Map<string, string>()
  const publisher = await connected(broker.port)
  for (let i = 0; i < 600; i++) {
    const topic = `r/${chance.below(80)}`
    const payload = chance.is(0.3) ? '' : 'x'.repeat(chance.below(3000))
    const before = broker.broker.stats.dropped.retained
    await publisher.publish({ topic, payload, qos: 1 + chance.below(2), retain: true })
    if (payload === '') kept.delete(topic)
    else if (broker.broker.stats.dropped.retained === before) kept.set(topic, payload)
    const { retained, retainedBytes } = broker.broker.stats
    expect(retained).toBe(kept.size)
    expect(retained).toBeLessThanOrEqual(limits.maxMessages)
    expect(retainedBytes).toBeLessThanOrEqual(limits.maxBytes)
  }
  expect(broker.broker.stats.dropped.retained).toBeGreaterThan(20)
  await broker.restart({ retained: limits })
  const watcher = await connected(broker.port)
  await watcher.subscribe('r/#', 1)
  const found = await watcher.receive(kept.size)
  expect(new Map(found.map(({ topic, payload }) => [topic, payload]))).toEqual(kept)
  const again = await connected(broker.port)
  for (const topic of kept.keys()) await again.publish({ topic, qos: 1, retain: true })
  expect(broker.broker.stats).toMatchObject({ retained: 0, retainedBytes: 0 })
})

describe('sessions', () => {
  it('beyond their number are refused, whatever makes one: filters, or QoS 2 that is never released', async () => {
    await broker.start({ sessions: { maxSessions: 5 } })
    const filters: Wire[] = []
    for (let i = 0; i < 3; i++) {
      const wire = await connected(broker.port, { clientId: `f${i}`, clean: false })
      await wire.subscribe('a', 1)
      filters.push(wire)
    }
    for (let i = 0; i < 20; i++) {
      const wire = await connected(broker.port, { clientId: `q${i}`, clean: false })
      wire.send(publish({ topic: 'a', qos: 2, id: 1 }))
      await Promise.race([wire.find('pubrec').catch(() => null), wire.closed()])
      await wire.drop()
      expect(broker.broker.stats.sessions).toBeLessThanOrEqual(5)
    }
    expect(broker.broker.stats.sessionsRefused).toBeGreaterThanOrEqual(18)
    // Those that are there go on.
    await Promise.all(filters.map(wire => wire.ping()))
    await broker.restart({ sessions: { maxSessions: 5 } })
    expect(broker.broker.stats.sessions).toBe(5)
  })

  it('remember so many unreleased messages of QoS 2, however often their client comes back', async () => {
    await broker.start({ limits: { maxInflight: 100 } })
    let id = 0
    for (let round = 0; round < 10; round++) {
      const wire = await connected(broker.port, { clientId: 'half', clean: false })
      for (let i = 0; i < 60; i++)
        wire.send(publish({ topic: 'a', payload: 'x'.repeat(1000), qos: 2, id: ++id }))
      await Promise.race([until(() => wire.unread.length === 60), wire.closed()])
      await wire.drop()
    }
    expect(broker.broker.stats.incoming).toBeLessThanOrEqual(100)
    // Who releases what it has may go on.
    const wire = await connected(broker.port, { clientId: 'half', clean: false })
    for (let i = 1; i <= id; i++) wire.send(acknowledge('pubrel', i))
    await until(() => wire.unread.length === id)
    wire.unread.length = 0
    await wire.publish({ topic: 'a', qos: 2, id: 1 })
    expect(broker.broker.stats).toMatchObject({ incoming: 0, sessions: 0 })
  })

  it('under one id are one session, however often it comes, in whatever way', async () => {
    await broker.start()
    for (let i = 0; i < 100; i++) {
      const wire = new Wire(dial(broker.broker))
      wire.send(connect({ clientId: 'same', clean: false }), subscribe(1, [[`a/${i % 10}`, 1]]))
      await wire.find('suback')
      if (i % 3 === 0) wire.stream.destroy()
    }
    expect(broker.broker.stats.sessions).toBe(1)
    await until(() => broker.broker.clients <= 1)
  })
})

it('subscriptions of a session that goes on count, for its client and in all, however often it comes back', async () => {
  await broker.start({ limits: { maxSubscriptionsPerClient: 5, maxSubscriptions: 8 } })
  const filters = (round: number) =>
    Array.from({ length: 5 }, (_, i): [string, number] => [`r${round}/${i}`, 1])
  for (let round = 0; round < 4; round++) {
    const wire = await connected(broker.port, { clientId: 'p', clean: false })
    expect(broker.broker.stats.subscriptions).toBe(round === 0 ? 0 : 5)
    wire.send(subscribe(1, filters(round)))
    const isGranted = round === 0
    expect((await wire.find('suback')).codes).toEqual(Array(5).fill(isGranted ? 1 : 0x80))
    // What it has may be asked for again.
    expect(await wire.subscribe('r0/4', 1)).toBe(1)
    expect(broker.broker.stats.subscriptions).toBe(5)
    await wire.drop()
    await until(() => broker.broker.stats.subscriptions === 0)
  }
  const back = await connected(broker.port, { clientId: 'p', clean: false })
  const other = await connected(broker.port, { clientId: 'other' })
  other.send(subscribe(1, filters(9)))
  expect((await other.find('suback')).codes).toEqual([1, 1, 1, 0x80, 0x80])
  expect(broker.broker.stats).toMatchObject({
    subscriptions: 8,
    subscriptionsRefused: { client: 15, all: 2 },
  })
  await back.drop()
  await until(() => broker.broker.stats.subscriptions === 3)
})

it('a storm of SUBSCRIBE and UNSUBSCRIBE leaves nothing', async () => {
  await broker.start()
  for (const clean of [true, false]) {
    const wire = new Wire(dial(broker.broker))
    wire.send(connect({ clientId: `storm-${clean}`, clean }))
    await wire.next('connack')
    for (let round = 0; round < 15; round++) {
      const filters = Array.from({ length: 100 }, (_, i) => `storm/${round}/${i}/+`)
      wire.send(
        subscribe(
          1,
          filters.map(filter => [filter, 1]),
        ),
        unsubscribe(2, filters),
      )
      await wire.find('suback')
      await wire.find('unsuback')
    }
    await goodbye(wire)
  }
  await until(() => broker.broker.clients === 0)
  expect(broker.broker.stats).toMatchObject({ sessions: 0, subscriptions: 0 })
})

it('rounds of all of that do not make the heap grow', async () => {
  await broker.start({ sessions: { maxQueuedMessages: 50, maxSessions: 50 }, retained: { maxMessages: 50 } })
  const sizesMb: number[] = []
  for (let round = 0; round < 9; round++) {
    await abuse(round)
    if (round >= 3) sizesMb.push(heapMb())
  }
  // Its beginning is warm: what grows now would grow for ever.
  expect(sizesMb.at(-1)! - sizesMb[0]!).toBeLessThan(4)
})

async function abuse(round: number): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const wire = new Wire(dial(broker.broker))
    const clientId = i % 2 === 0 ? `fresh-${round}-${i}` : `known-${i}`
    const will = { topic: `will/${round}/${i}`, payload: 'x'.repeat(100), qos: 1, retain: true }
    wire.send(
      connect({ clientId, clean: i % 3 === 0, will }),
      subscribe(1, [
        [`own/${round}/${i}`, 1],
        ['flood/#', 2],
      ]),
      ...Array.from({ length: 10 }, (_, n) =>
        publish({
          topic: `flood/${round}/${i}/${n}`,
          payload: 'x'.repeat(500),
          qos: n % 3,
          retain: n === 1,
          id: n + 1,
        }),
      ),
      unsubscribe(2, [`own/${round}/${i}`]),
    )
    await Promise.race([wire.find('unsuback').catch(() => null), wire.closed()])
    if (i % 4 === 0) await goodbye(wire)
    else await wire.drop()
  }
  await until(() => broker.broker.clients === 0)
}
