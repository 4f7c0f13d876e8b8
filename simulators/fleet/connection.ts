/**
 * One connection of a fleet: raw packets, a window of what is unacknowledged, and back to work after a loss:
 *
 *   closed -- open() --> connecting -- CONNACK 0 --> open -- lost --> waiting -- back-off --> connecting
 *
 * What was unacknowledged is sent again with DUP after a reconnection; what waits in the queue goes on from there.
 */

import type { Duplex } from 'node:stream'
import mqttPacket from 'mqtt-packet'
import type { FleetDevice } from './device.ts'
import {
  AckReader,
  CONNACK,
  DISCONNECT,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBREC,
  publishPacket,
  pubrelPacket,
} from './packets.ts'

/** A message of one device, from its making to its acknowledgement. */
export interface FleetMessage {
  readonly device: FleetDevice
  /** Number of the device in its fleet. */
  readonly index: number
  readonly seq: number
  /** One byte a character. */
  readonly payload: string
  /** Whether it is a reading that should be found again: not when a fault has spoilt it. */
  readonly isReading: boolean
  sentMs: number
}

export interface ConnectionOptions {
  readonly clientId: string
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly qos: 0 | 1 | 2
  /** Most messages unacknowledged at a time. */
  readonly window: number
  readonly open: () => Duplex
  readonly random: () => number
  readonly events: ConnectionEvents
}

export interface ConnectionEvents {
  onOpen(): void
  onLost(reason: string): void
  onSent(message: FleetMessage, nowMs: number): void
  onAcknowledged(message: FleetMessage, nowMs: number): void
  /** A message that a fault had spoilt was on its way when the connection was lost. */
  onGivenUp(message: FleetMessage): void
}

const KEEP_ALIVE_S = 60
const FIRST_DELAY_MS = 200
const LAST_DELAY_MS = 10_000
/** A broker that has not answered to a CONNECT by then is taken as away. */
const CONNECT_TIMEOUT_MS = 15_000

export class FleetConnection {
  state: 'closed' | 'connecting' | 'open' | 'waiting' = 'closed'
  retransmitted = 0
  readonly #options: ConnectionOptions
  readonly #unacknowledged = new Map<number, FleetMessage>()
  readonly #queue: FleetMessage[] = []
  #queueAt = 0
  #stream: Duplex | null = null
  #batch = ''
  #packetId = 0
  #attempts = 0
  #timer: NodeJS.Timeout | undefined
  #pinger: NodeJS.Timeout | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  open(): void {
    this.state = 'connecting'
    const stream = this.#options.open()
    this.#stream = stream
    const reader = new AckReader((type, id, code) => this.#onPacket(type, id, code))
    let reason = 'closed by the broker'
    stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      this.flush()
    })
    stream.on('drain', () => this.flush())
    stream.on('error', error => {
      reason = error.message
    })
    stream.on('close', () => {
      if (this.#stream === stream) this.#onLost(reason)
    })
    this.#timer = setTimeout(() => this.cut('no answer to CONNECT'), CONNECT_TIMEOUT_MS)
    const { clientId, username, password } = this.#options
    stream.write(
      mqttPacket.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clean: true,
        clientId,
        keepalive: KEEP_ALIVE_S,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password: Buffer.from(password) }),
      }),
    )
  }

  /** Sent with the next `flush()`, as far as the window allows. */
  enqueue(message: FleetMessage): void {
    this.#queue.push(message)
  }

  /** Once more, with DUP, as a device that missed the acknowledgement: only what is still unacknowledged. */
  repeatLast(): boolean {
    const message = this.#unacknowledged.get(this.#packetId)
    if (message === undefined || this.state !== 'open') return false
    this.#write(message, this.#packetId, true)
    return true
  }

  flush(): void {
    const stream = this.#stream
    if (this.state !== 'open' || stream === null) return
    if (this.#queueAt < this.#queue.length && !stream.writableNeedDrain) this.#fillBatch()
    if (this.#batch === '') return
    stream.write(this.#batch, 'latin1')
    this.#batch = ''
  }

  /** As a network does: without a word. It comes back by itself. */
  cut(reason: string): void {
    this.#stream?.destroy(new Error(reason))
  }

  /** Says goodbye, for good. */
  close(): void {
    const stream = this.#stream
    const wasOpen = this.state === 'open'
    this.#stream = null
    this.state = 'closed'
    clearTimeout(this.#timer)
    clearInterval(this.#pinger)
    if (stream === null) return
    if (wasOpen) stream.end(DISCONNECT, 'latin1')
    else stream.destroy()
    // A broker that does not close its side must not hold up the end.
    setTimeout(() => stream.destroy(), 1000).unref()
  }

  #fillBatch(): void {
    const nowMs = performance.now()
    const { window, qos, events } = this.#options
    while (this.#queueAt < this.#queue.length && this.#unacknowledged.size < window) {
      const message = this.#queue[this.#queueAt++]!
      message.sentMs = nowMs
      if (qos > 0) this.#unacknowledged.set(this.#nextId(), message)
      this.#write(message, this.#packetId, false)
      events.onSent(message, nowMs)
    }
    // Emptied as a whole, or cut when most of it is behind: shifting every message would copy the rest each time.
    if (this.#queueAt * 2 < this.#queue.length) return
    this.#queue.splice(0, this.#queueAt)
    this.#queueAt = 0
  }

  #write({ device, payload }: FleetMessage, packetId: number, dup: boolean): void {
    this.#batch += publishPacket(device.topicBytes, payload, { qos: this.#options.qos, packetId, dup })
  }

  #onPacket(type: number, id: number, code: number): void {
    if (type === PUBACK || type === PUBCOMP) this.#onAcknowledged(id)
    else if (type === PUBREC) this.#batch += pubrelPacket(id)
    else if (type === CONNACK) this.#onConnack(code)
  }

  #onConnack(code: number): void {
    clearTimeout(this.#timer)
    if (code !== 0) {
      this.cut(`the broker refused the connection (code ${code})`)
      return
    }
    this.state = 'open'
    this.#attempts = 0
    this.#pinger = setInterval(() => this.#stream?.write(PINGREQ, 'latin1'), (KEEP_ALIVE_S * 1000) / 2)
    this.#pinger.unref()
    for (const [packetId, message] of this.#unacknowledged) {
      this.retransmitted++
      this.#write(message, packetId, true)
    }
    this.#options.events.onOpen()
  }

  #onAcknowledged(id: number): void {
    const message = this.#unacknowledged.get(id)
    if (message === undefined) return
    this.#unacknowledged.delete(id)
    this.#options.events.onAcknowledged(message, performance.now())
  }

  #onLost(reason: string): void {
    clearTimeout(this.#timer)
    clearInterval(this.#pinger)
    this.#batch = ''
    this.#stream = null
    this.state = 'waiting'
    this.#giveUpSpoilt()
    this.#options.events.onLost(reason)
    const delayMs = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#attempts++)
    this.#timer = setTimeout(() => this.open(), delayMs * (0.5 + this.#options.random() / 2))
  }

  /** What may have been the reason for the loss is not sent again, or it would be lost for good. */
  #giveUpSpoilt(): void {
    for (const [packetId, message] of this.#unacknowledged) {
      if (message.isReading) continue
      this.#unacknowledged.delete(packetId)
      this.#options.events.onGivenUp(message)
    }
  }

  #nextId(): number {
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#unacknowledged.has(this.#packetId))
    return this.#packetId
  }
}
