/** A client that was let in: who answers each of its packets, and what stays of it when it leaves. */

import type { Session } from '../persistence/session.ts'
import type { Will } from '../persistence/wills.ts'
import { PING_RESPONSE } from './codec/encode.ts'
import { Fault } from './codec/fault.ts'
import {
  AUTH,
  CONNECT,
  type Connect,
  DISCONNECT,
  type Disconnect,
  type Packet,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBSCRIBE,
  UNSUBSCRIBE,
} from './codec/packets.ts'
import * as reasons from './codec/reasons.ts'
import { toWill } from './greeting.ts'
import { Inbound, type Publisher } from './inbound.ts'
import { Outbound, type Wire } from './outbound.ts'
import type { FrontParts } from './parts.ts'
import type { Seat } from './seat.ts'
import { type Asker, Subscribing } from './subscribing.ts'

/** What was not named in CONNECT has this value (3.1.2.11.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535

/** Its connection, as far as it is needed here. */
export interface Line extends Publisher, Wire, Asker {
  readonly codec: Wire['codec']
  /** Closes after a goodbye of the client's. */
  end(): void
}

export class Client {
  readonly session: Session
  readonly #front: FrontParts
  readonly #line: Line
  readonly #seat: Seat
  readonly #inbound: Inbound
  readonly #outbound: Outbound
  readonly #subscribing: Subscribing
  readonly #will: Will | null
  /** CONNECT asked for a session that lasts. */
  readonly #wantsSession: boolean
  #isPeaceful = false

  constructor(front: FrontParts, line: Line, { properties, will }: Connect, seat: Seat, session: Session) {
    const { persistence, limits, intake, stats, aedes } = front
    const receiver = {
      receiveMaximum: properties.receiveMaximum ?? DEFAULT_RECEIVE_MAXIMUM,
      maxPacketBytes: line.maxPacketBytes,
      topicAliases: Math.min(properties.topicAliasMaximum ?? 0, limits.outboundTopicAliases),
    }
    this.session = session
    this.#front = front
    this.#line = line
    this.#seat = seat
    this.#outbound = new Outbound(session, persistence, line, receiver, stats)
    this.#inbound = new Inbound(session, persistence, intake, line, limits)
    this.#subscribing = new Subscribing(front, line, session, seat, this.#outbound)
    this.#will = will === null ? null : toWill(will, seat.id, aedes.id)
    this.#wantsSession = (properties.sessionExpiryS ?? 0) > 0
    front.wills.connected(seat.id, this.#will)
  }

  /** After CONNACK: what its session has from before. */
  resume(): void {
    this.#subscribing.restore()
    this.#outbound.resume()
  }

  /** Throws a Fault when the connection cannot go on. */
  handle(packet: Packet): void {
    switch (packet.type) {
      case PUBLISH:
        this.#inbound.publish(packet)
        return
      case PUBACK:
        this.#outbound.acknowledged(packet.packetId)
        return
      case PUBREC:
        this.#outbound.received(packet.packetId, packet.code)
        return
      case PUBREL:
        this.#inbound.release(packet.packetId)
        return
      case PUBCOMP:
        this.#outbound.completed(packet.packetId)
        return
      case SUBSCRIBE:
        this.#subscribing.subscribe(packet)
        return
      case UNSUBSCRIBE:
        this.#subscribing.unsubscribe(packet)
        return
      case PINGREQ:
        // [MQTT-3.12.4-1]
        this.#line.answer(PING_RESPONSE)
        return
      case DISCONNECT:
        this.#farewell(packet)
        return
      case AUTH:
        // [MQTT-4.12.0-7]: no method was agreed on, as we know none.
        throw new Fault(reasons.PROTOCOL_ERROR, 'AUTH without an authentication method')
      case CONNECT:
      // Is refused before it is read.
    }
  }

  drained(): void {
    this.#outbound.drained()
  }

  /** Its connection is closed. */
  leave(isWillWanted: boolean): void {
    const { persistence, wills } = this.#front
    const { session } = this
    this.#subscribing.close()
    // After a goodbye nothing is sent again: what was taken goes its way without an acknowledgement.
    if (!this.#isPeaceful) this.#inbound.close()
    this.#outbound.close()
    const lastsMs = session.isVolatile ? 0 : (session.expiryMs ?? Number.POSITIVE_INFINITY)
    if (this.#isPeaceful || !isWillWanted) wills.revoked(session.clientId)
    else if (this.#will !== null) void wills.lost(session.clientId, this.#will, lastsMs)
    if (lastsMs === 0) persistence.sessions.end(session)
    else persistence.sessions.left(session)
    this.#seat.leave()
    if (this.#seat.isFree) persistence.disown(session.clientId)
  }

  #farewell({ code, properties }: Disconnect): void {
    const { sessionExpiryS } = properties
    if (sessionExpiryS !== undefined) {
      // 3.14.2.2.2
      if (sessionExpiryS > 0 && !this.#wantsSession)
        throw new Fault(reasons.PROTOCOL_ERROR, 'a session that was to end cannot last')
      if (!this.session.isVolatile)
        this.session.expiryMs = Math.min(sessionExpiryS * 1000, this.#front.limits.sessionExpiryMs)
    }
    // [MQTT-3.14.4-3]
    this.#isPeaceful = code === reasons.SUCCESS
    this.#line.end()
  }
}
