import { expect, it } from 'vitest'
import type { Delivery } from '../../delivery.ts'
import { OPEN } from '../../fixture.ts'
import { FreshBroker } from '../../fresh-broker.ts'
import { publish, subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()

/** An `accept` that the test answers. */
function heldBack() {
  const waiting: { delivery: Delivery; resolve: () => void; reject: (error: Error) => void }[] = []
  const accept = (delivery: Delivery) =>
    delivery.qos === 0
      ? null
      : new Promise<void>((resolve, reject) => waiting.push({ delivery, resolve, reject }))
  return { waiting, accept }
}

it('is acknowledged once it is stored, in the order of arrival, whatever is stored first', async () => {
  const { waiting, accept } = heldBack()
  await on.start({ accept })
  const peer = await on.greet()
  for (const [messageId, qos] of [
    [1, 1],
    [2, 2],
    [3, 1],
  ] as const)
    peer.send({ cmd: 'publish', topic: 'a', payload: 'x', qos, messageId, retain: false, dup: false })
  await peer.settled()
  expect(waiting).toHaveLength(3)
  waiting[2]!.resolve()
  waiting[1]!.resolve()
  await peer.settled()
  expect(peer.received.some(({ cmd }) => cmd === 'puback' || cmd === 'pubrec')).toBe(false)
  waiting[0]!.resolve()
  await peer.next('pubrec')
  await peer.settled()
  // [MQTT-4.6.0-2], [MQTT-4.6.0-3]
  const acks = peer.received.filter(({ cmd }) => cmd === 'puback' || cmd === 'pubrec')
  expect(acks.map(({ cmd, messageId }) => [cmd, messageId])).toEqual([
    ['puback', 1],
    ['pubrec', 2],
    ['puback', 3],
  ])
})

it('is not acknowledged when it cannot be stored: the connection is closed, also for what came after it', async () => {
  const { waiting, accept } = heldBack()
  await on.start({ accept })
  const watcher = await on.greet()
  await subscribe(watcher, '#')
  const peer = await on.greet()
  for (const messageId of [1, 2])
    peer.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId, retain: false, dup: false })
  await peer.settled()
  waiting[1]!.resolve()
  waiting[0]!.reject(new Error('disk full'))
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x89 })
  await peer.closed
  expect(peer.received.some(({ cmd }) => cmd === 'puback')).toBe(false)
  await watcher.settled()
  expect(watcher.heard()).toEqual([])
})

it('what a client sent before it said goodbye goes its way; what it sent before it was lost comes again', async () => {
  const { waiting, accept } = heldBack()
  await on.start({ accept })
  const watcher = await on.greet()
  await subscribe(watcher, '#')
  const packet = { cmd: 'publish', topic: 'a', qos: 1, messageId: 1, retain: false, dup: false } as const
  const polite = await on.greet()
  polite.send({ ...packet, payload: 'polite' })
  await polite.settled()
  await polite.leave()
  const lost = await on.greet()
  lost.send({ ...packet, payload: 'lost' })
  await lost.settled()
  await lost.drop()
  while (on.broker.clients > 1) await watcher.settled()
  for (const { resolve } of waiting) resolve()
  await watcher.next('publish')
  await watcher.settled()
  expect(watcher.heard()).toEqual(['a polite'])
})

it('what is forbidden, or reserved, is refused with a reason in its turn, and the connection stays', async () => {
  await on.start({
    authenticate: async () => ({ ok: true, access: { ...OPEN, mayPublish: topic => topic !== 'no' } }),
  })
  const peer = await on.greet()
  expect(await publish(peer, 'no', 'x')).toBe(0x87)
  expect(await publish(peer, 'no', 'x', { qos: 2 })).toBe(0x87)
  expect(await publish(peer, '$SYS/x', 'x')).toBe(0x87)
  expect(await publish(peer, 'trestle/x', 'x')).toBe(0x87)
  await publish(peer, 'no', 'x', { qos: 0 })
  // 0x90: a name that we do not take, of so many levels.
  expect(await publish(peer, 'a/'.repeat(40), 'x')).toBe(0x90)
  // [MQTT-4.3.3-9]: after a refusal the identifier is free.
  expect(await publish(peer, 'yes', '1', { qos: 2, messageId: 9 })).toBe(0)
  expect(await publish(peer, 'no', '2', { qos: 2, messageId: 9 })).toBe(0x87)
  expect(await publish(peer, 'yes', '3', { qos: 2, messageId: 9 })).toBe(0)
  expect(on.accepted.map(({ payload }) => payload.toString())).toEqual(['1', '3'])
  expect(on.broker.stats.forbidden).toBe(6)
})

