/**
 * A machine with many clients is lost: its cable is pulled, and no packet says so, not one of TCP either. A proxy that
 * falls silent (half-open.test.ts) still acknowledges what the broker sends; this does not.
 */

import { once } from 'node:events'
import { expect, it, onTestFinished } from 'vitest'
import { listener, startBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { FarMachine } from './far-machine.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const CLIENTS = Math.max(20, Math.round(500 * SHARE))
const KEEP_ALIVE_S = 4
/** Between two pings of a client, and between two looks of the guard at the clock. */
const PING_MS = 500
const LOOK_MS = 250
/** What a busy machine may take to publish the wills of all of them. */
const SLACK_MS = 2000

it('clients of a machine that is lost are noticed within one and a half times their keep-alive, and each will is published once', async context => {
  const machine = FarMachine.attach()
  if (machine === null) {
    console.error('NOT TESTED: a lost machine; network namespaces cannot be made here')
    return context.skip('a machine cannot be lost here')
  }
  onTestFinished(() => machine.remove())
  const host = machine.nearAddress
  const directory = newDirectory()
  onTestFinished(() => directory.remove())
  const { broker, port, close } = await startBroker({ directory: directory.path, listener: { host } })
  onTestFinished(close)
  const watcher = await listener(port, { host })
  onTestFinished(() => void watcher.client.end(true))
  await watcher.client.subscribeAsync('lost/#', { qos: 1 })
  const clients = machine.run(
    `${import.meta.dirname}/far-clients.ts`,
    ...[host, String(port), String(CLIENTS), String(KEEP_ALIVE_S), 'lost'],
  )
  onTestFinished(async () => {
    clients.kill('SIGKILL')
    if (clients.exitCode === null && clients.signalCode === null) await once(clients, 'exit')
  })
  await once(clients.stdout!, 'data')
  // None is noticed that is still there: longer than they may be silent.
  await new Promise(resolve => setTimeout(resolve, KEEP_ALIVE_S * 1500 + 1000))
  expect([watcher.heard.length, broker.clients]).toEqual([0, CLIENTS + 1])

  machine.pullTheCable()
  const lostMs = performance.now()
  await watcher.client.publishAsync('news/lost', 'x'.repeat(1000), { qos: 1 })
  await watcher.count(1)
  const firstMs = performance.now() - lostMs
  await watcher.count(CLIENTS)
  const lastMs = performance.now() - lostMs
  const allowedMs = KEEP_ALIVE_S * 1500
  console.info(
    `${CLIENTS} clients of a lost machine: noticed after ${Math.round(firstMs)} to ${Math.round(lastMs)} ms of ${allowedMs}`,
  )
  expect(firstMs).toBeGreaterThan(allowedMs - PING_MS - SLACK_MS)
  expect(lastMs).toBeLessThan(allowedMs + LOOK_MS + SLACK_MS)
  expect(broker.clients).toBe(1)
  // Nothing comes twice, now or later.
  await new Promise(resolve => setTimeout(resolve, allowedMs))
  await watcher.client.publishAsync('lost/end', '', { qos: 1 })
  await watcher.count(CLIENTS + 1)
  expect(watcher.packets.at(-1)!.topic).toBe('lost/end')
  expect(new Set(watcher.heard).size).toBe(CLIENTS + 1)
  // What was sent into the void waits for those whose session outlives it.
  const again = await listener(port, { host, clientId: 'lost-1', clean: false })
  await again.count(1)
  expect(again.packets).toMatchObject([{ topic: 'news/lost', dup: true }])
  again.client.end(true)
}, 120_000)
