import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { FreshBroker } from '../../fresh-broker.ts'
import { type ConnectFields, type Peer, publish, subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()

const lasting = (clientId: string, sessionExpiryInterval = 600): ConnectFields => ({
  clientId,
  clean: false,
  properties: { sessionExpiryInterval },
})

async function hears(peer: Peer, count: number): Promise<string[]> {
  while (peer.heard().length < count) await peer.settled()
  return peer.heard()
}

it('a session lasts for its expiry, and no longer; without one it ends with its connection', async () => {
  await on.start()
  const first = await on.greet(lasting('s', 600))
  expect(first.connack.sessionPresent).toBe(false)
  await first.drop()
  const second = await on.greet(lasting('s', 1))
  // [MQTT-3.1.2-23], [MQTT-3.1.2-5], [MQTT-3.2.2-3]
  expect(second.connack.sessionPresent).toBe(true)
  await second.drop()
  await sleep(1200)
  const third = await on.greet(lasting('s', 0))
  // [MQTT-4.1.0-2]
  expect(third.connack.sessionPresent).toBe(false)
  await third.drop()
  expect((await on.greet(lasting('s', 600))).connack.sessionPresent).toBe(false)
  const clean = await on.greet({ ...lasting('s'), clean: true })
  // [MQTT-3.1.2-4], [MQTT-3.2.2-2]
  expect(clean.connack.sessionPresent).toBe(false)
})

it('DISCONNECT can change how long a session lasts, but not make one last', async () => {
  await on.start()
  const first = await on.greet(lasting('s'))
  first.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } })
  await first.closed
  const second = await on.greet(lasting('s', 0))
  expect(second.connack.sessionPresent).toBe(false)
  second.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 5 } })
  expect(await second.next('disconnect')).toMatchObject({ reasonCode: 0x82 })
  await second.closed
})

it('what a sleeping client missed comes in order, with its properties, also after a restart', async () => {
  await on.start()
  const sleeper = await on.greet(lasting('s'))
  await subscribe(sleeper, 'cmd/#')
  await sleeper.leave()
  const sender = await on.greet()
  const properties = { contentType: 'text/plain', userProperties: { a: '1' }, messageExpiryInterval: 300 }
  for (let i = 0; i < 20; i++)
    await publish(sender, 'cmd/x', String(i), { qos: i % 2 === 0 ? 1 : 2, properties })
  await publish(sender, 'cmd/x', 'best effort', { qos: 0 })
  await on.restart()
  await publish(await on.greet(), 'cmd/x', '20', { properties })
  const again = await on.greet(lasting('s'))
  expect(again.connack.sessionPresent).toBe(true)
  expect(await hears(again, 21)).toEqual(Array.from({ length: 21 }, (_, i) => `cmd/x ${i}`))
  for (const packet of again.received) {
    if (packet.cmd !== 'publish') continue
    expect(packet).toMatchObject({ dup: false, retain: false })
    expect(packet.properties).toMatchObject({ contentType: 'text/plain', userProperties: { a: '1' } })
    expect(packet.properties?.messageExpiryInterval).toBeGreaterThan(200)
  }
})

