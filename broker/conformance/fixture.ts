/** One broker for the tests of a file, behind its real listener; each test has names of its own. */

import { afterAll, beforeAll } from 'vitest'
import { startBroker, type TestBroker, type TestBrokerOptions } from '../fixture.ts'
import { type Directory, newDirectory } from '../persistence/fixture.ts'
import type { ConnectFields } from './packets.ts'
import { connected, greeted, Wire } from './wire.ts'

export interface Suite {
  readonly broker: TestBroker
  /** Of a client or a topic that nobody used before. */
  name(): string
  /** A connection on which nothing was sent yet. */
  open(): Promise<Wire>
  connected(fields?: ConnectFields): Promise<Wire>
  greeted(fields?: ConnectFields): ReturnType<typeof greeted>
  /** Ends the broker and starts one on the same state. */
  restart(): Promise<void>
}

/** Connections that a test left open are dropped at the end. */
export function suite(options: Partial<TestBrokerOptions> = {}): Suite {
  let directory: Directory
  let broker: TestBroker
  let lastName = 0
  const wires = new Set<Wire>()
  const keep = (wire: Wire): Wire => {
    wires.add(wire)
    return wire
  }
  beforeAll(async () => {
    directory = newDirectory()
    broker = await startBroker({ directory: directory.path, ...options })
  })
  afterAll(async () => {
    await Promise.all([...wires].map(wire => wire.drop()))
    await broker.close()
    directory.remove()
  })
  return {
    get broker() {
      return broker
    },
    name: () => `n${++lastName}`,
    open: async () => keep(await Wire.open(broker.port)),
    connected: async fields => keep(await connected(broker.port, fields)),
    greeted: async fields => {
      const answer = await greeted(broker.port, fields)
      keep(answer.wire)
      return answer
    },
    async restart() {
      await broker.close()
      broker = await startBroker({ directory: directory.path, ...options })
    },
  }
}