it('QoS 2: the same identifier is the same message until PUBREL, then a new one', async () => {
  await on.start()
  const watcher = await on.greet()
  await subscribe(watcher, 'a')
  const peer = await on.greet()
  const send = (payload: string, dup = false) =>
    peer.send({ cmd: 'publish', topic: 'a', payload, qos: 2, messageId: 5, retain: false, dup })
  send('one')
  await peer.next('pubrec')
  send('one', true)
  send('other, but the same')
  await peer.next('pubrec')
  await peer.next('pubrec')
  peer.send({ cmd: 'pubrel', messageId: 5 })
  expect(await peer.next('pubcomp')).toMatchObject({ messageId: 5 })
  // [MQTT-4.3.3-12]
  send('two')
  await peer.next('pubrec')
  peer.send({ cmd: 'pubrel', messageId: 5 })
  await peer.next('pubcomp')
  // [MQTT-4.3.3-11]: also where there is nothing any more.
  peer.send({ cmd: 'pubrel', messageId: 5 })
  expect(await peer.next('pubcomp')).toMatchObject({ messageId: 5, reasonCode: 0 })
  await watcher.settled()
  expect(watcher.heard()).toEqual(['a one', 'a two'])
})

it('more than the receive maximum ends the connection', async () => {
  const { waiting, accept } = heldBack()
  await on.start({ accept, maxWaitingPerClient: 3 })
  const peer = await on.greet()
  expect(peer.connack.properties?.receiveMaximum).toBe(3)
  for (const messageId of [1, 2, 3, 4])
    peer.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId, retain: false, dup: false })
  // [MQTT-3.3.4-7]
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x93 })
  await peer.closed
  for (const { resolve } of waiting) resolve()
})

it('QoS 2 counts to the receive maximum until PUBCOMP', async () => {
  await on.start({ maxWaitingPerClient: 2 })
  const peer = await on.greet()
  const send = (messageId: number) =>
    peer.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 2, messageId, retain: false, dup: false })
  send(1)
  await peer.next('pubrec')
  send(2)
  await peer.next('pubrec')
  peer.send({ cmd: 'pubrel', messageId: 1 })
  await peer.next('pubcomp')
  send(3)
  await peer.next('pubrec')
  send(4)
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x93 })
})

it('a topic alias stands for its topic, on this connection', async () => {
  await on.start()
  const watcher = await on.greet()
  await subscribe(watcher, '#')
  const peer = await on.greet({ clientId: 'p' })
  const alias = (topicAlias: number) => ({ properties: { topicAlias } })
  await publish(peer, 'a/b', '1', alias(1))
  await publish(peer, '', '2', alias(1))
  await publish(peer, 'c', '3', { ...alias(1), qos: 2 })
  await publish(peer, '', '4', { ...alias(1), qos: 0 })
  await publish(peer, 'a/b', '5', alias(64))
  await peer.settled()
  await watcher.settled()
  expect(watcher.heard().toSorted()).toEqual(['a/b 1', 'a/b 2', 'a/b 5', 'c 3', 'c 4'])
  const published = watcher.received.filter(({ cmd }) => cmd === 'publish')
  expect(JSON.stringify(published)).not.toContain('topicAlias')
  // [MQTT-3.3.2-7]
  const again = await on.greet({ clientId: 'p' })
  again.send({ cmd: 'publish', topic: '', payload: 'x', qos: 0, retain: false, dup: false, ...alias(1) })
  expect(await again.next('disconnect')).toMatchObject({ reasonCode: 0x94 })
  const beyond = await on.greet()
  beyond.send({ cmd: 'publish', topic: 'x', payload: 'x', qos: 0, retain: false, dup: false, ...alias(65) })
  expect(await beyond.next('disconnect')).toMatchObject({ reasonCode: 0x94 })
})