it('what was sent and not acknowledged is sent again as it was, and marked; what was released is released', async () => {
  await on.start()
  const first = await on.greet(lasting('s'))
  await subscribe(first, '#')
  const sender = await on.greet()
  await publish(sender, 'a', 'one')
  await publish(sender, 'a', 'two', { qos: 2 })
  await publish(sender, 'a', 'released', { qos: 2 })
  await hears(first, 3)
  const ids = first.received.flatMap(packet => (packet.cmd === 'publish' ? [packet.messageId ?? 0] : []))
  first.send({ cmd: 'pubrec', messageId: ids[2]! })
  await first.next('pubrel')
  await first.drop()
  const resent = async () => {
    const again = await on.greet(lasting('s'))
    expect(await again.next('pubrel')).toMatchObject({ messageId: ids[2] })
    await hears(again, 2)
    // [MQTT-3.3.1-1], [MQTT-4.4.0-1], [MQTT-4.3.3-6]
    const published = again.received.flatMap(packet => (packet.cmd === 'publish' ? [packet] : []))
    expect(published.map(({ payload, messageId, dup }) => [payload.toString(), messageId, dup])).toEqual([
      ['one', ids[0], true],
      ['two', ids[1], true],
    ])
    return again
  }
  await (await resent()).drop()
  await on.restart()
  const last = await resent()
  last.send({ cmd: 'pubcomp', messageId: ids[2]! })
  last.send({ cmd: 'puback', messageId: ids[0]! })
  last.send({ cmd: 'pubrec', messageId: ids[1]! })
  await last.next('pubrel')
  last.send({ cmd: 'pubcomp', messageId: ids[1]! })
  await last.settled()
  expect(on.broker.stats.queuedMessages).toBe(0)
})

it('a QoS 2 message that was received is known after a restart, until it is released', async () => {
  await on.start()
  const watcher = await on.greet(lasting('w'))
  await subscribe(watcher, 'a')
  await watcher.leave()
  const sender = await on.greet(lasting('s'))
  const packet = { cmd: 'publish', topic: 'a', payload: 'x', qos: 2, messageId: 9, retain: false } as const
  sender.send({ ...packet, dup: false })
  await sender.next('pubrec')
  await sender.drop()
  await on.restart()
  const again = await on.greet(lasting('s'))
  again.send({ ...packet, dup: true })
  // [MQTT-4.3.3-10]
  expect(await again.next('pubrec')).toMatchObject({ messageId: 9 })
  again.send({ cmd: 'pubrel', messageId: 9 })
  expect(await again.next('pubcomp')).toMatchObject({ messageId: 9 })
  const awake = await on.greet(lasting('w'))
  await hears(awake, 1)
  await awake.settled()
  expect(awake.heard()).toEqual(['a x'])
})

it('a session goes on in another version, both ways', async () => {
  await on.start()
  const first = await on.greet(lasting('s'))
  await subscribe(first, 'a/#', { qos: 1 }, 5)
  await subscribe(first, '$share/g/b', { qos: 1 })
  await first.leave()
  const sender = await on.greet()
  await publish(sender, 'a/1', 'for the older')
  const older = await connectRaw(on.port, { clientId: 's', clean: false })
  expect(older.received[0]).toMatchObject({ cmd: 'connack', sessionPresent: true })
  const packet = await older.next('publish')
  expect(packet).toMatchObject({ topic: 'a/1', qos: 1, dup: false })
  older.send({ cmd: 'puback', messageId: packet.messageId ?? 0 })
  await publish(sender, 'a/1', 'live')
  const live = await older.next('publish')
  older.send({ cmd: 'puback', messageId: live.messageId ?? 0 })
  older.send({ cmd: 'disconnect' })
  await older.closed
  await publish(sender, 'a/1', 'for the newer')
  const newer = await on.greet(lasting('s'))
  expect(newer.connack.sessionPresent).toBe(true)
  await hears(newer, 1)
  expect(newer.heard()).toEqual(['a/1 for the newer'])
  await publish(sender, 'b', 'shared')
  expect(await hears(newer, 2)).toContain('b shared')
})

it('the queue of one that sleeps is bounded, and what it lacks is counted', async () => {
  await on.start({ sessions: { maxQueuedMessages: 5 } })
  const sleeper = await on.greet(lasting('s'))
  await subscribe(sleeper, '#')
  await sleeper.leave()
  const sender = await on.greet()
  for (let i = 0; i < 8; i++) await publish(sender, 'a', String(i))
  expect(on.broker.stats.dropped).toMatchObject({ 'queue-messages': 3 })
  const again = await on.greet(lasting('s'))
  expect(await hears(again, 5)).toEqual([0, 1, 2, 3, 4].map(i => `a ${i}`))
})

