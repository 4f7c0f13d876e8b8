/**
 * Sessions against a whole broker: guard, front, bus, persistence, over streams in memory. Clients follow the
 * grammar and spoil some of it; they split what they send, come under each other's names, answer or do not, and leave
 * in any way. What must hold:
 *
 * - Nothing throws, and no promise is left to reject.
 * - Once a client has gone, its connection is gone within bounded time, and nothing of it is counted any more.
 * - A client that behaves gets its messages all the while, in order.
 * - What is left behind is bounded by the names there are; Object.prototype stays as it was.
 */

import { type Duplex, duplexPair } from 'node:stream'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../broker.ts'
import { acknowledge, connect, publish, read, subscribe } from '../conformance/packets.ts'
import { startBroker, type TestBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'
import { Chance } from './chance.ts'
import { connectOf, packetOf } from './grammar.ts'
import { heapMb } from './heap.ts'
import { mutate } from './mutate.ts'

export interface SessionReport {
  readonly sessions: number
  readonly packets: number
  /** CONNACK said yes. */
  readonly greeted: number
  readonly accepted: number
  readonly controlled: number
  readonly slowestControlMs: number
  readonly slowestEndMs: number
  readonly closed: Readonly<Record<string, number>>
  /** Of the whole process, at the end, with the broker still there. */
  readonly heapMb: number
}

export interface SessionOptions {
  readonly sessions: number
  readonly seed: number
  /** At a time. */
  readonly concurrency?: number
}

/** What hangs, hangs for ever; less than this may be the machine. */
const PATIENCE_MS = 60_000
const SESSIONS_PER_CONTROL = 200
const LIMITS = { connectsPerSecond: 1_000_000, maxSubscriptionsPerClient: 50 }
const SESSION_LIMITS = { maxQueuedMessages: 100, maxSessions: 200 }

interface Tally {
  packets: number
  greeted: number
  slowestEndMs: number
}

/** Rejects with an Error that names the seed when a promise is broken. */
export async function fuzzSessions({
  sessions,
  seed,
  concurrency = 16,
}: SessionOptions): Promise<SessionReport> {
  const directory = newDirectory()
  let accepted = 0
  const broker = await startBroker({
    directory: directory.path,
    limits: LIMITS,
    sessions: SESSION_LIMITS,
    accept: ({ qos }) => {
      accepted++
      return qos === 0 ? null : setImmediate()
    },
  })
  const prototype = Object.getOwnPropertyNames(Object.prototype).join()
  const faults: unknown[] = []
  const onFault = (error: unknown) => void faults.push(error)
  process.on('uncaughtException', onFault)
  process.on('unhandledRejection', onFault)
  const tally: Tally = { packets: 0, greeted: 0, slowestEndMs: 0 }
  try {
    const control = await Control.open(broker.broker)
    let next = 0
    const worker = async () => {
      for (let n = next++; n < sessions; n = next++) {
        await runSession(broker.broker, new Chance(seed + n), tally)
        if (n % SESSIONS_PER_CONTROL === 0) await control.check()
        if (faults.length > 0) throw faults[0]
      }
    }
    await Promise.all(Array.from({ length: concurrency }, worker))
    await control.check()
    control.close()
    await empty(broker)
    demand(Object.getOwnPropertyNames(Object.prototype).join() === prototype, 'Object.prototype unchanged')
    if (faults.length > 0) throw faults[0]
    return {
      sessions,
      ...tally,
      accepted,
      controlled: control.count,
      slowestControlMs: control.slowestMs,
      closed: broker.broker.guard.counts.closed,
      heapMb: Math.round(heapMb()),
    }
  } catch (cause) {
    throw new Error(`sessions, seed ${seed}`, { cause })
  } finally {
    process.off('uncaughtException', onFault)
    process.off('unhandledRejection', onFault)
    await broker.close()
    directory.remove()
  }
}

/** The client's end of a connection. */
export function dial(broker: Broker): Duplex {
  const [client, server] = duplexPair()
  const { guard } = broker
  client.on('error', () => undefined)
  const peer = { address: '127.0.0.1', headers: null, certificate: null }
  if (guard.enter(server) && guard.locate(server, peer.address)) guard.accept(server, server, peer)
  else server.destroy()
  server.once('close', () => client.destroy())
  // As sockets do.
  client.once('end', () => client.end())
  // A pair in memory does not tell one end that the other was destroyed.
  client.once('close', () => server.destroy())
  return client
}

async function runSession(broker: Broker, chance: Chance, tally: Tally): Promise<void> {
  const client = dial(broker)
  const level = chance.pick([3, 4, 4, 5, 5] as const)
  listen(client, chance, tally)
  const spoiling = chance.pick([0, 0, 0.05, 0.3])
  const others = [connectOf(chance, level), packetOf(chance, level)]
  const spoil = (bytes: Buffer) => (chance.is(spoiling) ? mutate(chance, bytes, others) : bytes)
  const packets = [spoil(connectOf(chance, level))]
  if (chance.is(0.02)) packets.unshift(packetOf(chance, level))
  const count = chance.below(chance.is(0.1) ? 60 : 10)
  for (let i = 0; i < count; i++) packets.push(spoil(packetOf(chance, level)))
  tally.packets += packets.length
  await send(client, Buffer.concat(packets), chance)
  await leave(client, chance, tally)
}

async function send(client: Duplex, bytes: Buffer, chance: Chance): Promise<void> {
  const isWhole = chance.is(0.4)
  for (let at = 0; at < bytes.length && !client.destroyed && client.writable; ) {
    const length = isWhole ? bytes.length : 1 + chance.below(chance.is(0.5) ? 20 : 400)
    client.write(bytes.subarray(at, at + length))
    at += length
    if (chance.is(0.5)) await setImmediate()
  }
}

async function leave(client: Duplex, chance: Chance, tally: Tally): Promise<void> {
  for (let i = chance.below(4); i > 0; i--) await setImmediate()
  const startMs = performance.now()
  const closed = new Promise<void>(resolve => {
    if (client.destroyed) resolve()
    else client.once('close', () => resolve())
  })
  if (chance.is(0.3)) {
    client.end()
    // Whoever ends is answered by the end of the other side.
    await within(closed, 'the end of a connection whose client ended it')
  } else {
    client.destroy()
  }
  tally.slowestEndMs = Math.max(tally.slowestEndMs, performance.now() - startMs)
}

/** Answers what comes, as it should, wrongly or not at all; a few read nothing. */
function listen(client: Duplex, chance: Chance, tally: Tally): void {
  if (chance.is(0.05)) return
  const isHonest = chance.is(0.6)
  let bytes = Buffer.alloc(0)
  let isMqtt5: boolean | null = null
  client.on('data', (data: Buffer) => {
    bytes = Buffer.concat([bytes, data])
    if (isMqtt5 === null && bytes.length >= 4) {
      // A spoiled CONNECT may have asked for another level than was meant.
      isMqtt5 = bytes[1] !== 2
      if (bytes[3] === 0) tally.greeted++
    }
    // What the broker says in MQTT 5 is for its own tests to judge.
    if (isMqtt5 !== false) {
      if (isMqtt5) bytes = Buffer.alloc(0)
      return
    }
    for (let next = read(bytes); next !== null; next = read(bytes)) {
      bytes = bytes.subarray(next.length)
      const { received } = next
      if (client.destroyed || !client.writable || !('id' in received)) continue
      if (received.kind === 'publish' && received.qos > 0 && (isHonest || chance.is(0.5)))
        client.write(acknowledge(received.qos === 1 ? 'puback' : 'pubrec', received.id))
      else if (received.kind === 'pubrel' && (isHonest || chance.is(0.5)))
        client.write(acknowledge('pubcomp', received.id))
      else if (received.kind === 'pubrec') client.write(acknowledge('pubrel', received.id))
    }
  })
}

/** Two clients that behave. */
class Control {
  count = 0
  slowestMs = 0
  readonly #sender: Duplex
  readonly #receiver: Duplex
  readonly #heard: string[] = []
  #wake: () => void = () => undefined

  private constructor(sender: Duplex, receiver: Duplex) {
    this.#sender = sender
    this.#receiver = receiver
  }

  static async open(broker: Broker): Promise<Control> {
    const control = new Control(dial(broker), dial(broker))
    control.#listen()
    control.#sender.resume()
    control.#sender.write(connect({ clientId: 'control-sender' }))
    control.#receiver.write(Buffer.concat([connect({ clientId: 'control' }), subscribe(1, [['control', 0]])]))
    await control.#until('subscribed')
    return control
  }

  async check(): Promise<void> {
    const number = String(++this.count)
    const startMs = performance.now()
    this.#sender.write(publish({ topic: 'control', payload: number, qos: 1, id: (this.count % 65_535) + 1 }))
    await this.#until(number)
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startMs)
  }

  close(): void {
    this.#sender.destroy()
    this.#receiver.destroy()
  }

  #listen(): void {
    let bytes = Buffer.alloc(0)
    this.#receiver.on('data', (data: Buffer) => {
      bytes = Buffer.concat([bytes, data])
      for (let next = read(bytes); next !== null; next = read(bytes)) {
        bytes = bytes.subarray(next.length)
        const { received } = next
        if (received.kind === 'suback') this.#heard.push('subscribed')
        if (received.kind === 'publish') this.#heard.push(received.payload)
      }
      this.#wake()
    })
  }

  async #until(text: string): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS
    while (!this.#heard.includes(text)) {
      demand(
        performance.now() < deadlineMs && !this.#receiver.destroyed,
        `message ${text} to a client that behaves`,
      )
      await Promise.race([new Promise<void>(resolve => (this.#wake = resolve)), sleep(100)])
    }
    demand(Number(this.#heard.at(-1)) >= Number(text) || text === 'subscribed', 'order')
    if (this.#heard.length > 100) this.#heard.splice(0, 50)
  }
}

/** Everybody is gone; what is left is within the limits. */
async function empty({ broker }: TestBroker): Promise<void> {
  const deadlineMs = performance.now() + PATIENCE_MS
  while (broker.clients > 0) {
    demand(performance.now() < deadlineMs, `nobody connected, not ${broker.clients} clients`)
    await sleep(20)
  }
  const { sessions, queuedMessages } = broker.stats
  demand(sessions <= SESSION_LIMITS.maxSessions, `few sessions, not ${sessions}`)
  demand(queuedMessages <= sessions * SESSION_LIMITS.maxQueuedMessages, `short queues, not ${queuedMessages}`)
}

async function within(promise: Promise<void>, what: string): Promise<void> {
  const late = new AbortController()
  const result = await Promise.race([
    promise,
    sleep(PATIENCE_MS, 'late', { signal: late.signal }).catch(() => undefined),
  ])
  late.abort()
  demand(result !== 'late', what)
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`it owes ${what}`)
}