it('properties are forwarded unaltered and in order, to v5 clients; older ones get the message without', async () => {
  await on.start()
  const watcher = await on.greet()
  const seen: Buffer[] = []
  watcher.socket.on('data', data => seen.push(data))
  await subscribe(watcher, 'a')
  const older = await connectRaw(on.port, { clientId: 'old' })
  older.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  await older.next('suback')
  const raw = Buffer.from([
    ...[0x26, 0, 1, 0x62, 0, 1, 0x31], // b: 1
    ...[0x09, 0, 2, 0, 255], // correlation data
    ...[0x26, 0, 1, 0x61, 0, 1, 0x32], // a: 2
    ...[0x01, 1], // payload format indicator
    ...[0x26, 0, 1, 0x62, 0, 1, 0x31], // b: 1, again
    ...[0x08, 0, 1, 0x72], // response topic
    ...[0x03, 0, 1, 0x74], // content type
  ])
  const peer = await on.greet()
  peer.sendBytes(0x30, 3 + 1 + raw.length + 2, 0, 1, 0x61, raw.length, ...raw, 0x68, 0x69)
  await watcher.next('publish')
  expect(Buffer.concat(seen).includes(raw)).toBe(true)
  expect(await older.next('publish')).toMatchObject({ payload: Buffer.from('hi') })
  older.destroy()
})

it('the message expiry interval counts down in the broker', async () => {
  await on.start()
  const peer = await on.greet()
  await publish(peer, 'r', 'kept', { retain: true, properties: { messageExpiryInterval: 100 } })
  await publish(peer, 'gone', 'x', { retain: true, properties: { messageExpiryInterval: 1 } })
  await publish(peer, 'never', 'x', { retain: true })
  await new Promise(resolve => setTimeout(resolve, 1100))
  const watcher = await on.greet()
  await subscribe(watcher, '#')
  await watcher.settled()
  // [MQTT-3.3.2-5], [MQTT-3.3.2-6]
  expect(watcher.heard().toSorted()).toEqual(['never x', 'r kept'])
  for (const packet of watcher.received) {
    if (packet.cmd !== 'publish') continue
    const { messageExpiryInterval } = packet.properties ?? {}
    if (packet.topic === 'never') {
      expect(messageExpiryInterval).toBeUndefined()
    } else {
      expect(messageExpiryInterval).toBeLessThanOrEqual(99)
      expect(messageExpiryInterval).toBeGreaterThan(80)
    }
  }
  const older = await connectRaw(on.port, { clientId: 'old' })
  older.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] })
  await older.next('publish')
  await older.next('publish')
  expect(JSON.stringify(older.received)).not.toContain('gone')
  older.destroy()
})

it('an expiry of 0 never reaches anybody later', async () => {
  await on.start()
  const sleeper = await on.greet({ clientId: 's', properties: { sessionExpiryInterval: 60 } })
  await subscribe(sleeper, '#')
  await sleeper.leave()
  const peer = await on.greet()
  await publish(peer, 'a', 'stale', { properties: { messageExpiryInterval: 0 } })
  await publish(peer, 'a', 'fresh', { properties: { messageExpiryInterval: 60 } })
  const again = await on.greet({ clientId: 's', clean: false, properties: { sessionExpiryInterval: 60 } })
  await again.next('publish')
  await again.settled()
  expect(again.heard()).toEqual(['a fresh'])
  expect(on.broker.stats.dropped.expired).toBe(1)
})

