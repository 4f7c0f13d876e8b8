/**
 * One connection, from the first byte to the last:
 *
 *   silent --CONNECT is whole--> in line --its turn--> greeting --CONNACK--> open --+--> ending --> closed
 *     |                                                   |                         |
 *     +-- connect timeout, crowded out                    +-- authenticate timeout  +-- keep-alive, flaws, peer gone
 *
 * Between CONNECT and CONNACK nothing is read: what somebody unknown can make us hold is one read and one CONNECT.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Login } from '../access.ts'
import { isLoopback } from './addresses.ts'
import { readConnect, refuseClientId, refuseVersion } from './connect.ts'
import { Framer } from './framer.ts'
import type { GuardLimits } from './limits.ts'
import { Rate } from './rate.ts'
import type { Connection, Peer, Refusal, Speak, Speaker } from './speaker.ts'

/** What a connection asks of the guard. */
export interface Host {
  readonly limits: GuardLimits
  /** Null: nobody speaks that level. */
  speakerOf(level: 3 | 4 | 5): Speak | null
  /** Calls back when it is this client's turn to log in. */
  waitForTurn(connection: GuardedConnection, clientId: string | null): void
  heard(connection: GuardedConnection): void
  /** Its login is over, one way or another. */
  greeted(): void
  throttled(): void
  /** The guard closes it. */
  closing(connection: GuardedConnection, reason: string): void
  /** It is gone. */
  left(connection: GuardedConnection): void
}

export type Phase = 'silent' | 'in line' | 'greeting' | 'open' | 'ending' | 'closed'

/** Who does not want it read from. */
const BY_GUARD = 1
const BY_RATE = 2
const BY_SPEAKER = 4
const BY_WRITES = 8

/** What was written may still leave, and what still comes is thrown away: a reset would take the former along. */
const END_WITHIN_MS = 1000
/** A client that takes nothing of its acknowledgements for so long is closed. */
const DRAIN_WITHIN_MS = 10_000

export class GuardedConnection implements Connection {
  readonly address: string
  readonly headers: IncomingHttpHeaders | null
  readonly certificate: Login['certificate']
  /** Whether limits by rate apply. */
  readonly isLimited: boolean
  /** What CONNECT says; 3.1.1 until then. */
  level: 3 | 4 | 5 = 4
  /** The socket below; it is the stream itself, or carries it. */
  readonly transport: Duplex
  readonly #host: Host
  readonly #stream: Duplex
  readonly #framer: Framer
  #phase: Phase = 'silent'
  #paused = 0
  #speaker: Speaker | null = null
  /** Beginning of the phase; open: the last packet. */
  #sinceMs = 0
  #longestSilenceMs = 0
  /** At the last look at a pause for writes. */
  #unsentWhenChecked = 0
  #packetRate: Rate | null = null
  #byteRate: Rate | null = null
  #throttle: NodeJS.Timeout | null = null

