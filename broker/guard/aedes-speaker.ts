/** MQTT 3.1 and 3.1.1: packets are checked, and go on to Aedes as the bytes that they are. */

import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import { AedesStream } from './aedes-stream.ts'
import type { GuardLimits } from './limits.ts'
import {
  CONNECT,
  checkPacket,
  DISCONNECT,
  PINGREQ,
  PUBLISH,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from './packets.ts'
import type { Connection, Peer, Speak, Speaker } from './speaker.ts'
import type { Topics } from './topics.ts'

/** 3.1 lets a client mark what it sends again, also where 3.1.1 has a fixed flag. */
const DUP = 0x08
const PINGRESP = Buffer.from([0xd0, 0])
const MAY_BE_DUP_IN_3_1 = new Set([PUBREL, SUBSCRIBE, UNSUBSCRIBE])

export function speakByAedes(aedes: Pick<Aedes, 'handle'>, limits: GuardLimits, topics: Topics): Speak {
  return connection => new AedesSpeaker(aedes, connection, limits, topics)
}

/** What carries a client of Aedes. */
export function streamOf(client: Client): AedesStream {
  return client.conn as unknown as AedesStream
}

/** What is known of a client of Aedes before it says a word. */
export function peerOf(client: Client): Peer {
  return streamOf(client).connection
}

class AedesSpeaker implements Speaker {
  readonly #connection: Connection
  readonly #limits: GuardLimits
  readonly #topics: Topics
  readonly #stream: AedesStream
  readonly #inflight = new Set<number>()
  #isGreeted = false
  /** Of one read, not answered yet. */
  #pings = 0
  #isOver = false
  /** Of one read: what goes on to Aedes, neighbours in one piece. */
  #bytes: Buffer | null = null
  #from = 0
  #to = 0

  constructor(aedes: Pick<Aedes, 'handle'>, connection: Connection, limits: GuardLimits, topics: Topics) {
    this.#connection = connection
    this.#limits = limits
    this.#topics = topics
    this.#stream = new AedesStream(connection)
    aedes.handle(this.#stream as Duplex as Socket)
  }

  packet(bytes: Buffer, at: number, body: number, end: number): void {
    // [MQTT-3.14.4-2]: nothing comes after DISCONNECT; Aedes would take it.
    if (this.#isOver) return
    if (this.#isGreeted || bytes[at]! >> 4 !== CONNECT) {
      if (this.#connection.level === 3) clearDup(bytes, at)
      const flaw =
        checkPacket(bytes, at, body, end, this.#limits, this.#topics) ?? this.#checkInflight(bytes, at, body)
      if (flaw !== null) {
        this.#handOn()
        this.#connection.destroy(flaw)
        return
      }
    }
    this.#isGreeted = true
    this.#isOver = bytes[at]! >> 4 === DISCONNECT
    if (bytes[at]! >> 4 === PINGREQ) this.#pings++
    else this.#gather(bytes, at, end)
  }

  batchEnd(): void {
    this.#handOn()
    // [MQTT-3.12.4-1]
    if (this.#pings > 0) this.#connection.write(Buffer.alloc(2 * this.#pings, PINGRESP))
    this.#pings = 0
    // A client that does not read its answers asks no more questions.
    this.#connection.pauseUntilDrained()
  }

  drained(): void {
    this.#stream.drained()
  }

  closed(): void {
    this.#stream.destroy()
  }

  /** QoS 2 messages that wait for their PUBREL are remembered, each by its packet identifier. */
  #checkInflight(bytes: Buffer, at: number, body: number): 'inflight' | null {
    const type = bytes[at]! >> 4
    if (type === PUBREL) this.#inflight.delete(bytes.readUInt16BE(body))
    if (type !== PUBLISH || (bytes[at]! & 6) !== 4) return null
    this.#inflight.add(bytes.readUInt16BE(body + 2 + bytes.readUInt16BE(body)))
    return this.#inflight.size > this.#limits.maxInflight ? 'inflight' : null
  }

  #gather(bytes: Buffer, at: number, end: number): void {
    if (this.#bytes === bytes && this.#to === at) {
      this.#to = end
      return
    }
    this.#handOn()
    this.#bytes = bytes
    this.#from = at
    this.#to = end
  }

  #handOn(): void {
    if (this.#bytes === null) return
    this.#stream.receive(this.#bytes.subarray(this.#from, this.#to))
    this.#bytes = null
  }
}

function clearDup(bytes: Buffer, at: number): void {
  if (MAY_BE_DUP_IN_3_1.has(bytes[at]! >> 4)) bytes[at]! &= ~DUP
}
