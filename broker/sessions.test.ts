import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Delivery } from './delivery.ts'
import { listener, send, sleeper } from './fixture.ts'
import { FreshBroker } from './fresh-broker.ts'
import { persistenceOptions } from './persistence/fixture.ts'
import { SqlitePersistence } from './persistence/sqlite-persistence.ts'
import { connectRaw } from './raw-client.ts'

/** When the broker takes it that clients of an earlier run are gone. */
const RETURN_WITHIN_MS = 60_000

const broker = new FreshBroker()

function numbered(topic: string, count: number, from = 0): [string, string][] {
  return Array.from({ length: count }, (_, i) => [topic, String(from + i)])
}

function heardFrom(messages: readonly [string, string][]): string[] {
  return messages.map(message => message.join(' '))
}

describe.each([
  { name: 'a persistence that answers at once', isLate: false },
  { name: 'a persistence that takes 1-20 ms', isLate: true },
])('with $name', ({ isLate }) => {
  const start = () => broker.start({ isLate })
  const restart = () => broker.restart({ isLate })

  it('a sleeping client gets what it missed once and in order, also after a restart', async () => {
    await start()
    const device = await sleeper(broker.port, 'valve')
    await device.client.subscribeAsync('cmd/valve/#', { qos: 1 })
    await device.client.endAsync()
    const missed = numbered('cmd/valve/set', 20)
    await send(broker.port, missed)
    await restart()
    await send(broker.port, [['cmd/valve/set', '20']])
    const again = await sleeper(broker.port, 'valve')
    await again.count(21)
    await send(broker.port, [['cmd/valve/set', '21']])
    await again.count(22)
    expect(again.heard).toEqual(heardFrom(numbered('cmd/valve/set', 22)))
    expect(again.packets.some(({ dup, retain }) => dup || retain)).toBe(false)
    await again.client.endAsync()
    const third = await sleeper(broker.port, 'valve')
    await send(broker.port, [['cmd/valve/set', 'last']])
    await third.count(1)
    expect(third.heard).toEqual(['cmd/valve/set last'])
    await third.client.endAsync()
  })

  it('nothing new overtakes what was missed, while it is being sent', async () => {
    await start()
    const device = await sleeper(broker.port, 'valve')
    await device.client.subscribeAsync('cmd/#', { qos: 1 })
    await device.client.endAsync()
    const total = isLate ? 60 : 2000
    const half = total / 2
    await send(broker.port, numbered('cmd/x', half))
    const { client: sender } = await listener(broker.port)
    const [again] = await Promise.all([
      sleeper(broker.port, 'valve'),
      ...numbered('cmd/x', half, half).map(([topic, payload]) =>
        sender.publishAsync(topic, payload, { qos: 1 }),
      ),
    ])
    await again.count(total)
    expect(again.heard).toEqual(heardFrom(numbered('cmd/x', total)))
    await again.client.endAsync()
    await sender.endAsync()
  })

  it('a subscriber loses nothing and sees each publisher in order, retained or not, by every level', async () => {
    await start()
    const watcher = await sleeper(broker.port, 'watcher')
    await watcher.client.subscribeAsync('#', { qos: 2 })
    const { client: sender } = await listener(broker.port)
    const total = isLate ? 40 : 300
    const sent = Array.from({ length: total }, (_, i) => ({
      qos: (i % 3) as 0 | 1 | 2,
      retain: i % 5 === 0,
      i,
    }))
    await Promise.all(
      sent.map(({ qos, retain, i }) => sender.publishAsync(`by/${qos}`, String(i), { qos, retain })),
    )
    await watcher.count(total)
    for (const level of [0, 1, 2]) {
      const wanted = sent.filter(({ qos }) => qos === level).map(({ i }) => `by/${level} ${i}`)
      expect(watcher.heard.filter(line => line.startsWith(`by/${level} `))).toEqual(wanted)
    }
    await watcher.client.endAsync()
    await sender.endAsync()
  })

  it('overlapping filters lose nothing and deliver once, at the best level', async () => {
    await start()
    const device = await sleeper(broker.port, 'overlap')
    await device.client.subscribeAsync({ 'a/#': { qos: 1 }, 'a/b': { qos: 2 }, '+/b': { qos: 0 } })
    await send(
      broker.port,
      [
        ['a/b', 'awake'],
        ['a/c', 'awake'],
      ],
      2,
    )
    await device.count(2)
    await sleep(50)
    await device.client.endAsync()
    await send(
      broker.port,
      [
        ['a/b', 'asleep'],
        ['a/c', 'asleep'],
      ],
      2,
    )
    await restart()
    const again = await sleeper(broker.port, 'overlap')
    await again.count(2)
    await send(broker.port, [['a/b', 'end']])
    await again.count(3)
    for (const { heard, packets } of [device, again]) {
      expect(heard.toSorted().slice(0, 2)).toEqual(
        heard === device.heard ? ['a/b awake', 'a/c awake'] : ['a/b asleep', 'a/b end'],
      )
      for (const { topic, qos } of packets.slice(0, 2)) expect(qos).toBe(topic === 'a/b' ? 2 : 1)
    }
    expect(device.heard).toHaveLength(2)
    expect(again.heard).toHaveLength(3)
    await again.client.endAsync()
  })

  it('retained messages survive a restart, and an empty payload clears them', async () => {
    await start()
    await send(
      broker.port,
      [
        ['home/a/state', '1'],
        ['home/b/state', '1'],
        ['home/c', '1'],
      ],
      1,
      true,
    )
    await send(broker.port, [['home/b/state', '']], 1, true)
    await send(broker.port, [['home/a/state', '2']], 0, true)
    await restart()
    const watcher = await listener(broker.port)
    await watcher.client.subscribeAsync('home/+/state', { qos: 1 })
    await watcher.count(1)
    await send(broker.port, [['home/end/state', 'x']])
    await watcher.count(2)
    expect(watcher.heard).toEqual(['home/a/state 2', 'home/end/state x'])
    expect(watcher.packets.map(({ retain }) => retain)).toEqual([true, false])
    await watcher.client.endAsync()
  })

  it('a filter that was denied beside a granted one brings nothing, now or after sleep', async () => {
    await start()
    const alice = await sleeper(broker.port, 'alice')
    const granted = await alice.client
      .subscribeAsync({ 'alice/#': { qos: 1 }, '$SYS/#': { qos: 1 } })
      .catch(() => null)
    expect(granted === null || granted.some(({ qos }) => qos === 128)).toBe(true)
    await alice.client.endAsync()
    const publish = (topic: string) =>
      broker.broker.publish({ topic, payload: Buffer.from('x'), qos: 1, retain: false })
    await publish('$SYS/secret')
    await publish('alice/x')
    await restart()
    await publish('$SYS/secret')
    const again = await sleeper(broker.port, 'alice')
    await publish('alice/y')
    await again.count(2)
    expect(again.heard).toEqual(['alice/x x', 'alice/y x'])
    await again.client.endAsync()
  })

  it('a clean session ends the one before it', async () => {
    await start()
    const device = await sleeper(broker.port, 'valve')
    await device.client.subscribeAsync('cmd/#', { qos: 1 })
    await device.client.endAsync()
    await send(broker.port, [['cmd/x', 'missed']])
    await (await listener(broker.port, { clientId: 'valve', clean: true })).client.endAsync()
    const again = await sleeper(broker.port, 'valve')
    await again.client.subscribeAsync('cmd/#', { qos: 1 })
    await send(broker.port, [['cmd/x', 'new']])
    await again.count(1)
    expect(again.heard).toEqual(['cmd/x new'])
    await again.client.endAsync()
  })
})