  constructor(host: Host, transport: Duplex, stream: Duplex, peer: Peer) {
    this.transport = transport
    this.address = peer.address
    this.headers = peer.headers
    this.certificate = peer.certificate
    this.isLimited = !isLoopback(peer.address)
    this.#host = host
    this.#stream = stream
    this.#framer = new Framer(host.limits.maxConnectBytes)
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
    stream.on('drain', () => this.#drained())
    stream.on('end', () => this.end())
    stream.on('error', () => this.#leave())
    stream.on('close', () => this.#leave())
    stream.resume()
  }

  get phase(): Phase {
    return this.#phase
  }

  get isOpen(): boolean {
    return this.#phase === 'greeting' || this.#phase === 'open'
  }

  get unsentBytes(): number {
    return this.#stream.writableLength
  }

  write(bytes: Uint8Array): boolean {
    return this.isOpen && this.#stream.write(bytes)
  }

  /** Its own turn has come: the one who speaks its level greets it. */
  begin(speak: Speak): void {
    if (this.#phase !== 'in line') return
    this.#enter('greeting')
    this.#speaker = speak(this)
    const { bytes, at, body, end } = this.#framer
    this.#speaker.packet(bytes, at, body, end)
    this.#speaker?.batchEnd?.()
  }

  greeted(keepAliveS: number): void {
    if (this.#phase !== 'greeting') return
    const { limits } = this.#host
    // [MQTT-3.1.2-24]; without a keep-alive the idle limit counts.
    this.#longestSilenceMs = Math.min(keepAliveS * 1500 || Number.POSITIVE_INFINITY, limits.idleTimeoutMs)
    this.#framer.maxBytes = limits.maxPacketBytes
    if (this.isLimited) {
      this.#packetRate = new Rate(limits.packetsPerSecond, performance.now())
      this.#byteRate = new Rate(limits.bytesPerSecond, performance.now())
    }
    this.#enter('open')
    this.#resume(BY_GUARD)
  }

  pause(): void {
    this.#pause(BY_SPEAKER)
  }

  resume(): void {
    this.#resume(BY_SPEAKER)
  }

  /** Reads again when the network has taken what was written. */
  pauseUntilDrained(): void {
    if (this.#stream.writableNeedDrain) this.#pause(BY_WRITES)
  }

  end(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return
    this.#enter('ending')
    this.#tellSpeaker()
    this.#stream.end()
    this.#stream.resume()
  }

  destroy(reason: string): void {
    if (this.#phase === 'closed') return
    this.#host.closing(this, reason)
    this.#leave()
    this.#stream.destroy()
  }

  /** Looks at the clock; the guard calls it a few times a second. */
  check(nowMs: number): void {
    const { authenticateTimeoutMs } = this.#host.limits
    const passedMs = nowMs - this.#sinceMs
    switch (this.#phase) {
      case 'greeting':
        if (passedMs > authenticateTimeoutMs) this.destroy('authenticate-timeout')
        break
      case 'open':
        // While we do not read, the silence is ours.
        if ((this.#paused & BY_WRITES) !== 0) this.#checkDrain(nowMs)
        else if (this.#paused === 0 && passedMs > this.#longestSilenceMs) this.#refuse('keep-alive')
        break
      case 'ending':
        if (passedMs > END_WITHIN_MS) this.#stream.destroy()
        break
      case 'silent': // the guard's
      case 'in line':
      case 'closed':
    }
  }

  /** A slow line is given its time; one that takes nothing is not. */
  #checkDrain(nowMs: number): void {
    const unsentBytes = this.#stream.writableLength + queuedBelow(this.transport)
    if (unsentBytes < this.#unsentWhenChecked) this.#sinceMs = nowMs
    this.#unsentWhenChecked = unsentBytes
    if (nowMs - this.#sinceMs > DRAIN_WITHIN_MS) this.destroy('slow')
  }

  #enter(phase: Phase): void {
    if (this.#phase === 'greeting') this.#host.greeted()
    this.#phase = phase
    this.#sinceMs = performance.now()
  }

  #take(chunk: Buffer): void {
    if (this.#phase === 'silent') {
      // [MQTT-3.1.0-1]: known from its first byte.
      if (this.#framer.isFresh && chunk[0] !== 0x10) {
        this.destroy('no-connect')
        return
      }
    } else if (this.#phase !== 'open') {
      if (this.#phase !== 'ending' && this.#phase !== 'closed') this.#framer.push(chunk)
      return
    }
    this.#framer.push(chunk)
    if (this.#paused !== 0) return
    this.#readPackets()
    if (this.#byteRate !== null) this.#holdBack(this.#byteRate.take(chunk.length, performance.now()))
  }

  #readPackets(): void {
    const framer = this.#framer
    let count = 0
    while (this.#paused === 0) {
      const found = framer.next()
      if (found === 'more') break
      if (found !== 'packet') {
        this.#refuse(found)
        break
      }
      count++
      if (this.#phase === 'open') this.#speaker!.packet(framer.bytes, framer.at, framer.body, framer.end)
      else if (this.#phase === 'silent') this.#connect()
      if (this.#phase !== 'open') break
    }
    if (count === 0 || this.#phase !== 'open') return
    const nowMs = performance.now()
    this.#sinceMs = nowMs
    this.#speaker!.batchEnd?.()
    if (this.#packetRate !== null) this.#holdBack(this.#packetRate.take(count, nowMs))
  }

  /** The first packet is whole. */
  #connect(): void {
    const { bytes, body, end } = this.#framer
    const connect = readConnect(bytes, body, end, this.#host.limits)
    switch (connect.kind) {
      case 'malformed':
        this.destroy(connect.flaw)
        break
      case 'client-id':
        this.#turnAway(refuseClientId(), 'client-id')
        break
      case 'version':
        this.#turnAway(refuseVersion(connect.level), 'version')
        break
      case 'mqtt5':
        this.#queueUp(5, null)
        break
      case 'connect':
        this.#queueUp(connect.level, connect.clientId)
    }
  }

  #queueUp(level: 3 | 4 | 5, clientId: string | null): void {
    if (this.#host.speakerOf(level) === null) {
      this.#turnAway(refuseVersion(level), 'version')
      return
    }
    this.level = level
    this.#enter('in line')
    this.#host.heard(this)
    this.#pause(BY_GUARD)
    this.#host.waitForTurn(this, clientId)
  }

  #turnAway(connack: Buffer, reason: string): void {
    this.#host.closing(this, reason)
    this.#stream.write(connack)
    this.end()
  }

  #refuse(reason: Refusal): void {
    if (this.#phase === 'open') this.#speaker?.refused?.(reason)
    this.destroy(reason)
  }

  /** Slows down one that sends too much: kinder than closing, and as good for the others. */
  #holdBack(ms: number): void {
    if (ms <= 0 || this.#phase !== 'open') return
    this.#host.throttled()
    this.#pause(BY_RATE)
    if (this.#throttle !== null) clearTimeout(this.#throttle)
    this.#throttle = setTimeout(() => this.#resume(BY_RATE), Math.ceil(ms))
  }

  #pause(by: number): void {
    if (this.#paused === 0) this.#stream.pause()
    this.#paused |= by
  }

  #resume(by: number): void {
    if ((this.#paused & by) === 0) return
    this.#paused &= ~by
    if (this.#paused !== 0 || this.#phase !== 'open') return
    this.#sinceMs = performance.now()
    // Not inside of whoever let it go on.
    setImmediate(() => {
      if (this.#paused !== 0 || this.#phase !== 'open') return
      this.#readPackets()
      if (this.#paused === 0) this.#stream.resume()
    })
  }

  #drained(): void {
    this.#resume(BY_WRITES)
    if (this.isOpen) this.#speaker?.drained?.()
  }

  #leave(): void {
    if (this.#phase === 'closed') return
    const wasOver = this.#phase === 'ending'
    this.#enter('closed')
    if (this.#throttle !== null) clearTimeout(this.#throttle)
    if (!wasOver) this.#tellSpeaker()
    this.#host.left(this)
    this.#stream.destroy()
  }

  #tellSpeaker(): void {
    const speaker = this.#speaker
    this.#speaker = null
    speaker?.closed()
  }
}

/**
 * Of a write under way, what the system has not taken: `writableLength` falls only when all of it is. Node goes by it for
 * its own time-outs, and does not tell it; where it is not there, whole writes count.
 */
function queuedBelow(transport: Duplex): number {
  const { _handle: handle } = transport as unknown as {
    readonly _handle?: { readonly writeQueueSize?: number } | null
  }
  return handle?.writeQueueSize ?? 0
}
