/**
 * One connection, from its CONNECT on:
 *
 *   CONNECT -> may it? (admission) -> whoever has the client id leaves -> session -> CONNACK -> open --+-> closed
 *                  |                                                                                   |
 *                  +-- no: CONNACK with the reason                 DISCONNECT of either side, peer gone
 *
 * The guard has cut the packets, and looks at sizes, rates and keep-alive.
 */

import type { Access } from '../access.ts'
import { type Member, NO_ACCESS } from '../admission.ts'
import { assignId } from '../assigned-id.ts'
import type { Connection as GuardedConnection, Refusal, Speaker } from '../guard/speaker.ts'
import { Client, type Line } from './client.ts'
import type { Codec } from './codec/codec.ts'
import { Fault } from './codec/fault.ts'
import { CONNECT, type Connect, type Packet } from './codec/packets.ts'
import { NO_PROPERTIES, type Properties } from './codec/properties.ts'
import * as reasons from './codec/reasons.ts'
import { keepAliveGiven, mistakeOf, NOT_ADMITTED, sessionExpiryMs, welcome } from './greeting.ts'
import { Output } from './output.ts'
import type { FrontParts } from './parts.ts'
import { Seat } from './seat.ts'

/** What was not named in CONNECT has this value (3.1.2.11.4). */
const MAX_PACKET_BYTES = 268_435_460
/** One that closes keeps its client id no longer; many that want the same id take turns. */
const MAX_TRIES = 100
const REFUSED: Readonly<Record<Refusal, number>> = {
  malformed: reasons.MALFORMED_PACKET,
  'too-large': reasons.PACKET_TOO_LARGE,
  'keep-alive': reasons.KEEP_ALIVE_TIMEOUT,
}

/** Under which it is counted. What the guard refuses, it counts. */
const CLOSED_FOR = new Map([
  [reasons.MALFORMED_PACKET, 'malformed'],
  [reasons.PROTOCOL_ERROR, 'protocol'],
  [reasons.NOT_AUTHORIZED, 'forbidden'],
  [reasons.TOPIC_ALIAS_INVALID, 'topic-alias'],
  [reasons.RECEIVE_MAXIMUM_EXCEEDED, 'inflight'],
  [reasons.QUOTA_EXCEEDED, 'slow'],
  [reasons.SERVER_BUSY, 'not-stored'],
])

export class Connection implements Speaker, Member, Line {
  readonly codec: Codec
  readonly #front: FrontParts
  readonly #guarded: GuardedConnection
  readonly #output: Output
  #client: Client | null = null
  #access: Access = NO_ACCESS
  /** Reasons in words [MQTT-3.1.2-29]. */
  wantsReasons = true
  maxPacketBytes = MAX_PACKET_BYTES
  #isClosed = false
  #isWillWanted = true

  constructor(front: FrontParts, codec: Codec, guarded: GuardedConnection) {
    this.codec = codec
    this.#front = front
    this.#guarded = guarded
    this.#output = new Output(guarded)
  }

  // for the guard