describe('limits', () => {
  it('a queue that is full drops what comes, and counts it', async () => {
    await broker.start({
      sessions: { maxQueuedMessages: 10, maxQueuedBytes: 100_000 },
    })
    const device = await sleeper(broker.port, 'valve')
    await device.client.subscribeAsync('cmd/#', { qos: 1 })
    await device.client.endAsync()
    await send(broker.port, numbered('cmd/x', 15))
    expect(broker.broker.stats.dropped['queue-messages']).toBe(5)
    const again = await sleeper(broker.port, 'valve')
    await again.count(10)
    expect(again.heard).toEqual(heardFrom(numbered('cmd/x', 10)))
    await again.client.endAsync()
    await send(broker.port, [
      ['cmd/big', 'x'.repeat(60_000)],
      ['cmd/big', 'y'.repeat(60_000)],
    ])
    expect(broker.broker.stats.dropped['queue-bytes']).toBe(1)
  })

  it('retained messages beyond their number or bytes are not kept, and counted; known topics go on', async () => {
    await broker.start({ retained: { maxMessages: 3, maxBytes: 2000 } })
    await send(
      broker.port,
      [
        ['r/1', 'a'],
        ['r/2', 'a'],
        ['r/3', 'a'],
        ['r/4', 'a'],
      ],
      1,
      true,
    )
    await send(
      broker.port,
      [
        ['r/1', 'b'],
        ['r/2', 'x'.repeat(3000)],
      ],
      1,
      true,
    )
    expect(broker.broker.stats).toMatchObject({ retained: 3, dropped: { retained: 2 } })
    const watcher = await listener(broker.port)
    await watcher.client.subscribeAsync('r/#', { qos: 1 })
    await watcher.count(3)
    expect(watcher.heard.toSorted()).toEqual(['r/1 b', 'r/2 a', 'r/3 a'])
    await watcher.client.endAsync()
  })

  it('a session whose client stays away ends, and its memory is free again', async () => {
    await broker.start({ sessions: { expiryMs: 300 } })
    const [away, here] = [await sleeper(broker.port, 'away'), await sleeper(broker.port, 'here')]
    await away.client.subscribeAsync('cmd/#', { qos: 1 })
    await here.client.subscribeAsync('cmd/#', { qos: 1 })
    await away.client.endAsync()
    await send(broker.port, numbered('cmd/x', 5))
    await here.count(5)
    while (broker.broker.stats.sessionsExpired === 0) await sleep(20)
    expect(broker.broker.stats).toMatchObject({ sessions: 1, queuedMessages: 0, queuedBytes: 0 })
    await here.client.endAsync()
  })

  it('one session too many is refused', async () => {
    await broker.start({ sessions: { maxSessions: 1 } })
    const first = await sleeper(broker.port, 'first')
    await first.client.subscribeAsync('cmd/#', { qos: 1 })
    const second = await sleeper(broker.port, 'second')
    const closed = new Promise<void>(resolve => second.client.once('close', () => resolve()))
    second.client.subscribe('cmd/#', { qos: 1 })
    await closed
    expect(broker.broker.stats.sessionsRefused).toBeGreaterThan(0)
    await second.client.endAsync(true)
    await first.client.endAsync()
  })
})

