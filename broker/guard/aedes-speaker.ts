/**
 * MQTT 3.1 and 3.1.1: packets are checked, and go on to Aedes as the bytes that they are, but for what comes most and can
 * be answered here: PUBLISH by QoS 0 and 1, and PINGREQ.
 */

import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import type { Access } from '../access.ts'
import { Acknowledgements } from '../acknowledgements.ts'
import type { BusPublication, Intake, PlainDelivery } from '../intake.ts'
import { AedesStream } from './aedes-stream.ts'
import type { GuardLimits } from './limits.ts'
import {
  CONNECT,
  checkPacket,
  DISCONNECT,
  type Flaw,
  PINGREQ,
  PUBLISH,
  PUBREL,
  type PublishFields,
  readPublish,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from './packets.ts'
import type { Connection, Peer, Speak, Speaker } from './speaker.ts'
import type { Topics } from './topics.ts'

/** 3.1 lets a client mark what it sends again, also where 3.1.1 has a fixed flag. */
const DUP = 0x08
const PINGRESP = Buffer.from([0xd0, 0])
const MAY_BE_DUP_IN_3_1 = new Set([PUBREL, SUBSCRIBE, UNSUBSCRIBE])

/** Of what Aedes has to read. */
const AEDES_IS_FULL = 1
/** Too many of its messages wait for the disk: it feels that by TCP. */
const IS_BEHIND = 2
/** For an answer to SUBSCRIBE or UNSUBSCRIBE. */
const IS_ASKING = 4

/** Of a packet that was just read. */
const fields: PublishFields = { topic: '', packetId: 0, payload: 0 }
const STORED = Promise.resolve()

export interface AedesSpeakerParts {
  readonly aedes: Pick<Aedes, 'handle'>
  readonly intake: Intake
  readonly limits: GuardLimits
  readonly topics: Topics
  readonly accessOf: (client: Client) => Access
  /** Messages of one client that may wait to be acknowledged. */
  readonly maxWaiting: number
  /** A client is not read from until half of them are. */
  readonly paused: () => void
}

export function speakByAedes(parts: AedesSpeakerParts): Speak {
  return connection => new AedesSpeaker(connection, parts)
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
  readonly #parts: AedesSpeakerParts
  readonly #stream: AedesStream
  readonly #client: Client
  readonly #acknowledgements: Acknowledgements
  readonly #inflight = new Set<number>()
  #isGreeted = false
  /** Of one read, not answered yet. */
  #pings = 0
  #isOver = false
  /** Why it is not read from, for now. */
  #holds = 0
  /** Of one read: what goes on to Aedes, neighbours in one piece. */
  #bytes: Buffer | null = null
  #from = 0
  #to = 0

  constructor(connection: Connection, parts: AedesSpeakerParts) {
    this.#connection = connection
    this.#parts = parts
    const { intake } = parts
    this.#acknowledgements = new Acknowledgements({
      write: bytes => this.#write(bytes),
      publish: publication => intake.publish(publication),
      cancel: prepared => intake.cancel(prepared),
      failed: () => connection.destroy('not-stored'),
      eased: () => this.#eased(),
    })
    this.#stream = new AedesStream(connection, {
      close: () => this.#hold(AEDES_IS_FULL),
      open: () => this.#release(AEDES_IS_FULL),
      answered: () => this.#release(IS_ASKING),
    })
    this.#client = parts.aedes.handle(this.#stream as Duplex as Socket)
  }

  packet(bytes: Buffer, at: number, body: number, end: number): void {
    // [MQTT-3.14.4-2]: nothing comes after DISCONNECT; Aedes would take it.
    if (this.#isOver) return
    const type = bytes[at]! >> 4
    if (!this.#isGreeted && type === CONNECT) {
      this.#isGreeted = true
      this.#gather(bytes, at, end)
      return
    }
    if (this.#connection.level === 3) clearDup(bytes, at)
    const flaw =
      type === PUBLISH
        ? this.#publish(bytes, at, body, end)
        : checkPacket(bytes, at, body, end, this.#parts.limits, this.#parts.topics)
    if (flaw !== null) {
      this.#handOn()
      this.#connection.destroy(flaw)
      return
    }
    if (type === PUBLISH) return
    if (type === PINGREQ) {
      this.#pings++
      return
    }
    if (type === PUBREL) this.#inflight.delete(bytes.readUInt16BE(body))
    this.#isOver = type === DISCONNECT
    this.#gather(bytes, at, end)
    if (type !== SUBSCRIBE && type !== UNSUBSCRIBE) return
    // What the client publishes next would overtake it.
    this.#handOn()
    this.#hold(IS_ASKING)
  }

  batchEnd(): void {
    this.#handOn()
    // [MQTT-3.12.4-1]
    if (this.#pings > 0) this.#connection.write(Buffer.alloc(2 * this.#pings, PINGRESP))
    this.#pings = 0
    this.#connection.pauseUntilDrained()
  }

  drained(): void {
    this.#stream.drained()
  }

  closed(): void {
    this.#acknowledgements.close(this.#isOver)
    this.#stream.destroy()
  }

  /**
   * By QoS 0 and 1 it is taken here: parsing it into an object of Aedes, and having it walk through its handlers, cost
   * as much as all the rest. QoS 2 goes on to Aedes, which keeps its identifiers.
   */
  #publish(bytes: Buffer, at: number, body: number, end: number): Flaw | 'inflight' | 'forbidden' | null {
    const first = bytes[at]!
    const flaw = readPublish(bytes, first, body, end, this.#parts.topics, fields)
    if (flaw !== null) return flaw
    const { topic, packetId, payload: start } = fields
    const qos = ((first >> 1) & 3) as 0 | 1 | 2
    if (qos === 2) {
      this.#gather(bytes, at, end)
      return this.#checkInflight(packetId)
    }
    const { intake, accessOf } = this.#parts
    const access = accessOf(this.#client)
    const { identity } = access
    const payload = bytes.subarray(start, end)
    const client = this.#client.id
    const delivery: PlainDelivery = {
      topic,
      payload,
      qos,
      retain: (first & 1) !== 0,
      dup: (first & DUP) !== 0,
      packetId: qos === 0 ? null : packetId,
      client,
      identity,
    }
    const accepted = intake.take(access, delivery)
    if (accepted === 'forbidden') return accepted
    const prepared = qos === 0 ? null : intake.prepare(delivery)
    const isAwaited = prepared !== null || intake.isHeard(delivery)
    if (qos === 0) {
      if (isAwaited) this.#publishOnce(publicationOf(delivery), accepted)
      return null
    }
    const kept = isAwaited ? { publication: publicationOf(delivery), prepared } : null
    this.#acknowledgements.add(packetId, accepted ?? STORED, kept)
    if (this.#acknowledgements.waiting >= this.#parts.maxWaiting && (this.#holds & IS_BEHIND) === 0) {
      this.#parts.paused()
      this.#hold(IS_BEHIND)
    }
    return null
  }

  /** Nobody waits for QoS 0; a promise may say that it was not taken after all. */
  #publishOnce(publication: BusPublication, accepted: Promise<void> | null): void {
    const { intake } = this.#parts
    if (accepted === null) intake.publish(publication)
    else
      accepted.then(
        () => intake.publish(publication),
        () => this.#connection.destroy('not-stored'),
      )
  }

  #write(bytes: Buffer): void {
    this.#connection.write(bytes)
    // A client that does not read its answers asks no more questions.
    this.#connection.pauseUntilDrained()
  }

  #eased(): void {
    if (this.#acknowledgements.waiting * 2 <= this.#parts.maxWaiting) this.#release(IS_BEHIND)
  }

  #hold(reason: number): void {
    this.#holds |= reason
    this.#connection.pause()
  }

  #release(reason: number): void {
    if ((this.#holds & reason) === 0) return
    this.#holds &= ~reason
    if (this.#holds === 0) this.#connection.resume()
  }

  /** QoS 2 messages that wait for their PUBREL are remembered, each by its packet identifier. */
  #checkInflight(packetId: number): 'inflight' | null {
    this.#inflight.add(packetId)
    return this.#inflight.size > this.#parts.limits.maxInflight ? 'inflight' : null
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

function publicationOf({ topic, payload, qos, retain, client }: PlainDelivery): BusPublication {
  return { topic, payload, qos, retain, clientId: client ?? '' }
}
