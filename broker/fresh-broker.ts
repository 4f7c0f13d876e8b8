/** For tests: a broker for each test of a file, with a state of its own, and with clients that end with it. */

import { afterEach, beforeEach } from 'vitest'
import type { Broker } from './broker.ts'
import type { Delivery } from './delivery.ts'
import { startBroker, type TestBroker, type TestBrokerOptions } from './fixture.ts'
import { type ConnectFields, type Greeted, greet, open, type Peer } from './mqtt5-client.ts'
import { type Directory, newDirectory } from './persistence/fixture.ts'

type Options = Partial<TestBrokerOptions>

export class FreshBroker implements TestBroker {
  #directory: Directory | null = null
  #running: TestBroker | null = null
  readonly #peers: Peer[] = []

  /** Made where the file begins; each test starts it, as it wants it. */
  constructor() {
    beforeEach(() => {
      this.#directory = newDirectory()
    })
    afterEach(async () => {
      for (const { socket } of this.#peers.splice(0)) socket.destroy()
      await this.close()
      this.#directory?.remove()
    })
  }

  async start(options: Options = {}): Promise<void> {
    this.#running = await startBroker({ directory: this.directory, ...options })
  }

  /** On the same state. */
  async restart(options: Options = {}): Promise<void> {
    await this.close()
    await this.start(options)
  }

  async close(): Promise<void> {
    const running = this.#running
    this.#running = null
    await running?.close()
  }

  get broker(): Broker {
    return this.#started.broker
  }

  get port(): number {
    return this.#started.port
  }

  get accepted(): Delivery[] {
    return this.#started.accepted
  }

  /** Where its state is. */
  get directory(): string {
    if (this.#directory === null) throw new Error('no test has begun')
    return this.#directory.path
  }

  /** A client of MQTT 5 that has sent nothing yet. */
  async open(): Promise<Peer> {
    return this.#keep(await open(this.port))
  }

  /** With what CONNACK said. */
  async greet(fields?: ConnectFields): Promise<Greeted> {
    return this.#keep(await greet(this.port, fields))
  }

  get #started(): TestBroker {
    if (this.#running === null) throw new Error('the broker was not started')
    return this.#running
  }

  #keep<P extends Peer>(peer: P): P {
    this.#peers.push(peer)
    return peer
  }
}