it('a will of a client that did not say goodbye is published, in this run', async () => {
  await broker.start()
  const watcher = await listener(broker.port)
  await watcher.client.subscribeAsync('status/#', { qos: 1 })
  const device = await listener(broker.port, {
    will: { topic: 'status/a', payload: Buffer.from('gone'), qos: 1, retain: true },
  })
  device.client.stream.destroy()
  await watcher.count(1)
  expect(watcher.heard).toEqual(['status/a gone'])
  await device.client.endAsync(true)
  await watcher.client.endAsync()
})

it('a will of an earlier run is judged like a message; one that is refused is not tried again', async () => {
  const earlier = new SqlitePersistence(persistenceOptions(broker.directory))
  for (const id of ['bad', 'good']) {
    const will = { topic: `status/${id}`, payload: Buffer.from('gone'), qos: 1, retain: false } as const
    await earlier.putWill({ id }, { ...will })
  }
  await earlier.destroy()
  const due: (() => void)[] = []
  const { setTimeout: wait } = globalThis
  vi.stubGlobal('setTimeout', (act: () => void, ms?: number) => {
    if (ms === RETURN_WITHIN_MS) due.push(act)
    return wait(act, ms)
  })
  onTestFinished(() => void vi.unstubAllGlobals())
  const judged: Delivery[] = []
  const accept = (delivery: Delivery) => {
    judged.push(delivery)
    return delivery.client === 'bad' ? 'forbidden' : Promise.resolve()
  }
  await broker.start({ accept })
  const watcher = await listener(broker.port)
  await watcher.client.subscribeAsync('status/#', { qos: 1 })
  expect(judged).toEqual([])
  for (const act of due) act()
  await watcher.count(1)
  await watcher.client.endAsync()
  expect(judged).toHaveLength(2)
  for (const delivery of judged) expect(delivery).toMatchObject({ dup: false, packetId: null, qos: 1 })
  await broker.close()
  const later = new SqlitePersistence(persistenceOptions(broker.directory))
  expect(later.wills.get('bad')).toBeUndefined()
  await later.destroy()
})

it('what the disk refused reaches no sleeper, though its sender said goodbye before that was known', async () => {
  const isRefused = Promise.withResolvers<void>()
  isRefused.promise.catch(() => undefined)
  await broker.start({
    accept: ({ topic }) => (topic === 'refused' ? isRefused.promise : Promise.resolve()),
  })
  const device = await sleeper(broker.port, 'valve')
  await device.client.subscribeAsync('#', { qos: 1 })
  await device.client.endAsync()
  const sender = await connectRaw(broker.port, {})
  const common = { cmd: 'publish', payload: '', qos: 1, retain: false, dup: false } as const
  sender.send({ ...common, topic: 'refused', messageId: 1 })
  // Not acknowledged either, being behind it.
  sender.send({ ...common, topic: 'behind', messageId: 2 })
  sender.send({ cmd: 'disconnect' })
  await sender.closed
  isRefused.reject(new Error('full'))
  await sleep(0)
  await send(broker.port, [['end', '']])
  const again = await sleeper(broker.port, 'valve')
  await again.count(1)
  expect(again.heard).toEqual(['end '])
  expect(broker.broker.stats.queuedMessages).toBeLessThanOrEqual(1)
  await again.client.endAsync()
})
