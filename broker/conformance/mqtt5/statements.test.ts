/** Statements of the standard that no story of the other files tells by the way. */

import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { OPEN } from '../../fixture.ts'
import { FreshBroker } from '../../fresh-broker.ts'
import { publish, subscribe } from '../../mqtt5-client.ts'

const on = new FreshBroker()

it('an empty retained message is passed on, removes what was kept, and is not kept; without the flag nothing changes', async () => {
  await on.start()
  const sender = await on.greet()
  await publish(sender, 'a', 'first', { retain: true })
  await publish(sender, 'a', 'kept', { retain: true })
  await publish(sender, 'b', 'kept', { retain: true, qos: 0 })
  await publish(sender, 'a', 'passing', { retain: false })
  await publish(sender, 'b', '', { retain: false })
  const first = await on.greet()
  await subscribe(first, '+')
  await first.settled()
  // [MQTT-3.3.1-5], [MQTT-3.3.1-8]
  expect(first.heard().toSorted()).toEqual(['a kept', 'b kept'])
  await publish(sender, 'a', '', { retain: true })
  await publish(sender, 'b', '', { retain: true, qos: 2 })
  await first.settled()
  // [MQTT-3.3.1-6], [MQTT-3.3.1-7]
  expect(first.heard().slice(2).toSorted()).toEqual(['a ', 'b '])
  const second = await on.greet()
  await subscribe(second, '+')
  await second.settled()
  expect(second.heard()).toEqual([])
})

it('topics are compared as they are, and a leading wildcard does not match a dollar', async () => {
  await on.start()
  const peer = await on.greet()
  for (const filter of ['#', '+/x', 'Caf\u00e9/#', '$own/#']) await subscribe(peer, filter)
  await subscribe(peer, 'A/b', { qos: 0 })
  const sender = await on.greet()
  const narrow = await on.greet()
  for (const filter of ['+/monitor', 'a/B', 'Cafe\u0301']) await subscribe(narrow, filter)
  for (const topic of ['$own/x', '$other/monitor', 'a/b', 'Caf\u00e9']) await publish(sender, topic, '1')
  await peer.next('publish')
  await peer.settled()
  await narrow.settled()
  // [MQTT-4.7.2-1], [MQTT-4.7.3-4]
  expect(peer.heard()).toEqual(['$own/x 1', 'a/b 1', 'Caf\u00e9 1'])
  expect(narrow.heard()).toEqual([])
})

it('the same filter again replaces the subscription, and what comes meanwhile is not lost', async () => {
  await on.start()
  const peer = await on.greet()
  await subscribe(peer, 'a', { qos: 2 }, 1)
  const sender = await on.greet()
  const sending = Promise.all(
    Array.from({ length: 20 }, (_, i) => publish(sender, 'a', String(i), { messageId: i + 1 })),
  )
  for (let i = 0; i < 10; i++) await subscribe(peer, 'a', { qos: i % 2 === 0 ? 0 : 1, rh: 2 }, 2)
  await sending
  await subscribe(peer, 'a', { qos: 0 }, 3)
  await publish(sender, 'a', 'last', { qos: 2 })
  while (peer.heard().length < 21) await peer.settled()
  // [MQTT-3.8.4-3], [MQTT-3.8.4-4]
  expect(new Set(peer.heard())).toEqual(
    new Set([...Array.from({ length: 20 }, (_, i) => `a ${i}`), 'a last']),
  )
  const last = peer.received.find(packet => packet.cmd === 'publish' && `${packet.payload}` === 'last')
  expect(last).toMatchObject({ qos: 0, properties: { subscriptionIdentifier: 3 } })
})

it('QoS 1: after PUBACK the identifier is free, whatever DUP says', async () => {
  await on.start()
  const peer = await on.greet()
  await publish(peer, 'a', 'x', { messageId: 7 })
  await publish(peer, 'a', 'x', { messageId: 7, dup: true })
  // [MQTT-4.3.2-5]
  expect(on.accepted).toHaveLength(2)
})

it('what was sent does not expire any more', async () => {
  await on.start()
  const lasting = { clientId: 's', clean: false, properties: { sessionExpiryInterval: 60 } }
  const first = await on.greet(lasting)
  await subscribe(first, 'a')
  const sender = await on.greet()
  const properties = { messageExpiryInterval: 2 }
  await publish(sender, 'a', 'one', { qos: 1, properties })
  await publish(sender, 'a', 'two', { qos: 2, properties })
  while (first.heard().length < 2) await first.settled()
  await first.drop()
  await sleep(2100)
  const again = await on.greet(lasting)
  // [MQTT-4.3.3-7], [MQTT-4.3.3-13]
  while (again.heard().length < 2) await again.settled()
  expect(again.heard()).toEqual(['a one', 'a two'])
})

it('a will that is not to be retained is not', async () => {
  await on.start()
  const doomed = await on.greet({ will: { topic: 'w', payload: Buffer.from('x'), qos: 2, retain: false } })
  await doomed.drop()
  const peer = await on.greet()
  while (on.broker.clients > 1 || on.accepted.length === 0) await peer.settled()
  await subscribe(peer, 'w')
  await peer.settled()
  // [MQTT-3.1.2-14]
  expect(peer.heard()).toEqual([])
})

it('a reason in words is left out where it does not fit', async () => {
  await on.start({
    authenticate: async ({ clientId }) =>
      clientId === 'no'
        ? { ok: false, reason: 'bad-credentials' }
        : { ok: true, access: { ...OPEN, maySubscribe: () => false } },
  })
  const small = { properties: { maximumPacketSize: 24 } }
  const refused = await on.greet({ clientId: 'no', properties: { maximumPacketSize: 10 } })
  // [MQTT-3.2.2-19]
  expect(refused.connack).toMatchObject({ reasonCode: 0x86, length: 3 })
  const peer = await on.greet({ clientId: 'x', ...small })
  // [MQTT-3.9.2-1]
  peer.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  expect(await peer.next('suback')).toMatchObject({ granted: [0x80], length: 4 })
  // [MQTT-3.14.2-3]
  peer.sendBytes(0x82, 3, 0, 1, 0)
  expect(await peer.next('disconnect')).toMatchObject({ reasonCode: 0x82, length: 2 })
})
