import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { FreshBroker } from '../../fresh-broker.ts'
import { type ConnectFields, type Peer, subscribe } from '../../mqtt5-client.ts'
import { connectRaw } from '../../raw-client.ts'

const on = new FreshBroker()

function withWill(
  clientId: string,
  willDelayInterval: number,
  sessionExpiryInterval: number,
  fields: ConnectFields = {},
): ConnectFields {
  return {
    clientId,
    properties: { sessionExpiryInterval },
    will: {
      topic: `will/${clientId}`,
      payload: Buffer.from('gone'),
      qos: 1,
      retain: true,
      properties: {
        willDelayInterval,
        messageExpiryInterval: 100,
        contentType: 'text/plain',
        userProperties: { a: '1' },
      },
    },
    ...fields,
  }
}

async function watcher(): Promise<Peer> {
  const peer = await on.greet()
  await subscribe(peer, 'will/#', { rap: true })
  return peer
}

it('is published at once when the connection is lost, with its properties', async () => {
  await on.start()
  const peer = await watcher()
  await (await on.greet(withWill('a', 0, 0))).drop()
  // [MQTT-3.1.2-8], [MQTT-3.1.2-15]
  const will = await peer.next('publish')
  expect(will).toMatchObject({ topic: 'will/a', qos: 1, retain: true, payload: Buffer.from('gone') })
  expect(will.properties).toEqual({
    messageExpiryInterval: 100,
    contentType: 'text/plain',
    userProperties: { a: '1' },
  })
  expect(on.accepted).toMatchObject([{ topic: 'will/a', client: 'a', packetId: null }])
})

it('is not published after a DISCONNECT in peace, but after one that asks for it, or a fault', async () => {
  await on.start()
  const peer = await watcher()
  await (await on.greet(withWill('peace', 0, 0))).leave()
  await (await on.greet(withWill('asks', 0, 0))).leave(4)
  const faulty = await on.greet(withWill('fault', 0, 0))
  faulty.sendBytes(0, 0)
  await faulty.closed
  await peer.next('publish')
  await peer.next('publish')
  await peer.settled()
  // [MQTT-3.14.4-3]
  expect(peer.heard()).toEqual(['will/asks gone', 'will/fault gone'])
})

it('is published when the client id is taken over', async () => {
  await on.start()
  const peer = await watcher()
  await on.greet(withWill('a', 0, 60))
  await on.greet({ clientId: 'a', clean: false })
  await peer.next('publish')
  const older = await connectRaw(on.port, { clientId: 'b' })
  await on.greet(withWill('b', 0, 0))
  await connectRaw(on.port, { clientId: 'b' })
  await peer.next('publish')
  expect(peer.heard()).toEqual(['will/a gone', 'will/b gone'])
  older.destroy()
})

it('waits for its delay, and does not come when the client is back by then', async () => {
  await on.start()
  const peer = await watcher()
  await (await on.greet(withWill('back', 2, 60))).drop()
  await (await on.greet(withWill('away', 2, 60))).drop()
  const startMs = performance.now()
  await on.greet({ clientId: 'back', clean: false, properties: { sessionExpiryInterval: 60 } })
  await peer.next('publish')
  expect(performance.now() - startMs).toBeGreaterThan(1000)
  await sleep(200)
  // [MQTT-3.1.3-9]
  expect(peer.heard()).toEqual(['will/away gone'])
})

it('does not wait longer than its session lasts', async () => {
  await on.start()
  const peer = await watcher()
  await (await on.greet(withWill('none', 60, 0))).drop()
  await peer.next('publish')
  await (await on.greet(withWill('short', 60, 1))).drop()
  await peer.next('publish')
  await (await on.greet(withWill('clean', 60, 60))).drop()
  await on.greet({ clientId: 'clean', clean: true })
  await peer.next('publish')
  expect(peer.heard()).toEqual(['will/none gone', 'will/short gone', 'will/clean gone'])
})

it('one that still waits is kept over a restart; one whose client was connected comes before it', async () => {
  await on.start()
  await (await on.greet(withWill('delayed', 60, 600))).drop()
  await on.greet(withWill('connected', 0, 600))
  await on.restart()
  const peer = await watcher()
  expect(await peer.next('publish')).toMatchObject({ topic: 'will/connected' })
  await peer.settled()
  expect(peer.heard()).toHaveLength(1)
  const again = await on.greet({ clientId: 'delayed', clean: true })
  // Its session ended, by the clean start.
  expect(await peer.next('publish')).toMatchObject({ topic: 'will/delayed' })
  await again.leave()
})