it('a client that takes fewer messages at once gets no more, and others of it when it acknowledges', async () => {
  await on.start()
  const watcher = await on.greet({ properties: { receiveMaximum: 2 } })
  await subscribe(watcher, '#')
  const peer = await on.greet()
  for (let i = 0; i < 6; i++) await publish(peer, 'a', String(i), { qos: i % 2 === 0 ? 1 : 2 })
  await publish(peer, 'a', 'at once', { qos: 0 })
  await watcher.settled()
  // [MQTT-3.3.4-9], [MQTT-4.9.0-2]; QoS 0 and others are not held up [MQTT-4.9.0-3].
  expect(watcher.heard()).toEqual(['a 0', 'a 1', 'a at once'])
  for (let i = 0; i < 6; i++) {
    const packet = watcher.received.flatMap(each => (each.cmd === 'publish' && each.qos > 0 ? [each] : []))[
      i
    ]!
    const { messageId = 0, qos } = packet
    if (qos === 1) {
      watcher.send({ cmd: 'puback', messageId })
    } else {
      watcher.send({ cmd: 'pubrec', messageId })
      await watcher.next('pubrel')
      watcher.send({ cmd: 'pubcomp', messageId })
    }
    await watcher.settled()
  }
  expect(watcher.heard().filter(line => line !== 'a at once')).toEqual([0, 1, 2, 3, 4, 5].map(i => `a ${i}`))
})

it('what is larger than a client takes is left out, and counts as delivered', async () => {
  await on.start()
  const watcher = await on.greet({ clientId: 'w', properties: { maximumPacketSize: 60, receiveMaximum: 1 } })
  await subscribe(watcher, '#')
  const peer = await on.greet()
  for (const qos of [0, 1, 2] as const) {
    await publish(peer, 'big', 'x'.repeat(100), { qos })
    await publish(peer, 'small', String(qos), { qos })
    const { messageId = 0 } = await watcher.next('publish')
    if (qos === 1) watcher.send({ cmd: 'puback', messageId })
    if (qos < 2) continue
    watcher.send({ cmd: 'pubrec', messageId })
    await watcher.next('pubrel')
    watcher.send({ cmd: 'pubcomp', messageId })
  }
  // [MQTT-3.1.2-24], [MQTT-3.1.2-25]
  expect(watcher.heard()).toEqual(['small 0', 'small 1', 'small 2'])
  expect(on.broker.stats.dropped['too-large']).toBe(3)
})

it('a topic alias from us, where the client asks for it; a QoS 2 message always has its topic', async () => {
  await on.start()
  const watcher = await on.greet({ properties: { topicAliasMaximum: 1 } })
  const bare: [string, number | undefined][] = []
  watcher.socket.removeAllListeners('data')
  const { parser } = await import('mqtt-packet')
  const parse = parser({ protocolVersion: 5 })
  parse.on('packet', packet => {
    if (packet.cmd === 'publish') bare.push([packet.topic, packet.properties?.topicAlias])
  })
  watcher.socket.on('data', data => parse.parse(data))
  watcher.send({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: '#', qos: 2, nl: false, rap: false, rh: 0 }],
  })
  const peer = await on.greet()
  for (const [topic, qos] of [
    ['a', 0],
    ['a', 0],
    ['b', 0],
    ['a', 1],
    ['a', 2],
  ] as const)
    await publish(peer, topic, 'x', { qos })
  while (bare.length < 5) await peer.settled()
  // [MQTT-3.1.2-26]
  expect(bare).toEqual([
    ['a', 1],
    ['', 1],
    ['b', undefined],
    ['', 1],
    ['a', 1],
  ])
})

it('what older clients publish reaches v5 clients, and the other way round, at every level', async () => {
  await on.start()
  const watcher = await on.greet()
  await subscribe(watcher, 'to/new/#')
  const older = await connectRaw(on.port, { clientId: 'old' })
  older.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'to/old/#', qos: 2 }] })
  await older.next('suback')
  const peer = await on.greet()
  for (const qos of [0, 1, 2] as const) {
    await publish(peer, `to/old/${qos}`, 'x', { qos, properties: { contentType: 'text/plain' } })
    expect(await older.next('publish')).toMatchObject({ topic: `to/old/${qos}`, qos })
    older.send({
      cmd: 'publish',
      topic: `to/new/${qos}`,
      payload: 'x',
      qos,
      retain: false,
      dup: false,
      messageId: 7 + qos,
    })
    if (qos === 2) older.send({ cmd: 'pubrel', messageId: 9 })
    expect(await watcher.next('publish')).toMatchObject({ topic: `to/new/${qos}`, qos })
  }
  older.destroy()
})
