/**
 * The live relay: readings and messages from the pipeline to everyone who watches. It is fed by direct calls and
 * never waits: not for the disk, not for a client. What one client does not take concerns that client alone.
 */

import { performance } from 'node:perf_hooks'
import { isLoopback } from '../../broker/guard/addresses.ts'
import type { Series } from '../telemetry/series.ts'
import type { Principal } from './access.ts'
import type { CommandOutcome, LiveCommand, SendCommand } from './command.ts'
import { type Carrier, Connection, type ConnectionOptions, type Host } from './connection.ts'
import type { DeviceNames } from './filter.ts'
import { RELAY_LIMITS, type RelayLimits } from './limits.ts'
import { type MessageRecord, MessageStream } from './message-stream.ts'
import { PACE, Pace, type PaceOptions } from './pace.ts'
import type { CloseReason, LiveLimits } from './protocol.ts'
import { type Batch, ReadingStream } from './reading-stream.ts'
import { RING_SIZE, type RingSize } from './ring.ts'
import { type Closing, type LiveStats, newStats, type Refusal } from './stats.ts'
import { LOW_BYTES } from './subscription.ts'

export interface RelayOptions {
  readonly node: string
  /** Of the readings that will come; a batch of another begins anew. */
  readonly epoch: string
  /** Everything offered must be in it already. */
  readonly lastReadings: () => Iterable<Series>
  /** What filters may call devices beside their ids. */
  readonly names?: DeviceNames
  readonly sendCommand?: SendCommand
  readonly limits?: Partial<RelayLimits>
  readonly ring?: RingSize
  readonly pace?: PaceOptions
}

/** A subscription is told its place this much before it is due, as the clock ticks once a second. */
const REFRESH_MARGIN_MS = 1500
const DRAIN_CHECK_MS = 20

export class Relay implements Host {
  readonly stats: LiveStats
  readonly limits: RelayLimits
  readonly node: string
  readonly names: DeviceNames | undefined
  readonly readings: ReadingStream
  readonly messages: MessageStream
  readonly #stats = newStats()
  readonly #pace: Pace
  readonly #sendCommand: SendCommand | null
  readonly #connections = new Set<Connection>()
  readonly #perAddress = new Map<string, number>()
  readonly #draining = new Map<Connection, () => void>()
  readonly #clock: NodeJS.Timeout
  #drainTimer: NodeJS.Timeout | null = null
  #connectionNumber = 0
  /** Of the connections, those that have not said who they are. */
  #unauthenticated = 0
  #isClosed = false

