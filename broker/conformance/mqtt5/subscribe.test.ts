import { expect, it } from 'vitest'
import { LIMITS, OPEN } from '../../fixture.ts'
import { FreshBroker } from '../../fresh-broker.ts'
import { type Peer, publish, subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()

function published(peer: Peer) {
  return peer.received.flatMap(packet => (packet.cmd === 'publish' ? [packet] : []))
}

it('is granted as it was asked, or refused with a reason, filter by filter', async () => {
  await on.start({
    authenticate: async () => ({ ok: true, access: { ...OPEN, maySubscribe: filter => filter !== 'no/#' } }),
  })
  const peer = await on.greet()
  const filters: [string, number][] = [
    ['a/+/c', 0],
    ['a/#', 1],
    ['#', 2],
    ['a/b#', 0x8f],
    ['a+/b', 0x8f],
    ['#/a', 0x8f],
    ['$share//a', 0x8f],
    ['$share/g+/a', 0x8f],
    ['$share/g/', 0x8f],
    ['$share/g', 0x8f],
    ['$SYS/#', 0x80],
    ['no/#', 0x80],
    ['$share/g/no/#', 0x80],
    ['$share/g/$SYS/#', 0x80],
  ]
  peer.send({
    cmd: 'subscribe',
    messageId: 77,
    subscriptions: filters.map(([topic, code]) => ({
      topic,
      qos: (code % 3) as 0,
      nl: false,
      rap: false,
      rh: 0,
    })),
  })
  const suback = await peer.next('suback')
  // [MQTT-3.8.4-2], [MQTT-3.8.4-6], [MQTT-3.9.3-1]
  expect(suback.messageId).toBe(77)
  expect(suback.granted).toEqual(filters.map(([, code]) => code))
  expect(suback.properties?.reasonString).toContain('not authorised')
})

it('the reason in words only for a client that wants it', async () => {
  await on.start({
    authenticate: async () => ({ ok: true, access: { ...OPEN, maySubscribe: () => false } }),
  })
  const peer = await on.greet({ properties: { requestProblemInformation: false } })
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  // [MQTT-3.1.2-29]
  expect((await peer.next('suback')).properties?.reasonString).toBeUndefined()
})

it('beyond its limit a client is told of the quota', async () => {
  await on.start({ limits: { ...LIMITS, maxSubscriptionsPerClient: 2, maxFiltersPerSubscribe: 3 } })
  const peer = await on.greet()
  expect(await subscribe(peer, 'a')).toBe(2)
  expect(await subscribe(peer, 'b')).toBe(2)
  expect(await subscribe(peer, 'c')).toBe(0x97)
  expect(await subscribe(peer, 'b', { qos: 0 })).toBe(0)
  peer.send({ cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['b'] })
  await peer.next('unsuback')
  expect(await subscribe(peer, 'c')).toBe(2)
})

it('overlapping filters bring one copy, at the best level, with all their identifiers', async () => {
  await on.start()
  const peer = await on.greet()
  await subscribe(peer, 'a/#', { qos: 0 }, 1)
  await subscribe(peer, 'a/b', { qos: 2 }, 268_435_455)
  await subscribe(peer, '+/b', { qos: 1 })
  await subscribe(peer, 'x', { qos: 1 }, 3)
  const sender = await on.greet()
  await publish(sender, 'a/b', '1', { qos: 2 })
  await publish(sender, 'a/c', '2', { qos: 2 })
  await peer.next('publish')
  await peer.settled()
  const [first, second, ...others] = published(peer)
  // [MQTT-3.3.4-2], [MQTT-3.3.4-4], [MQTT-3.8.4-8]
  expect(first).toMatchObject({ topic: 'a/b', qos: 2 })
  expect([first?.properties?.subscriptionIdentifier].flat().toSorted()).toEqual([1, 268_435_455])
  expect(second).toMatchObject({ topic: 'a/c', qos: 0, properties: { subscriptionIdentifier: 1 } })
  expect(others).toEqual([])
})

it('identifiers of all filters come also with what was queued', async () => {
  await on.start()
  const lasting = { clientId: 's', properties: { sessionExpiryInterval: 60 } }
  const sleeper = await on.greet(lasting)
  await subscribe(sleeper, 'a/#', { qos: 0 }, 1)
  await subscribe(sleeper, 'a/b', { qos: 1, rap: true }, 2)
  await sleeper.leave()
  const sender = await on.greet()
  await publish(sender, 'a/b', 'x', { retain: true })
  await on.restart()
  const again = await on.greet({ ...lasting, clean: false })
  const { properties, retain } = await again.next('publish')
  expect([properties?.subscriptionIdentifier].flat().toSorted()).toEqual([1, 2])
  expect(retain).toBe(true)
})

it('no local: not back to its sender; a shared subscription cannot have it', async () => {
  await on.start()
  const peer = await on.greet()
  await subscribe(peer, 'a/#', { nl: true })
  await subscribe(peer, 'b/#')
  await publish(peer, 'a/1', 'own')
  await publish(peer, 'b/1', 'own')
  const other = await on.greet()
  await publish(other, 'a/1', 'theirs')
  await peer.next('publish')
  await peer.settled()
  // [MQTT-3.8.3-3]
  expect(peer.heard()).toEqual(['b/1 own', 'a/1 theirs'])
  peer.send({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: '$share/g/a', qos: 0, nl: true }] })
  // [MQTT-3.8.3-4]
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x82 })
})

