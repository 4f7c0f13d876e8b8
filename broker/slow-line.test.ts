/** Lines of 2 KB/s, by a clock that the test sets: what takes minutes there is over at once. */

import { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { acknowledge, connect, PINGREQ, type Received, read, subscribe } from './conformance/packets.ts'
import { send, sleeper } from './fixture.ts'
import { FreshBroker } from './fresh-broker.ts'
import type { GuardedConnection } from './guard/connection.ts'

const BYTES_PER_S = 2000
const LOOK_EVERY_MS = 1000

const broker = new FreshBroker()
beforeEach(async () => {
  await broker.start({ idleTimeoutMs: 6 * 3_600_000 })
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** Takes bytes at its own pace, while `runs` runs. */
class SlowLine {
  readonly received: Received[] = []
  readonly stream: Duplex
  readonly #guarded: GuardedConnection
  #unread = Buffer.alloc(0)
  /** Written, and not taken yet. */
  #inHand: Buffer = Buffer.alloc(0)
  #taken: () => void = () => undefined
  onPacket: (packet: Received) => void = () => undefined

  constructor() {
    this.stream = new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => {
        this.#inHand = chunk
        this.#taken = done
      },
      // As sockets do: all that waits in one go.
      writev: (chunks: { chunk: Buffer }[], done) => {
        this.#inHand = Buffer.concat(chunks.map(({ chunk }) => chunk))
        this.#taken = done
      },
    })
    const inHand = () => this.#inHand.length
    Object.assign(this.stream, {
      _handle: {
        get writeQueueSize() {
          return inHand()
        },
      },
    })
    this.stream.on('error', () => undefined)
    const { guard } = broker.broker
    guard.enter(this.stream)
    guard.locate(this.stream, '127.0.0.1')
    this.#guarded = guard.accept(this.stream, this.stream, {
      address: '127.0.0.1',
      headers: null,
      certificate: null,
    })
  }

  send(...packets: readonly Uint8Array[]): void {
    this.stream.push(Buffer.concat(packets))
  }

  /** Bytes that the broker has written, and that are on this side of the line. */
  get waitingBytes(): number {
    return this.stream.writableLength
  }

  /** Until it is so, or the broker has closed. Zero bytes a second: nothing is taken. */
  async runs(isEnough: () => boolean, bytesPerS = BYTES_PER_S): Promise<void> {
    while (!isEnough() && !this.stream.destroyed) {
      vi.advanceTimersByTime(LOOK_EVERY_MS)
      this.#take((bytesPerS * LOOK_EVERY_MS) / 1000)
      // What that brought about.
      for (let turn = 0; turn < 3; turn++) await setImmediate()
      this.#guarded.check(performance.now())
    }
  }

  #take(bytes: number): void {
    for (let left = bytes; left > 0 && this.#inHand.length > 0; ) {
      const piece = this.#inHand.subarray(0, left)
      this.#inHand = this.#inHand.subarray(piece.length)
      left -= piece.length
      this.#unread = Buffer.concat([this.#unread, piece])
      // The next one is in hand then.
      if (this.#inHand.length === 0) this.#taken()
    }
    for (let next = read(this.#unread); next !== null; next = read(this.#unread)) {
      this.#unread = this.#unread.subarray(next.length)
      this.received.push(next.received)
      this.onPacket(next.received)
    }
  }
}

describe('a client on a slow line', () => {
  /** Returns what it hears, as it hears it; each message is acknowledged at once. */
  function acknowledging(line: SlowLine): string[] {
    const heard: string[] = []
    line.onPacket = packet => {
      if (packet.kind !== 'publish') return
      heard.push(packet.payload.slice(0, 3))
      line.send(acknowledge('puback', packet.id))
    }
    return heard
  }

  const numbered = (prefix: string): [string, string][] =>
    Array.from({ length: 300 }, (_, i) => [`${prefix}/${i}`, String(i).padStart(3, '0').padEnd(1000)])
  const numbers = Array.from({ length: 300 }, (_, i) => String(i).padStart(3, '0'))

  it('gets a long queue whole and in order, and stays, though that takes minutes', async () => {
    const asleep = await sleeper(broker.port, 's')
    await asleep.client.subscribeAsync('#', { qos: 1 })
    await asleep.client.endAsync()
    await send(broker.port, numbered('m'))
    const line = new SlowLine()
    const heard = acknowledging(line)
    line.send(connect({ clientId: 's', clean: false }))
    await line.runs(() => heard.length >= 20)
    // What it acknowledged is read, while there is more on the line.
    expect(line.waitingBytes).toBeGreaterThan(10_000)
    expect(broker.broker.stats.queuedMessages).toBeLessThan(290)
    await line.runs(() => broker.broker.stats.queuedMessages === 0)
    expect(heard).toEqual(numbers)
    expect(broker.broker.stats.closed).toEqual({})
    line.stream.destroy()
  })

  it('gets all retained messages, and stays', async () => {
    await send(broker.port, numbered('kept'), 1, true)
    const line = new SlowLine()
    const heard = acknowledging(line)
    line.send(connect({}), subscribe(1, [['kept/#', 1]]))
    await line.runs(() => heard.length === 300)
    expect(heard.toSorted()).toEqual(numbers)
    expect(broker.broker.stats.closed).toEqual({})
    line.stream.destroy()
  })

  it('that asks for more than it reads is not read from, and stays as long as it takes something in 10 s', async () => {
    const line = new SlowLine()
    line.send(connect({}))
    await line.runs(() => line.received.length === 1)
    const asked = 100_000
    for (let i = 0; i < 100; i++) {
      line.send(...Array<Buffer>(asked / 100).fill(PINGREQ))
      await setImmediate()
    }
    // Two bytes for each, would all be read.
    expect(line.waitingBytes).toBeLessThan(asked)
    await line.runs(() => line.received.length > asked / 2, 400)
    expect(broker.broker.stats.closed).toEqual({})
    await line.runs(() => false, 0)
    expect(broker.broker.stats.closed).toEqual({ slow: 1 })
  })
})
