/**
 * What goes to one client (4.3, 4.4, 4.6, 4.9). Messages of QoS 1 and 2 are deliveries in the session's queue; here
 * they are sent in its order [MQTT-4.6.0-5], as many at once as the client receives [MQTT-3.3.4-9], and again on the
 * next connection until they are acknowledged [MQTT-4.4.0-1].
 *
 * A client that does not read concerns itself alone: beyond what the network takes, deliveries wait in the queue, which
 * is bounded, and QoS 0 is left out.
 */

import type { Copy } from '../persistence/copy.ts'
import type { Persistence } from '../persistence/persistence.ts'
import type { Retained } from '../persistence/retained.ts'
import type { Delivery, Grant, Session, Subscriber } from '../persistence/session.ts'
import type { Outgoing } from '../persistence/sessions.ts'
import type { Codec } from './codec/codec.ts'
import { encodeAcknowledgement } from './codec/encode.ts'
import { PUBREL } from './codec/packets.ts'
import { isRefusal, PACKET_IDENTIFIER_NOT_FOUND, QUOTA_EXCEEDED, SUCCESS } from './codec/reasons.ts'
import type { Message } from './message.ts'
import { PublishWriter, type Taker } from './publish-writer.ts'

/** What the client said in CONNECT. */
export interface Receiver extends Taker {
  /** QoS 1 and 2 messages that it takes at once. */
  readonly receiveMaximum: number
}

/** The connection, as far as it is needed here. */
export interface Wire {
  readonly codec: Codec
  readonly clientId: string
  readonly unsentBytes: number
  /** It does not read what it asked for. */
  readonly leavesAnswers: boolean
  write(bytes: Uint8Array): void
  mayReceive(topic: string): boolean
  /** With DISCONNECT. */
  disconnect(code: number, reason: string): void
}

export interface OutboundStats {
  /** QoS 0 messages left out for clients that do not read. */
  skipped: number
  /** Closed because they did not read, and had nothing that would keep it for them. */
  slowClosed: number
  /** Larger than the client takes. */
  tooLarge: number
}

/** Beyond this, what is to be sent waits: also a slow line takes it in seconds. */
const ENOUGH_UNSENT_BYTES = 64 * 1024
/** Beyond this, QoS 0 is left out: a burst fits, a frozen client is found out before it costs much. */
const MAX_UNSENT_BYTES = 1024 * 1024
interface Replay {
  readonly grant: Grant
  readonly messages: Iterator<Retained>
}

export class Outbound implements Subscriber {
  readonly session: Session
  readonly #persistence: Persistence
  readonly #wire: Wire
  readonly #receiver: Receiver
  readonly #stats: OutboundStats
  readonly #writer: PublishWriter
  /** To be sent, oldest first, from `#head` on. */
  #pending: Delivery[] = []
  #head = 0
  /** Retained messages that a SUBSCRIBE asked for; the rest of them comes as the client takes them. */
  #replays: Replay[] = []
  /** Sent on this connection, and not acknowledged to the end [MQTT-4.9.0-2]. */
  #inflight = 0
  /** The newest deliveries wait for it. */
  #saving: Promise<void> | null = null
  #isClosed = false

  constructor(
    session: Session,
    persistence: Persistence,
    wire: Wire,
    receiver: Receiver,
    stats: OutboundStats,
  ) {
    this.session = session
    this.#persistence = persistence
    this.#wire = wire
    this.#receiver = receiver
    this.#stats = stats
    this.#writer = new PublishWriter(wire, receiver, stats)
  }

  get clientId(): string {
    return this.session.clientId
  }

  /** After CONNACK: everything that the session still owes, in order [MQTT-4.4.0-1]. */
  resume(): void {
    this.session.subscriber = this
    for (const delivery of this.session.queue.values()) {
      if (delivery.isReleased) this.#release(delivery)
      else this.#pending.push(delivery)
    }
    this.#pump()
  }

  close(): void {
    this.#isClosed = true
    this.session.subscriber = null
    this.#keepReplays()
    this.#pending = []
    this.#replays = []
  }

