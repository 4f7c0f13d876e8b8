/**
 * Stands between the network and everything that speaks MQTT. What a client costs is bounded before it is known, and
 * after; what it sends is checked on its bytes. Who speaks which protocol level is in speaker.ts.
 *
 * Every bound has a setting and is counted here, by reason. Limits by address and by rate do not apply to loopback.
 */

import type { Duplex } from 'node:stream'
import { hasRoomFor } from '../descriptors.ts'
import { isLoopback, TrustedProxies } from './addresses.ts'
import { GuardedConnection, type Host } from './connection.ts'
import { Flapping } from './flapping.ts'
import type { GuardLimits } from './limits.ts'
import type { Peer, Speak } from './speaker.ts'
import { Turnstile } from './turnstile.ts'

export interface GuardOptions {
  readonly limits: GuardLimits
  /** Addresses and subnets of proxies that may say for whom they connect. */
  readonly trustedProxies: readonly string[]
  /** Null: nobody speaks that level. */
  readonly speakerOf: (level: 3 | 4 | 5) => Speak | null
  readonly log: { debug(fields: object, text: string): void }
}

/** A connection in the count, from the moment it was taken. */
interface Visit {
  address: string | null
}

/** Between looks at the clocks: what a keep-alive of a second can bear. */
const SWEEP_MS = 250
/** Nobody is crowded out sooner: a busy moment, on either side, must not cost honest clients their place. */
const MIN_SILENT_MS = 5000

export class Guard {
  readonly stats = {
    connections: 0,
    throttled: 0,
    /** By reason: not taken. */
    refused: { connections: 0, address: 0 },
    /** By reason: closed by us. */
    closed: {} as Record<string, number>,
  }
  readonly proxies: TrustedProxies
  readonly #options: GuardOptions
  readonly #turnstile: Turnstile
  readonly #flapping = new Flapping()
  readonly #visits = new Map<Duplex, Visit>()
  readonly #perAddress = new Map<string, number>()
  /** Without a whole CONNECT yet, oldest first, with the time when they came. */
  readonly #silent = new Map<Duplex, number>()
  readonly #connections = new Set<GuardedConnection>()
  readonly #host: Host
  #greeting = 0
  #sweep: NodeJS.Timeout | null = null

  constructor(options: GuardOptions) {
    this.#options = options
    this.proxies = new TrustedProxies(options.trustedProxies)
    this.#turnstile = new Turnstile(options.limits.connectsPerSecond)
    this.#host = this.#makeHost()
  }

  get limits(): GuardLimits {
    return this.#options.limits
  }

  get counts() {
    return {
      ...this.stats,
      delayed: this.#turnstile.stats.delayed,
      flapping: this.#flapping.count,
      unauthenticated: this.#silent.size + this.#greeting,
    }
  }

  /** Counts a connection in, before anything is read. False: there are too many; it is to be closed. */
  enter(transport: Duplex): boolean {
    this.stats.connections++
    const isFull = this.#visits.size >= this.#options.limits.maxConnections
    if ((isFull && !this.#makeRoom(0)) || !hasRoomFor(transport)) return this.#refuse('connections')
    this.#visits.set(transport, { address: null })
    this.#silent.set(transport, performance.now())
    transport.once('close', () => this.#leave(transport))
    this.#makeRoom(this.#options.limits.maxSilent)
    this.#sweep ??= setInterval(() => this.#look(), SWEEP_MS)
    return true
  }

  /** The address is known. False: it has too many connections; this one is to be closed. */
  locate(transport: Duplex, address: string): boolean {
    const visit = this.#visits.get(transport)
    if (visit === undefined) return false
    if (isLoopback(address)) return true
    const others = this.#perAddress.get(address) ?? 0
    if (others >= this.#options.limits.maxConnectionsPerAddress) return this.#refuse('address')
    visit.address = address
    this.#perAddress.set(address, others + 1)
    return true
  }

  /** From here on its bytes are MQTT. `stream` is the transport itself, or what it carries: TLS, WebSocket. */
  accept(transport: Duplex, stream: Duplex, peer: Peer): GuardedConnection {
    const connection = new GuardedConnection(this.#host, transport, stream, peer)
    this.#connections.add(connection)
    return connection
  }

  /** Calls back when it is somebody's turn to be given work, such as a TLS handshake; `done` ends it. */
  waitForTurn(begin: () => boolean): void {
    this.#turnstile.enter(begin)
  }

  turnDone(): void {
    this.#turnstile.done()
  }

  /** Closed before its bytes were MQTT. */
  drop(transport: Duplex, reason: string): void {
    this.#count(reason)
    transport.destroy()
  }

  /** Those who are not let in yet go; the others are their speakers' to close. */
  close(): void {
    for (const transport of [...this.#silent.keys()]) transport.destroy()
    for (const connection of [...this.#connections])
      if (connection.phase === 'in line' || connection.phase === 'greeting') connection.end()
    this.#turnstile.close()
    if (this.#sweep !== null) clearInterval(this.#sweep)
    this.#sweep = null
  }

  #makeHost(): Host {
    const { limits, speakerOf, log } = this.#options
    return {
      limits,
      speakerOf,
      heard: connection => void this.#silent.delete(connection.transport),
      waitForTurn: (connection, clientId) => {
        if (clientId !== null) this.#flapping.note(clientId)
        this.#turnstile.enter(() => this.#begin(connection))
      },
      greeted: () => this.#greetingDone(),
      throttled: () => void this.stats.throttled++,
      closing: (connection, reason) => {
        this.#count(reason)
        log.debug({ address: connection.address, reason }, 'mqtt: closed a connection')
      },
      left: connection => {
        this.#connections.delete(connection)
        connection.transport.destroy()
      },
    }
  }

  #begin(connection: GuardedConnection): boolean {
    const speak = this.#options.speakerOf(connection.level)
    if (connection.phase !== 'in line' || speak === null) return false
    this.#greeting++
    connection.begin(speak)
    return true
  }

  #greetingDone(): void {
    this.#greeting--
    this.#turnstile.done()
  }

  #refuse(reason: 'connections' | 'address'): false {
    this.stats.refused[reason]++
    return false
  }

  #count(reason: string): void {
    this.stats.closed[reason] = (this.stats.closed[reason] ?? 0) + 1
  }

  #leave(transport: Duplex): void {
    const visit = this.#visits.get(transport)
    if (visit === undefined) return
    this.#visits.delete(transport)
    this.#silent.delete(transport)
    const { address } = visit
    if (address === null) return
    const others = this.#perAddress.get(address)! - 1
    if (others === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, others)
  }

  /** Those who say nothing make room for those who may. False: nobody does, by now. */
  #makeRoom(maxSilent: number): boolean {
    if (this.#silent.size <= maxSilent) return false
    const [oldest, sinceMs] = this.#silent.entries().next().value!
    if (performance.now() - sinceMs < MIN_SILENT_MS) return false
    this.#leave(oldest)
    this.drop(oldest, 'crowded-out')
    return true
  }

  #look(): void {
    const nowMs = performance.now()
    for (const [transport, sinceMs] of this.#silent) {
      const isCrowded = this.#silent.size > this.#options.limits.maxSilent
      const patienceMs = isCrowded ? MIN_SILENT_MS : this.#options.limits.connectTimeoutMs
      if (nowMs - sinceMs <= patienceMs) break
      this.#silent.delete(transport)
      this.drop(transport, isCrowded ? 'crowded-out' : 'connect-timeout')
    }
    for (const connection of this.#connections) connection.check(nowMs)
  }
}