  packet(bytes: Buffer, at: number, body: number, end: number): void {
    if (this.#isClosed) return
    try {
      // [MQTT-3.1.0-2], whatever else is wrong with it.
      if (this.#client !== null && bytes[at]! >> 4 === CONNECT)
        throw new Fault(reasons.PROTOCOL_ERROR, 'a second CONNECT', 'second-connect')
      this.#handle(this.codec.decode(bytes, at, body, end))
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      this.#fail(error.code, error.message, error.flaw)
    }
  }

  batchEnd(): void {
    this.#output.batchEnd()
  }

  drained(): void {
    this.#output.drained()
    this.#client?.drained()
  }

  refused(reason: Refusal): void {
    if (this.codec.saysWhy && this.#client !== null) this.#sayWhy(REFUSED[reason], reason)
    this.#output.flush()
    this.#close()
  }

  closed(): void {
    this.#close()
  }

  // for admission and for Aedes

  /** Another one takes its client id, the broker stops, or its access has changed. */
  leave(withWill: boolean): Promise<void> {
    this.#isWillWanted = withWill
    const isRevoked = this.#front.admission.accessOf(this) === NO_ACCESS
    const code = this.#front.isStopping()
      ? reasons.SERVER_SHUTTING_DOWN
      : isRevoked
        ? reasons.ADMINISTRATIVE_ACTION
        : reasons.SESSION_TAKEN_OVER
    this.disconnect(code, '')
    return Promise.resolve()
  }

  // for what comes and goes

  get isOpen(): boolean {
    return !this.#isClosed
  }

  get access(): Access {
    return this.#access
  }

  get clientId(): string {
    return this.#client?.session.clientId ?? ''
  }

  get unsentBytes(): number {
    return this.#output.unsentBytes
  }

  get leavesAnswers(): boolean {
    return this.#output.leavesAnswers
  }

  mayReceive(topic: string): boolean {
    return this.#access.mayReceive(topic)
  }

  answer(bytes: Uint8Array): void {
    this.#output.answer(bytes)
  }

  write(bytes: Uint8Array): void {
    this.#output.write(bytes)
  }

  /** Not read from until it is released: it feels that by TCP. */
  hold(): void {
    this.#front.stats.paused++
    this.#guarded.pause()
  }

  release(): void {
    this.#guarded.resume()
  }

  /**
   * Says why, and closes [MQTT-3.14.4-1], [MQTT-3.14.4-2]. Before CONNACK nothing is said [MQTT-3.14.0-1]. `flaw`: under
   * which it is counted, if not by its code.
   */
  disconnect(code: number, reason: string, flaw: string | null = null): void {
    if (this.#isClosed) return
    const word = flaw ?? CLOSED_FOR.get(code)
    if (word !== undefined) this.#front.stats.closed[word] = (this.#front.stats.closed[word] ?? 0) + 1
    if (this.#client !== null) this.#sayWhy(code, reason)
    this.end()
  }

  /** After what was written. */
  end(): void {
    this.#output.flush()
    this.#close()
    this.#guarded.end()
  }

  #handle(packet: Packet): void {
    if (this.#client !== null) this.#client.handle(packet)
    // The guard lets a CONNECT be first, and nothing after it, until it is answered.
    else if (packet.type === CONNECT) void this.#greet(packet)
    else this.#close()
  }

  async #greet(connect: Connect): Promise<void> {
    this.wantsReasons = connect.properties.requestProblemInformation !== 0
    this.maxPacketBytes = connect.properties.maximumPacketSize ?? MAX_PACKET_BYTES
    const mistake = mistakeOf(connect)
    if (mistake !== null) {
      this.#fail(mistake.code, mistake.message)
      return
    }
    // [MQTT-3.1.3-6]
    const clientId = connect.clientId || assignId()
    const { address, certificate, headers } = this.#guarded
    const { username, password, will } = connect
    const admitted = await this.#front.admission.admit(
      this,
      clientId,
      { clientId: connect.clientId, username, password, certificate, address, headers },
      will?.topic ?? null,
    )
    if (!admitted.ok) {
      this.#front.log.debug({ client: clientId, address, reason: admitted.detail }, 'mqtt: not let in')
      this.#front.admission.gone(this)
      this.#fail(NOT_ADMITTED[admitted.reason], admitted.reason)
      return
    }
    this.#access = admitted.access
    // [MQTT-3.1.4-3]
    const { aedes } = this.#front
    const seat = new Seat(aedes, clientId, this.codec.version, () => void this.leave(true))
    for (let tries = 0; this.#mayOpen && !seat.isFree && tries < MAX_TRIES; tries++) await seat.free()
    if (this.#mayOpen && seat.isFree) {
      this.#open(connect, seat)
      return
    }
    this.#close()
    // Let in after it was closed.
    this.#front.admission.gone(this)
    this.#guarded.end()
  }

  /** Nobody who came later has its client id, and it is still there. */
  get #mayOpen(): boolean {
    return !this.#isClosed && !this.#front.isStopping() && this.#front.admission.isNewest(this)
  }

  #open(connect: Connect, seat: Seat): void {
    const { persistence, limits, wills } = this.#front
    const { isCleanStart } = connect
    const expiryMs = sessionExpiryMs(this.codec, connect, limits)
    if (isCleanStart) void wills.sessionEnded(seat.id)
    const { session, isPresent } = persistence.sessions.open(seat.id, isCleanStart, expiryMs)
    seat.take()
    if (!session.isVolatile && (isPresent || session.expiryMs !== expiryMs)) {
      session.expiryMs = expiryMs
      persistence.sessions.notes.session(session)
    }
    const client = new Client(this.#front, this, connect, seat, session)
    this.#client = client
    const keepAliveS = keepAliveGiven(this.codec, connect, limits)
    this.#sendConnack(isPresent, reasons.SUCCESS, welcome(connect, session, keepAliveS, limits))
    if (this.#isClosed) return
    this.#guarded.greeted(keepAliveS)
    client.resume()
  }

  /** What goes wrong before CONNACK is told by it, later by DISCONNECT [MQTT-4.13.1-1]. */
  #fail(code: number, reason: string, flaw: string | null = null): void {
    if (this.#isClosed) return
    if (this.#client === null) {
      // A fault in CONNECT itself leaves us without what it wanted; the limit for packets is not known then, either.
      this.#sendConnack(false, code, { reasonString: reason })
      this.end()
      return
    }
    this.#front.log.debug({ client: this.clientId, reason }, 'mqtt: closed a connection')
    this.disconnect(code, reason, flaw)
  }

  #sendConnack(isPresent: boolean, code: number, properties: Properties): void {
    const { reasonString: _, ...rest } = properties
    const full = this.codec.connack(isPresent, code, properties)
    if (full === null) return
    // [MQTT-3.2.2-19]
    const connack = full.length <= this.maxPacketBytes ? full : this.codec.connack(isPresent, code, rest)
    if (connack !== null && connack.length <= this.maxPacketBytes) this.write(connack)
    else if (code === reasons.SUCCESS) {
      this.#close()
      this.#guarded.end()
    }
  }

  #sayWhy(code: number, reason: string): void {
    const plain = this.codec.disconnect(code, NO_PROPERTIES)
    if (plain === null) return
    const explained = reason === '' ? plain : this.codec.disconnect(code, { reasonString: reason })
    // [MQTT-3.14.2-3]
    this.write(explained !== null && explained.length <= this.maxPacketBytes ? explained : plain)
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#output.close()
    this.#client?.leave(this.#isWillWanted)
    this.#front.admission.gone(this)
  }
}