  /** From the bus, for a subscription that is not shared. */
  offer(message: Message, copy: Copy): void {
    if (this.#isClosed) return
    if (copy.qos === 0) {
      this.#offerOnce(message, copy)
    } else if (!this.session.isVolatile) {
      // Queued before it was acknowledged to its sender; not there: there was no room, which is counted.
      const delivery = this.session.find(message.counter)
      if (delivery !== undefined) this.send(delivery)
    } else {
      const delivery = this.#persistence.sessions.queue(this.session, copy, message.outgoing)
      if (delivery !== null) this.send(delivery)
      else this.#tooSlow()
    }
  }

  send(delivery: Delivery): void {
    if (this.#isClosed || delivery.packetId !== null) return
    this.#pending.push(delivery)
    this.#pump()
  }

  /** Retained messages for a new subscription [MQTT-3.3.1-9]. */
  replay(grant: Grant): void {
    const messages = this.#persistence.retained.matching([grant.topic])
    this.#replays.push({ grant, messages })
    this.#pump()
  }

  /** PUBACK. */
  acknowledged(packetId: number): void {
    const delivery = this.session.withPacketId(packetId)
    if (delivery?.qos === 1) this.#done(delivery)
  }

  /** PUBREC. */
  received(packetId: number, code: number): void {
    const delivery = this.session.withPacketId(packetId)
    if (delivery === undefined || delivery.qos !== 2) {
      const answer = this.#wire.codec.saysWhy ? PACKET_IDENTIFIER_NOT_FOUND : SUCCESS
      if (!isRefusal(code)) this.#write(encodeAcknowledgement(PUBREL, packetId, answer))
      return
    }
    // [MQTT-4.4.0-2], [MQTT-4.8.2-6]
    if (isRefusal(code)) {
      this.#done(delivery)
      return
    }
    delivery.isReleased = true
    if (this.session.isVolatile) {
      this.#write(encodeAcknowledgement(PUBREL, packetId, SUCCESS))
      return
    }
    this.#persistence.sessions.notes.delivery(delivery)
    void this.#persistence.saved().then(() => {
      if (!this.#isClosed) this.#write(encodeAcknowledgement(PUBREL, packetId, SUCCESS))
    })
  }

  /** PUBCOMP. */
  completed(packetId: number): void {
    const delivery = this.session.withPacketId(packetId)
    if (delivery?.isReleased) this.#done(delivery)
  }

  drained(): void {
    this.#pump()
  }

  #offerOnce(message: Message, copy: Copy): void {
    const { topic, payload, raw, expiresAtMs } = message
    if (!this.#wire.mayReceive(topic)) return
    if (this.#wire.unsentBytes > MAX_UNSENT_BYTES || this.#wire.leavesAnswers) {
      this.#stats.skipped++
      return
    }
    const { retain, subscriptionIds } = copy
    const isPlain = !retain && subscriptionIds === null && this.#receiver.topicAliases === 0
    const plain = isPlain ? message.plain(this.#wire.codec) : null
    if (plain !== null && plain.length <= this.#receiver.maxPacketBytes) this.#write(plain)
    else
      this.#writer.publish({
        topic,
        payload,
        qos: 0,
        retain,
        dup: false,
        packetId: 0,
        raw,
        expiresAtMs,
        subscriptionIds,
      })
  }

  #pump(): void {
    while (this.#hasRoom() && this.#head < this.#pending.length) {
      const delivery = this.#pending[this.#head]!
      if (this.#isWanted(delivery)) {
        if (this.#inflight >= this.#receiver.receiveMaximum) return
        this.#head++
        this.#start(delivery)
      } else {
        this.#head++
      }
    }
    if (this.#head === this.#pending.length) {
      this.#pending = []
      this.#head = 0
    } else if (this.#head > 1000 && this.#head * 2 > this.#pending.length) {
      this.#pending.splice(0, this.#head)
      this.#head = 0
    }
    this.#pumpReplays()
  }

  #hasRoom(): boolean {
    return !this.#isClosed && this.#wire.unsentBytes < ENOUGH_UNSENT_BYTES
  }

  #isWanted(delivery: Delivery): boolean {
    const { sessions } = this.#persistence
    if (!this.session.queue.has(delivery.id) || delivery.connection === this.session.connection) return false
    if (sessions.isStale(delivery)) {
      sessions.dropStale(delivery)
      return false
    }
    if (this.#wire.mayReceive(delivery.topic)) return true
    sessions.remove(delivery)
    return false
  }

