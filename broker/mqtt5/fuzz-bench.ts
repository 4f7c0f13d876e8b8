/** For tests: a broker for clients that talk nonsense, and what must hold when they are gone. */

import { expect } from 'vitest'
import { startBroker, type TestBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { greet, publish, subscribe } from './fixture.ts'
import { type FuzzReport, fuzz } from './fuzz.ts'

export async function fuzzBroker(connections: number, seed: number): Promise<FuzzReport> {
  const directory = newDirectory()
  const broker = await startBroker({
    directory: directory.path,
    limits: { connectsPerSecond: 1_000_000, maxSilent: 10_000 },
    sessions: { maxSessions: 1000, maxQueuedMessages: 20 },
    accept: ({ qos }) => (qos === 0 ? null : Promise.resolve()),
  })
  try {
    const report = await fuzz(broker.broker, connections, seed)
    await expectSane(broker)
    return report
  } finally {
    await broker.close()
    directory.remove()
  }
}

/** Everybody is gone, and those who talk sense are served. */
async function expectSane({ broker, port }: TestBroker): Promise<void> {
  expect(broker.clients).toBe(0)
  expect(broker.stats.subscriptions).toBe(0)
  expect(broker.stats.unauthenticated).toBe(0)
  const peer = await greet(port, { clientId: 'sane' })
  expect(await subscribe(peer, 'sane')).toBe(2)
  expect(await publish(peer, 'sane', 'x', { qos: 2 })).toBe(0)
  await peer.next('publish')
  await peer.leave()
}
