/**
 * What one client publishes (3.3.4, 4.3). A message is acknowledged once it is accepted, which is when it is on the
 * disk, and then goes to the bus. Both happen in the order in which messages came, whatever became of them meanwhile
 * [MQTT-4.6.0-2], [MQTT-4.6.0-3]; so a refusal waits its turn, too.
 *
 *   PUBLISH -> alias -> take --accepted--> kept for sleepers (saved) --its turn--> PUBACK or PUBREC, bus
 *                         |-- forbidden --------------------------------its turn--> PUBACK or PUBREC with the reason
 *                         +-- not stored -> the connection is closed; the client keeps its message
 */

import type { Access } from '../access.ts'
import type { Delivery } from '../delivery.ts'
import type { BusPublication, Intake, Taken } from '../intake.ts'
import type { Persistence, Prepared } from '../persistence/persistence.ts'
import type { Session } from '../persistence/session.ts'
import type { Codec } from './codec/codec.ts'
import { acknowledgementBytes, encodeAcknowledgement, writeAcknowledgement } from './codec/encode.ts'
import { Fault } from './codec/fault.ts'
import { PUBACK, PUBCOMP, PUBREC, type Publish, type QoS } from './codec/packets.ts'
import {
  NOT_AUTHORIZED,
  PACKET_IDENTIFIER_IN_USE,
  QUOTA_EXCEEDED,
  RECEIVE_MAXIMUM_EXCEEDED,
  SERVER_BUSY,
  SUCCESS,
  TOPIC_ALIAS_INVALID,
  TOPIC_NAME_INVALID,
} from './codec/reasons.ts'
import { ExactlyOnce } from './exactly-once.ts'
import { expiryAt, messageProperties } from './message.ts'

type IntakeOfBroker = Pick<Intake, 'take' | 'repeat' | 'publish' | 'isWanted'>

export interface Publisher {
  readonly access: Access
  readonly codec: Pick<Codec, 'saysWhy'>
  /** To what it sent. */
  answer(bytes: Uint8Array): void
  disconnect(code: number, reason: string): void
  /** Does not read from the client until `release`. */
  hold(): void
  release(): void
}

export interface InboundLimits {
  /** Messages that wait to be acknowledged. As CONNACK says; a client that cannot be told is held beyond. */
  readonly receiveMaximum: number
  /** QoS 2 messages under way, of a client that cannot be told. */
  readonly maxInflight: number
  readonly inboundTopicAliases: number
}

interface Entry {
  readonly qos: 1 | 2
  /** Null: nobody wants it. */
  readonly publication: BusPublication | null
  readonly packetId: number
  /** Null: not decided yet. */
  code: number | null
  /** It was published before, and is only acknowledged again. */
  readonly isRepeated: boolean
  prepared: Prepared | null
}

/** Messages that are stored together. */
interface Commit {
  readonly taken: Promise<void>
  readonly entries: Entry[]
}

export class Inbound {
  readonly #session: Session
  readonly #persistence: Persistence
  readonly #intake: IntakeOfBroker
  readonly #publisher: Publisher
  readonly #limits: InboundLimits
  /** Of this connection only [MQTT-3.3.2-7]. */
  #aliases: Map<number, string> | null = null
  /** QoS 1 and 2, oldest first, from `#head` on. */
  #entries: Entry[] = []
  #head = 0
  /** To which the next message may belong. */
  #newest: Commit | null = null
  readonly #once: ExactlyOnce
  /** QoS 1 among the entries. */
  #waitingOnce = 0
  #isHeld = false
  #isClosed = false

  constructor(
    session: Session,
    persistence: Persistence,
    intake: IntakeOfBroker,
    publisher: Publisher,
    limits: InboundLimits,
  ) {
    this.#session = session
    this.#persistence = persistence
    this.#intake = intake
    this.#publisher = publisher
    this.#limits = limits
    this.#once = new ExactlyOnce(session, persistence)
  }