  #start(delivery: Delivery): void {
    const { sessions } = this.#persistence
    if (delivery.qos === 0) {
      sessions.remove(delivery)
      this.#publishDelivery(delivery, false)
      return
    }
    const isAgain = delivery.packetId !== null
    this.session.markSent(delivery, delivery.packetId ?? this.session.nextPacketId())
    this.#inflight++
    if (!isAgain) sessions.notes.delivery(delivery)
    // Exactly once needs the identifier after a crash; at least once does not.
    const isSaved = delivery.qos === 2 && !isAgain && !this.session.isVolatile
    if (isSaved) this.#saving = this.#persistence.saved()
    if (this.#saving === null) this.#publishDelivery(delivery, isAgain)
    else this.#publishAfter(this.#saving, delivery, isAgain)
  }

  /** Nothing overtakes what waits for the disk, though it might, by another QoS. */
  #publishAfter(saving: Promise<void>, delivery: Delivery, dup: boolean): void {
    void saving.then(() => {
      if (this.#saving === saving) this.#saving = null
      if (!this.#isClosed) this.#publishDelivery(delivery, dup)
    })
  }

  /** [MQTT-3.1.2-25]: what is too large for the client is done with, as if it had been sent. */
  #publishDelivery(delivery: Delivery, dup: boolean): void {
    const { topic, qos, retain, properties: raw, expiresAtMs, subscriptionIds } = delivery
    const payload = typeof delivery.payload === 'string' ? Buffer.from(delivery.payload) : delivery.payload
    const packetId = delivery.packetId ?? 0
    const isSent = this.#writer.publish({
      topic,
      payload,
      qos,
      retain,
      dup,
      packetId,
      raw,
      expiresAtMs,
      subscriptionIds,
    })
    if (!isSent && qos > 0) this.#done(delivery)
  }

  /** Released on an earlier connection: PUBREL again, under the same identifier [MQTT-4.3.3-6]. */
  #release(delivery: Delivery): void {
    delivery.connection = this.session.connection
    this.#inflight++
    this.#write(encodeAcknowledgement(PUBREL, delivery.packetId ?? 0, SUCCESS))
  }

  #done(delivery: Delivery): void {
    if (delivery.connection === this.session.connection) this.#inflight--
    this.#persistence.sessions.remove(delivery)
    this.#pump()
  }

  #pumpReplays(): void {
    while (this.#replays.length > 0 && this.#head === this.#pending.length && this.#hasRoom()) {
      const { grant, messages } = this.#replays[0]!
      if (grant.qos > 0 && this.#inflight >= this.#receiver.receiveMaximum) return
      const next = messages.next()
      if (next.done) this.#replays.shift()
      else this.#sendRetained(next.value, grant)
    }
  }

  #sendRetained(message: Retained, grant: Grant): void {
    if (!this.#wire.mayReceive(message.topic)) return
    const copy = toCopy(message, grant)
    if (copy.qos === 0) {
      const { topic, payload, properties: raw = null, messageExpiry: expiresAtMs = null } = message
      this.#writer.publish({ topic, payload, ...copy, dup: false, packetId: 0, raw, expiresAtMs })
      return
    }
    const delivery = this.#persistence.sessions.queue(this.session, copy, toOutgoing(message))
    if (delivery !== null) this.#start(delivery)
  }

  /** What of them had not been sent waits in the queue, as far as it fits. */
  #keepReplays(): void {
    if (this.session.isVolatile) return
    for (const { grant, messages } of this.#replays) {
      for (let next = messages.next(); !next.done; next = messages.next()) {
        const copy = toCopy(next.value, grant)
        if (copy.qos === 0) continue
        if (this.#persistence.sessions.queue(this.session, copy, toOutgoing(next.value)) === null) return
      }
    }
  }

  /** Nothing keeps what it does not take: it is to know that it missed something. */
  #tooSlow(): void {
    this.#stats.slowClosed++
    this.#wire.disconnect(QUOTA_EXCEEDED, 'too many messages wait for it')
  }

  #write(bytes: Uint8Array): void {
    this.#wire.write(bytes)
  }
}

/** 3.3.1.3: sent for a subscription, it says that it was retained. */
function toCopy({ qos }: Retained, { qos: granted, subscriptionIdentifier }: Grant): Copy {
  return {
    qos: Math.min(qos, granted) as 0 | 1 | 2,
    retain: true,
    subscriptionIds: subscriptionIdentifier === undefined ? null : [subscriptionIdentifier],
  }
}

function toOutgoing(message: Retained): Outgoing {
  const { topic, payload, properties = null, messageExpiry: expiresAtMs = null } = message
  return { topic, payload, brokerId: undefined, counter: null, properties, expiresAtMs }
}
