/**
 * Load: many devices at a steady rate. The n-th message of the fleet is due at `n / rate` seconds, in turn from
 * every device, so that seed, start and rate fix every byte. A broker that is slower makes the fleet late, never
 * forgetful: what is due waits (within a bound) and is sent with the time at which it was due.
 */

import { Patience, untilStill } from '../check/patience.ts'
import type { Fate, MessageFaults } from '../faults/message-faults.ts'
import { SlowLink } from '../faults/slow-link.ts'
import { Random } from '../random.ts'
import { sleep } from '../sleep.ts'
import { localAddressFor, openStream, type Target } from '../target.ts'
import { FleetConnection, type FleetMessage } from './connection.ts'
import { type FleetDevice, fleetPayload } from './device.ts'
import { latin1 } from './packets.ts'

export interface FleetOptions {
  readonly target: Target
  /** Messages a second, all together; Infinity: as fast as they are acknowledged. */
  readonly rate: number
  readonly seed: number
  readonly qos: 0 | 1 | 2
  /** Connections that the devices share; as many as devices unless given. */
  readonly connections?: number | undefined
  readonly prefix?: string | undefined
  /** Unacknowledged messages of one connection. */
  readonly window?: number | undefined
  /** `x-sim-0001`: some brokers bind client ids to the username. */
  readonly clientIdPrefix?: string | undefined
  readonly faults?: MessageFaults | undefined
  /** Bytes a second and connection, for that part of the connections. */
  readonly slowLink?: { readonly bytesPerS: number; readonly part: number } | undefined
  readonly watcher?: FleetWatcher | undefined
  /** Without another connection coming up for so long, the rest is given up; 10 s unless given. */
  readonly connectMs?: number | undefined
}

export interface FleetRun {
  readonly startMs: number
  readonly durationMs: number
  /** How long to wait, when time is up, for a broker that acknowledges nothing. */
  readonly patienceMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface FleetWatcher {
  onSent(message: FleetMessage, nowMs: number): void
  onAcknowledged(message: FleetMessage, nowMs: number): void
}

export interface FleetStats {
  /** Readings. */
  sent: number
  acknowledged: number
  /** Spoilt by a fault: sent, but no reading. */
  spoilt: number
  /** Left out by a fault. */
  omitted: number
  repeated: number
  open: number
  lost: number
  lastReason: string
}

const TICK_MS = 5
const CONNECT_MS = 10_000
/** Waiting in all connections together, and at least so many; then the clock of the fleet waits, too. */
const MAX_WAITING = 20_000
const WINDOW = 100
/** Connections being opened at once: a listener's backlog is 511. */
const OPENING = 200
/** At full speed, between two looks at the sockets. */
const BURST = 2000

export class Fleet {
  readonly devices: readonly FleetDevice[]
  readonly connections: readonly FleetConnection[]
  readonly stats: FleetStats = {
    sent: 0,
    acknowledged: 0,
    spoilt: 0,
    omitted: 0,
    repeated: 0,
    open: 0,
    lost: 0,
    lastReason: '',
  }
  readonly #options: FleetOptions
  readonly #seqs: Uint32Array
  readonly #held = new Map<number, FleetMessage>()
  readonly #touched = new Set<FleetConnection>()
  #startMs = 0
  #made = 0
  #enqueued = 0
  #done = 0
  #lastTsMs = 0