  /** Throws a Fault when the connection cannot go on. */
  publish(packet: Publish): void {
    const topic = this.#resolve(packet)
    const { qos, packetId } = packet
    if (qos === 2 && this.#once.has(packetId)) {
      this.#acknowledgeAgain(packetId, this.#intake.repeat(this.#toDelivery(packet, topic)))
      return
    }
    if (qos > 0) this.#checkQuota(qos)
    if (qos === 2 && !this.#persistence.sessions.adopt(this.#session))
      throw new Fault(QUOTA_EXCEEDED, 'too many sessions', 'sessions')
    const isWanted = qos === 2 || this.#intake.isWanted(topic, packet.retain)
    const publication = isWanted ? this.#toPublication(packet, topic) : null
    const delivery = this.#toDelivery(packet, topic)
    const taken = this.#intake.take(this.#publisher.access, delivery, packet.isKnownTopic)
    if (qos === 0) {
      this.#publishOnce(publication, taken)
      return
    }
    if (typeof taken === 'string' && !this.#publisher.codec.saysWhy)
      throw new Fault(NOT_AUTHORIZED, `it may not publish to ${topic}`)
    const entry: Entry = { qos, publication, packetId, code: null, isRepeated: false, prepared: null }
    this.#entries.push(entry)
    if (qos === 1) this.#waitingOnce++
    this.#holdBack()
    if (typeof taken === 'string')
      this.#decide(entry, taken === 'forbidden' ? NOT_AUTHORIZED : TOPIC_NAME_INVALID)
    else if (qos === 1) this.#acceptOnce(entry, taken)
    else if (publication !== null) this.#acceptExactlyOnce(entry, publication, taken)
  }

  /**
   * PUBREL [MQTT-4.3.3-11]. One that is not known was completed before, and its PUBCOMP was lost: 0x92 would be allowed,
   * but clients take it for a failure, and send what was stored again.
   */
  release(packetId: number): void {
    // A PUBREC was not waited for; the order of both is kept all the same.
    if (!this.#once.noteRelease(packetId)) return
    if (this.#once.isSettling(packetId)) {
      void this.#once.settled(packetId).then(() => this.release(packetId))
      return
    }
    const { incoming, isVolatile } = this.#session
    if (!incoming.has(packetId)) {
      this.#publisher.answer(encodeAcknowledgement(PUBCOMP, packetId, SUCCESS))
      return
    }
    this.#persistence.sessions.removeIncoming(this.#session, packetId, !isVolatile)
    const complete = () => {
      if (!this.#isClosed) this.#publisher.answer(encodeAcknowledgement(PUBCOMP, packetId, SUCCESS))
    }
    if (isVolatile) complete()
    else void this.#persistence.saved().then(complete)
  }

  /** What is not acknowledged comes again; but a QoS 2 message whose identifier is kept goes its way. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#once.lose()
    for (const { qos, prepared, publication, code, isRepeated } of this.#entries.slice(this.#head)) {
      if (prepared !== null) this.#persistence.cancel(prepared)
      if (qos === 2 && publication !== null && code === SUCCESS && !isRepeated)
        this.#intake.publish(publication)
    }
    this.#entries = []
    this.#head = 0
  }

  #resolve({ topic, properties: { topicAlias } }: Publish): string {
    if (topicAlias === undefined) return topic
    // [MQTT-3.3.2-9], [MQTT-3.3.2-12]
    if (topicAlias > this.#limits.inboundTopicAliases)
      throw new Fault(TOPIC_ALIAS_INVALID, 'a topic alias beyond the maximum')
    this.#aliases ??= new Map()
    if (topic === '') {
      const known = this.#aliases.get(topicAlias)
      if (known === undefined) throw new Fault(TOPIC_ALIAS_INVALID, 'a topic alias that was not set')
      return known
    }
    this.#aliases.set(topicAlias, topic)
    return topic
  }

  /** [MQTT-3.3.4-7]: of messages that are neither acknowledged nor completed. */
  #checkQuota(qos: QoS): void {
    const { receiveMaximum, maxInflight } = this.#limits
    const { underWay } = this.#once
    const isTooMuch = this.#publisher.codec.saysWhy
      ? this.#waitingOnce + underWay >= receiveMaximum
      : qos === 2 && underWay >= maxInflight
    if (isTooMuch) throw new Fault(RECEIVE_MAXIMUM_EXCEEDED, 'more messages at once than we receive')
  }

  get #waiting(): number {
    return this.#entries.length - this.#head
  }

  /** A client that knows its receive maximum gets beyond it by repetitions, and by what is refused in its turn. */
  #holdBack(): void {
    const { receiveMaximum } = this.#limits
    const most = this.#publisher.codec.saysWhy ? receiveMaximum + 1 : receiveMaximum
    if (this.#isHeld || this.#waiting < most) return
    this.#isHeld = true
    this.#publisher.hold()
  }

  #letGoOn(): void {
    if (!this.#isHeld || this.#waiting * 2 > this.#limits.receiveMaximum) return
    this.#isHeld = false
    this.#publisher.release()
  }

  /** Of a message that is known by its identifier. `counted`: when that it came again is on the disk. */
  #acknowledgeAgain(packetId: number, counted: Promise<void> | null): void {
    const isInUse = this.#publisher.codec.saysWhy && this.#once.isOurs(packetId)
    const entry: Entry = { qos: 2, publication: null, packetId, code: null, isRepeated: true, prepared: null }
    this.#entries.push(entry)
    this.#once.expectsAnswer(packetId)
    this.#holdBack()
    Promise.all([isInUse || this.#once.settled(packetId), counted]).then(
      ([isKept]) =>
        isKept ? this.#decide(entry, isInUse ? PACKET_IDENTIFIER_IN_USE : SUCCESS) : this.#failed(),
      () => this.#failed(),
    )
  }

  /** Nobody waits for QoS 0; a promise may say that it was not taken after all. */
  #publishOnce(publication: BusPublication | null, taken: Taken): void {
    if (typeof taken === 'string') {
      if (!this.#publisher.codec.saysWhy) throw new Fault(NOT_AUTHORIZED, 'it may not publish that')
      return
    }
    if (publication === null) {
      taken?.catch(() => this.#failed())
      return
    }
    if (taken === null) this.#intake.publish(publication)
    else
      taken.then(
        () => this.#intake.publish(publication),
        () => this.#failed(),
      )
  }

  #acceptOnce(entry: Entry, taken: Promise<void> | null): void {
    if (entry.publication !== null) entry.prepared = this.#persistence.prepare(entry.publication)
    const saved = entry.prepared?.saved ?? null
    if (saved !== null) {
      Promise.all([taken, saved]).then(
        () => this.#decide(entry, SUCCESS),
        () => this.#failed(),
      )
    } else if (taken === null) {
      this.#decide(entry, SUCCESS)
    } else {
      this.#await(entry, taken)
    }
  }

  /** Messages of one commit share its promise, and are decided together: most of them come so. */
  #await(entry: Entry, taken: Promise<void>): void {
    if (this.#newest?.taken === taken) {
      this.#newest.entries.push(entry)
      return
    }
    const commit: Commit = { taken, entries: [entry] }
    this.#newest = commit
    const isOver = () => {
      if (this.#newest === commit) this.#newest = null
    }
    taken.then(
      () => {
        isOver()
        if (this.#isClosed) return
        for (const each of commit.entries) each.code = SUCCESS
        this.#flush()
      },
      () => {
        isOver()
        this.#failed()
      },
    )
  }

  #acceptExactlyOnce(entry: Entry, publication: BusPublication, stored: Promise<void> | null): void {
    this.#once.take(entry.packetId, publication, stored).then(
      isTaken => {
        if (!isTaken) return
        // Lost meanwhile: by its identifier it would pass for published when it is sent again.
        if (this.#isClosed) this.#intake.publish(publication)
        else this.#decide(entry, SUCCESS)
      },
      () => this.#failed(),
    )
  }

  #decide(entry: Entry, code: number): void {
    if (this.#isClosed) return
    entry.code = code
    if (this.#entries[this.#head] === entry) this.#flush()
  }

  /** In the order of arrival, in one write. */
  #flush(): void {
    const entries = this.#entries
    const from = this.#head
    let to = from
    let bytes = 0
    for (; to < entries.length && entries[to]!.code !== null; to++)
      bytes += acknowledgementBytes(entries[to]!.code!)
    if (to === from) return
    const acknowledgements = Buffer.allocUnsafe(bytes)
    for (let i = from, at = 0; i < to; i++) {
      const { qos, packetId, code } = entries[i]!
      if (qos === 1) this.#waitingOnce--
      // [MQTT-2.2.1-5]
      at = writeAcknowledgement(acknowledgements, at, qos === 1 ? PUBACK : PUBREC, packetId, code!)
    }
    this.#head = to
    this.#publisher.answer(acknowledgements)
    this.#letGoOn()
    for (let i = from; i < to; i++) {
      const { qos, packetId, publication, code, isRepeated } = entries[i]!
      if (publication !== null && code === SUCCESS && !isRepeated) this.#intake.publish(publication)
      if (qos === 2 && this.#once.answered(packetId, isRepeated)) this.release(packetId)
    }
    // Publishing may have closed it.
    if (this.#entries === entries) this.#forgetDone()
  }

  #forgetDone(): void {
    if (this.#head === this.#entries.length) {
      this.#entries = []
      this.#head = 0
    } else if (this.#head >= 256 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head)
      this.#head = 0
    }
  }

  /** The disk fails, or the spool is full. */
  #failed(): void {
    if (this.#isClosed) return
    // Also of a client that said goodbye, whose connection has nothing to close any more.
    this.close()
    this.#publisher.disconnect(SERVER_BUSY, 'messages cannot be stored now')
  }

  #toPublication({ payload, qos, retain, raw, properties }: Publish, topic: string): BusPublication {
    const publication = { topic, payload, qos, retain, clientId: this.#session.clientId }
    const messageExpiry = expiryAt(properties.messageExpiryS)
    return raw === null && messageExpiry === undefined
      ? publication
      : { ...publication, properties: raw ?? undefined, messageExpiry }
  }

  #toDelivery({ payload, qos, retain, dup, packetId, raw, properties }: Publish, topic: string): Delivery {
    const { identity } = this.#publisher.access
    return {
      topic,
      payload,
      qos,
      retain,
      dup,
      packetId: qos > 0 ? packetId : null,
      client: this.#session.clientId,
      identity,
      properties: raw === null ? null : messageProperties(properties),
    }
  }
}