it('when there are too many sessions, a client is told that its own will not last', async () => {
  await on.start({ sessions: { maxSessions: 1 } })
  await on.greet(lasting('one'))
  const other = await on.greet(lasting('two'))
  expect(other.connack.properties?.sessionExpiryInterval).toBe(0)
  expect(await subscribe(other, 'a')).toBe(2)
  expect(on.broker.stats.sessionsRefused).toBe(1)
  await other.leave()
  expect((await on.greet(lasting('two', 0))).connack.sessionPresent).toBe(false)
})

it('one that takes nothing has its session filled, or is closed when nothing would keep it', async () => {
  await on.start({ sessions: { maxQueuedBytes: 200_000 } })
  const frozen = await on.greet({ clientId: 'frozen', properties: { receiveMaximum: 1 } })
  await subscribe(frozen, '#')
  const kept = await on.greet({
    ...lasting('kept'),
    properties: { receiveMaximum: 1, sessionExpiryInterval: 9 },
  })
  await subscribe(kept, '#')
  const sender = await on.greet()
  for (let i = 0; i < 25; i++) await publish(sender, 'a', Buffer.alloc(10_000))
  expect(await frozen.next('disconnect')).toMatchObject({ reasonCode: 0x97 })
  await frozen.closed
  await kept.settled()
  expect(kept.heard()).toHaveLength(1)
  const { slowClosed, dropped } = on.broker.stats
  expect(slowClosed).toBe(1)
  expect(dropped['queue-bytes']).toBeGreaterThan(0)
})

it('a burst reaches one that reads, whole and in order', async () => {
  await on.start({ sessions: { maxQueuedMessages: 10 } })
  const { connectAsync } = (await import('mqtt')).default
  const client = await connectAsync({ port: on.port, protocolVersion: 5, reconnectPeriod: 0 })
  const heard: string[] = []
  const isWhole = new Promise<void>(resolve =>
    client.on('message', (_topic, payload) => {
      heard.push(payload.toString('latin1', 0, 5).trim())
      if (heard.length === 3000) resolve()
    }),
  )
  await client.subscribeAsync('#', { qos: 1 })
  const sender = await connectAsync({ port: on.port, protocolVersion: 5, reconnectPeriod: 0 })
  await Promise.all(
    Array.from({ length: 3000 }, (_, i) => sender.publishAsync('a', String(i).padEnd(1000), { qos: 1 })),
  )
  await isWhole
  expect(heard).toEqual(Array.from({ length: 3000 }, (_, i) => String(i)))
  await Promise.all([client.endAsync(), sender.endAsync()])
})

it('no local and retain as published end with MQTT 5: when its client comes back by 3.1.1, it gets what that has', async () => {
  await on.start()
  const newer = await on.greet(lasting('s'))
  await subscribe(newer, 'a', { nl: true, rap: true })
  await newer.leave()
  const sender = await on.greet()
  const older = await connectRaw(on.port, { clientId: 's', clean: false })
  older.send({ cmd: 'publish', topic: 'a', payload: 'own', qos: 1, messageId: 1, retain: false, dup: false })
  await older.next('puback')
  await publish(sender, 'a', 'theirs', { retain: true })
  // [MQTT-3.3.1-9] of 3.1.1: a new message comes without the flag.
  expect(await older.next('publish')).toMatchObject({ payload: Buffer.from('own'), retain: false })
  expect(await older.next('publish')).toMatchObject({ payload: Buffer.from('theirs'), retain: false })
  older.destroy()
  // Also what comes while it sleeps, and after a restart.
  await publish(sender, 'a', 'asleep', { retain: true })
  await on.restart()
  const again = await connectRaw(on.port, { clientId: 's', clean: false })
  const texts: string[] = []
  while (texts.length < 3) {
    const { payload, retain } = await again.next('publish')
    expect(retain).toBe(false)
    texts.push(String(payload))
  }
  expect(texts).toEqual(['own', 'theirs', 'asleep'])
})