  constructor(devices: readonly FleetDevice[], options: FleetOptions) {
    this.devices = devices
    this.#options = options
    this.#seqs = new Uint32Array(devices.length)
    const count = Math.min(options.connections ?? devices.length, devices.length)
    const random = new Random(options.seed).fork('connections')
    this.connections = Array.from({ length: count }, (_, i) => this.#connection(i, count, random))
  }

  /** Resolves when every connection is open; rejects, with the broker's reason, when no more come up. */
  async connect(signal?: AbortSignal): Promise<void> {
    const { connections, stats } = this
    const patience = new Patience(this.#options.connectMs ?? CONNECT_MS)
    let next = 0
    while (stats.open < connections.length && signal?.aborted !== true) {
      while (next < connections.length && next - stats.open < OPENING) connections[next++]!.open()
      if (patience.isOver(stats.open)) {
        throw new Error(
          `${stats.open} of ${connections.length} connections came up: ${stats.lastReason || 'no answer'}`,
        )
      }
      await sleep(2)
    }
  }

  /**
   * Publishes for so long; the first message has the time `startMs`. Resolves when all that was due in that time
   * has been handed to the connections, or when nothing is acknowledged any more.
   */
  async run({ startMs, durationMs, patienceMs = Infinity, signal }: FleetRun): Promise<void> {
    const { rate } = this.#options
    this.#startMs = startMs
    const total = rate === Infinity ? Infinity : Math.floor((rate * durationMs) / 1000)
    const patience = new Patience(patienceMs)
    const beginMs = performance.now()
    while (this.#made < total && signal?.aborted !== true) {
      const elapsedMs = performance.now() - beginMs
      const isTimeUp = elapsedMs >= durationMs
      if (isTimeUp && (rate === Infinity || patience.isOver(this.#done))) break
      const due = rate === Infinity ? this.#made + BURST : Math.floor((elapsedMs * rate) / 1000) + 1
      this.#make(Math.min(total, due))
      this.#flush()
      await (rate === Infinity ? new Promise(setImmediate) : sleep(TICK_MS))
    }
    for (const [index, message] of this.#held) this.#enqueue(index, message)
    this.#held.clear()
    this.#flush()
  }

  /** Due, but not acknowledged (with QoS 0: not sent). */
  get pending(): number {
    return this.#enqueued - this.#done
  }

  /** Resolves true when everything is acknowledged, false when nothing has moved for so long. */
  async settled(patienceMs: number): Promise<boolean> {
    await untilStill(
      () => this.pending === 0,
      () => this.pending,
      patienceMs,
    )
    return this.pending === 0
  }

  get links(): number {
    return this.connections.length
  }

  cut(link: number): void {
    this.connections[link]?.cut('cut by a fault')
  }

  get retransmitted(): number {
    return this.connections.reduce((sum, connection) => sum + connection.retransmitted, 0)
  }

  close(): void {
    for (const connection of this.connections) connection.close()
  }

  #make(due: number): void {
    const { rate } = this.#options
    const devices = this.devices.length
    const maxWaiting = Math.max(MAX_WAITING, 2 * devices)
    let room = maxWaiting - this.pending
    while (this.#made < due && room-- > 0) {
      const index = this.#made % devices
      const tsMs = rate === Infinity ? this.#nowTs() : this.#dueTs()
      this.#made++
      this.#say(index, tsMs)
    }
  }

  /** Whole milliseconds, as devices say it, unless a device speaks too often for that. */
  #dueTs(): number {
    const { rate } = this.#options
    const tsMs = this.#startMs + (this.#made * 1000) / rate
    return rate <= this.devices.length * 500 ? Math.round(tsMs) : micros(tsMs)
  }

  /** At full speed time is the real one, and each device's own times still differ. */
  #nowTs(): number {
    this.#lastTsMs = Math.max(micros(Date.now()), micros(this.#lastTsMs + 0.001))
    return this.#lastTsMs
  }

  #say(index: number, tsMs: number): void {
    const device = this.devices[index]!
    const seq = this.#seqs[index]!
    const plain = fleetPayload(device, seq, tsMs)
    const { faults } = this.#options
    if (faults !== undefined) {
      this.#sayWithFaults(index, seq, faults.befall(plain))
      return
    }
    this.#seqs[index] = seq + 1
    this.#enqueue(index, { device, index, seq, payload: plain, isReading: true, sentMs: 0 })
  }

  #sayWithFaults(index: number, seq: number, fate: Fate): void {
    if (fate.kind === 'omitted') {
      this.stats.omitted++
      return
    }
    // A spoilt message takes no number: the numbers of the readings stay without a gap.
    if (fate.isReading) this.#seqs[index] = seq + 1
    const payload =
      typeof fate.payload === 'string' ? latin1(fate.payload) : Buffer.from(fate.payload).toString('latin1')
    const message = {
      device: this.devices[index]!,
      index,
      seq,
      payload,
      isReading: fate.isReading,
      sentMs: 0,
    }
    const earlier = this.#held.get(index)
    if (fate.isHeld && earlier === undefined) {
      this.#held.set(index, message)
      return
    }
    this.#held.delete(index)
    const connection = this.#enqueue(index, message)
    if (earlier !== undefined) this.#enqueue(index, earlier)
    if (!fate.isRepeated) return
    connection.flush()
    if (connection.repeatLast()) this.stats.repeated++
  }

  #enqueue(index: number, message: FleetMessage): FleetConnection {
    const connection = this.connections[index % this.connections.length]!
    connection.enqueue(message)
    this.#enqueued++
    this.#touched.add(connection)
    return connection
  }

  #flush(): void {
    for (const connection of this.#touched) connection.flush()
    this.#touched.clear()
  }

  #connection(i: number, count: number, random: Random): FleetConnection {
    const { target, qos, window, prefix = 'sim', clientIdPrefix = '', slowLink } = this.#options
    const name = count === this.devices.length ? this.devices[i]!.id : `${prefix}-gateway-${i + 1}`
    const localAddress = localAddressFor(target, i)
    const isSlow = slowLink !== undefined && i < slowLink.part * count
    return new FleetConnection({
      clientId: clientIdPrefix + name,
      username: target.username,
      password: target.password,
      qos,
      window: window ?? WINDOW,
      open: () => {
        const stream = openStream(target, localAddress)
        return isSlow ? new SlowLink(stream, slowLink.bytesPerS) : stream
      },
      random: () => random.next(),
      events: {
        onOpen: () => {
          this.stats.open++
        },
        onLost: reason => {
          this.stats.lost++
          this.stats.lastReason = reason
          this.stats.open = this.connections.filter(connection => connection.state === 'open').length
        },
        onSent: (message, nowMs) => {
          if (message.isReading) this.stats.sent++
          else this.stats.spoilt++
          if (qos === 0) this.#done++
          this.#options.watcher?.onSent(message, nowMs)
        },
        onAcknowledged: (message, nowMs) => {
          this.#done++
          if (message.isReading) this.stats.acknowledged++
          this.#options.watcher?.onAcknowledged(message, nowMs)
        },
        onGivenUp: () => {
          this.#done++
        },
      },
    })
  }
}

function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