  constructor(options: RelayOptions) {
    this.stats = this.#stats
    this.limits = { ...RELAY_LIMITS, ...options.limits }
    this.node = options.node
    this.names = options.names
    this.#sendCommand = options.sendCommand ?? null
    this.#pace = new Pace(() => this.readings.flush() + this.messages.flush(), options.pace ?? PACE)
    const requestFlush = () => this.#pace.request()
    this.readings = new ReadingStream({
      epoch: options.epoch,
      ring: options.ring ?? RING_SIZE,
      lastReadings: options.lastReadings,
      maxSlowBytes: this.limits.maxSlowBytes,
      stats: this.#stats,
      requestFlush,
    })
    this.messages = new MessageStream({ stats: this.#stats, cursor: () => this.cursor, requestFlush })
    this.#clock = setInterval(() => this.#everySecond(), 1000)
    this.#clock.unref()
  }

  /** For every message that gave readings, after the catalog has them. Costs a copy into the ring when nobody listens. */
  offer(batch: Batch): void {
    this.readings.offer(batch)
  }

  /** Whether anybody watches messages; if not, none need be offered. */
  get wantsMessages(): boolean {
    return this.messages.isWanted
  }

  offerMessage(record: MessageRecord): void {
    this.messages.offer(record)
  }

  get head(): number {
    return this.readings.head
  }

  get cursor(): string {
    return this.readings.cursorAt(this.readings.head)
  }

  get clientLimits(): LiveLimits {
    const { maxMessageBytes, messagesPerSecond, maxSubscriptions, maxPatterns } = this.limits
    return { maxMessageBytes, messagesPerSecond, maxSubscriptions, maxPatterns }
  }

  /** Why one more from this address would not be let in; null: it would. */
  refusalOf(address: string, principal: Principal | null): Refusal | null {
    const { maxConnections, maxPerAddress, maxUnauthenticated } = this.limits
    if (this.#isClosed || this.#connections.size >= maxConnections) return 'full'
    if (principal === null && this.#unauthenticated >= maxUnauthenticated) return 'unauthenticated'
    const isOneTooMany = !isLoopback(address) && (this.#perAddress.get(address) ?? 0) >= maxPerAddress
    return isOneTooMany ? 'full' : null
  }

  /** A client has come. Ask `refusalOf` first. */
  connect(carrier: Carrier, options: ConnectionOptions): Connection {
    const connection = new Connection(this, ++this.#connectionNumber, carrier, options)
    this.#connections.add(connection)
    this.readings.watch(true)
    this.#perAddress.set(options.address, (this.#perAddress.get(options.address) ?? 0) + 1)
    if (options.principal === null) this.#unauthenticated++
    this.#stats.connections++
    this.#stats.connectionsTotal++
    return connection
  }

  /** Closes those whose right to be here is gone: a token revoked, a user deleted. */
  closeWhere(isConcerned: (principal: Principal) => boolean, reason: CloseReason = 'notAuthorised'): void {
    for (const connection of this.#connections) {
      if (connection.principal && isConcerned(connection.principal)) connection.close(reason)
    }
  }

  /** What waits is sent, then everyone is sent away; over `spreadMs`, so that they do not all come back at once. */
  async close(text?: string, spreadMs = 0): Promise<void> {
    this.#isClosed = true
    this.#pace.run()
    const everyone = [...this.#connections]
    const slice = Math.ceil(everyone.length / Math.max(1, spreadMs / DRAIN_CHECK_MS))
    for (let i = 0; i < everyone.length; i += slice) {
      if (i > 0) await new Promise(resolve => setTimeout(resolve, DRAIN_CHECK_MS))
      for (const connection of everyone.slice(i, i + slice)) connection.close('restarting', text)
    }
    clearInterval(this.#clock)
    if (this.#drainTimer) clearTimeout(this.#drainTimer)
    this.#pace.stop()
    this.readings.close()
    this.messages.close()
  }

  // for connections: see there

  welcome(): void {
    this.#unauthenticated--
  }

  async command(command: LiveCommand): Promise<CommandOutcome> {
    this.#stats.commands++
    if (!this.#sendCommand) {
      return { ok: false, code: 'not-available', message: 'commands cannot be sent from here' }
    }
    const { promise: timeout, resolve } = Promise.withResolvers<CommandOutcome>()
    const timer = setTimeout(() => resolve({ ok: true, result: 'timeout' }), this.limits.commandTimeoutMs)
    try {
      return await Promise.race([this.#sendCommand(command), timeout])
    } catch {
      return { ok: false, code: 'internal', message: 'the command could not be sent' }
    } finally {
      clearTimeout(timer)
    }
  }

  whenDrained(connection: Connection, go: () => void): void {
    this.#draining.set(connection, go)
    this.#drainTimer ??= setTimeout(this.#checkDrained, DRAIN_CHECK_MS)
  }

  forget(connection: Connection): void {
    if (!this.#connections.delete(connection)) return
    this.#draining.delete(connection)
    if (this.#connections.size === 0) this.readings.watch(false)
    this.#stats.connections--
    if (connection.principal === null) this.#unauthenticated--
    const { address } = connection
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left > 0) this.#perAddress.set(address, left)
    else this.#perAddress.delete(address)
  }

  countClose(reason: Closing): void {
    this.#stats.closed[reason]++
  }

  countRefused(reason: Refusal): void {
    this.#stats.refused[reason]++
  }

  /** Codes are a handful of our own: no client can make more of them. */
  countError(code: string): void {
    this.#stats.errors[code] = (this.#stats.errors[code] ?? 0) + 1
  }

  countFrame(bytes: number): void {
    this.#stats.frames++
    this.#stats.bytes += bytes
  }

  countSubscriptions(change: number): void {
    this.#stats.subscriptions += change
  }

  readonly #checkDrained = (): void => {
    this.#drainTimer = null
    for (const [connection, go] of this.#draining) {
      if (connection.bufferedBytes > LOW_BYTES) continue
      this.#draining.delete(connection)
      go()
    }
    if (this.#draining.size > 0) this.#drainTimer ??= setTimeout(this.#checkDrained, DRAIN_CHECK_MS)
  }

  #everySecond(): void {
    const nowMs = performance.now()
    for (const connection of this.#connections) connection.check(nowMs)
    this.readings.refresh(nowMs, this.limits.refreshMs - REFRESH_MARGIN_MS)
    if (this.messages.isWanted) this.#pace.request()
  }
}