it('retain as published keeps the flag, otherwise it is taken off', async () => {
  await on.start()
  const peer = await on.greet()
  await subscribe(peer, 'a', { rap: true })
  await subscribe(peer, 'b', { rap: false })
  const sender = await on.greet()
  for (const topic of ['a', 'b'])
    for (const retain of [true, false])
      for (const qos of [0, 1, 2] as const) await publish(sender, topic, 'x', { qos, retain })
  while (published(peer).length < 12) await peer.settled()
  // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
  expect(published(peer).map(({ topic, retain }) => [topic, retain])).toEqual(
    ['a', 'b'].flatMap(topic =>
      [true, false].flatMap(retain => Array.from({ length: 3 }, () => [topic, topic === 'a' && retain])),
    ),
  )
})

it('retain handling: always, for a new subscription, never', async () => {
  await on.start()
  const sender = await on.greet()
  await publish(sender, 'a', 'kept', { retain: true, qos: 2, properties: { contentType: 'text/plain' } })
  const peer = await on.greet()
  const counts: number[] = []
  const ask = async (rh: 0 | 1 | 2) => {
    await subscribe(peer, 'a', { rh, qos: 1 }, 9)
    await peer.settled()
    counts.push(published(peer).length)
  }
  // [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11], [MQTT-3.8.4-4]
  for (const rh of [0, 0, 1, 2] as const) await ask(rh)
  expect(counts).toEqual([1, 2, 2, 2])
  peer.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a'] })
  await peer.next('unsuback')
  await ask(1)
  expect(counts.at(-1)).toBe(3)
  for (const { retain, qos, properties } of published(peer)) {
    expect({ retain, qos }).toEqual({ retain: true, qos: 1 })
    expect(properties).toMatchObject({ contentType: 'text/plain', subscriptionIdentifier: 9 })
  }
})

it('UNSUBACK says which there were; what was sent before is delivered to its end', async () => {
  await on.start()
  const peer = await on.greet()
  await subscribe(peer, 'a')
  const sender = await on.greet()
  await publish(sender, 'a', 'before', { qos: 2 })
  const { messageId = 0 } = await peer.next('publish')
  peer.send({ cmd: 'unsubscribe', messageId: 5, unsubscriptions: ['a', 'b', 'a'] })
  // [MQTT-3.10.4-1], [MQTT-3.10.4-5]
  expect(await peer.next('unsuback')).toMatchObject({ messageId: 5, granted: [0, 0x11, 0x11] })
  await publish(sender, 'a', 'after')
  peer.send({ cmd: 'pubrec', messageId })
  expect(await peer.next('pubrel')).toMatchObject({ messageId })
  await peer.settled()
  expect(peer.heard()).toEqual(['a before'])
})

it('a shared subscription: each message to one of those who hold it, in turn', async () => {
  await on.start()
  const workers = [await on.greet(), await on.greet(), await on.greet()]
  for (const worker of workers) await subscribe(worker, '$share/g/jobs/#', { qos: 1 })
  const alone = await on.greet()
  await subscribe(alone, '$share/other/jobs/+', { qos: 0 })
  const both = workers[0]!
  await subscribe(both, 'jobs/#', { qos: 0 })
  const sender = await on.greet()
  for (let i = 0; i < 30; i++) await publish(sender, 'jobs/x', String(i), { qos: (i % 3) as 0 })
  for (const peer of [...workers, alone]) await peer.settled()
  const shares = workers.map(worker => worker.heard().length)
  // The first gets all of them by its own subscription, too.
  expect(shares.map((count, i) => (i === 0 ? count - 30 : count))).toEqual([10, 10, 10])
  expect(alone.heard()).toHaveLength(30)
  // [MQTT-4.8.2-3]
  for (const worker of workers.slice(1)) for (const { qos } of published(worker)) expect(qos).toBeLessThan(2)
  for (const { qos } of published(alone)) expect(qos).toBe(0)
})

it('of a shared subscription, those who sleep get something only when nobody is awake, and that lasts', async () => {
  await on.start()
  const lasting = { clientId: 'sleeper', properties: { sessionExpiryInterval: 60 } }
  const sleeper = await on.greet(lasting)
  await subscribe(sleeper, '$share/g/work', { qos: 1 })
  await sleeper.leave()
  const worker = await on.greet()
  await subscribe(worker, '$share/g/work', { qos: 1 })
  const sender = await on.greet()
  for (let i = 0; i < 4; i++) await publish(sender, 'work', `awake ${i}`)
  await worker.settled()
  expect(worker.heard()).toHaveLength(4)
  for (const { messageId = 0 } of published(worker)) worker.send({ cmd: 'puback', messageId })
  await worker.settled()
  await worker.leave()
  for (let i = 0; i < 4; i++) await publish(sender, 'work', `asleep ${i}`)
  await on.restart()
  const again = await on.greet({ ...lasting, clean: false })
  expect(again.connack.sessionPresent).toBe(true)
  while (again.heard().length < 4) await again.settled()
  expect(again.heard()).toEqual([0, 1, 2, 3].map(i => `work asleep ${i}`))
})

it('what a member of a shared subscription did not acknowledge before its session ended goes to another', async () => {
  await on.start()
  const leaving = await on.greet()
  await subscribe(leaving, '$share/g/work', { qos: 2 })
  const sender = await on.greet()
  await publish(sender, 'work', 'by 1', { qos: 1 })
  await publish(sender, 'work', 'by 2', { qos: 2 })
  await publish(sender, 'work', 'refused', { qos: 1 })
  while (published(leaving).length < 3) await leaving.settled()
  const staying = await on.greet()
  await subscribe(staying, '$share/g/work', { qos: 2 })
  const refused = published(leaving)[2]!
  // [MQTT-4.8.2-6]
  leaving.send({ cmd: 'puback', messageId: refused.messageId ?? 0, reasonCode: 0x80 })
  await leaving.settled()
  await leaving.leave()
  await staying.next('publish')
  await staying.settled()
  // [MQTT-4.8.2-5]: not the one of QoS 2, which was begun.
  expect(staying.heard()).toEqual(['work by 1'])
})

it('a client of an older version shares, too', async () => {
  await on.start()
  const older = await connectRaw(on.port, { clientId: 'old' })
  older.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/a', qos: 1 }] })
  expect(await older.next('suback')).toMatchObject({ granted: [1] })
  const newer = await on.greet()
  await subscribe(newer, '$share/g/a')
  const publisher = await on.greet()
  for (let i = 0; i < 10; i++) await publish(publisher, 'a', String(i))
  for (let i = 0; i < 5; i++) await older.next('publish')
  await newer.settled()
  expect(newer.heard()).toHaveLength(5)
  older.destroy()
})
