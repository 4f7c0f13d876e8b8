/**
 * The embedded MQTT broker: a guard before the network, a front that speaks the protocol's versions, an intake of our
 * own, and Aedes 1.2.0 as the bus between clients, which numbers messages and has them kept and queued.
 *
 *   listeners -> guard -> front -> intake -> accept -> on the disk -> acknowledged -> bus -> front
 */

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { Aedes, type PublishPacket } from 'aedes'
import type { Access, AccessOf, Authenticate } from './access.ts'
import { Admission } from './admission.ts'
import { Audience } from './audience.ts'
import type { Accepted, Delivery, Publication } from './delivery.ts'
import { Front } from './front/front.ts'
import { LiveSubscriptions } from './front/live-subscriptions.ts'
import { busProperties } from './front/message.ts'
import type { Mqtt5Settings } from './front/parts.ts'
import { tapBus } from './front/tap.ts'
import { Guard } from './guard/guard.ts'
import type { GuardLimits } from './guard/limits.ts'
import { SubscriptionLimits } from './guard/subscription-limits.ts'
import { keepInOrder } from './in-order.ts'
import { Intake } from './intake.ts'
import { OURSELVES } from './persistence/owners.ts'
import { plainFilter } from './persistence/shared-subscriptions.ts'
import type { SqlitePersistence } from './persistence/sqlite-persistence.ts'
import { matchesFilter } from './topic-filter.ts'

interface ConnectedClient {
  /** Of the protocol. */
  readonly version: number
  /** By filter. */
  readonly subscriptions: Readonly<Record<string, unknown>>
}

export interface BrokerOptions {
  readonly authenticate: Authenticate
  readonly accessOf: AccessOf
  readonly accept: (delivery: Delivery) => Accepted
  /** A message that its sender has no right to publish: it is to be counted; the connection is closed. */
  readonly refuse: (delivery: Delivery) => void
  /** A QoS 2 message that was taken before and not released. Resolves when it is counted, also on the disk. */
  readonly repeat: (delivery: Delivery) => Promise<void> | null
  /** The broker closes it. */
  readonly persistence: SqlitePersistence
  /** Messages of one client that wait to be acknowledged, before it is not read from for a while. */
  readonly maxWaitingPerClient: number
  readonly limits: GuardLimits
  /** Addresses and subnets of proxies that may say for whom they connect. */
  readonly trustedProxies: readonly string[]
  /** Null: MQTT 5 is not spoken, and its clients are told so. */
  readonly mqtt5: Mqtt5Settings | null
  readonly log: {
    debug(fields: object, text: string): void
    warn(fields: object, text: string): void
    error(fields: object, text: string): void
  }
}

/** Packets of the internal bus under way at once. */
const CONCURRENCY = 1000
/** The internal topics tell client ids. */
const UNREADABLE_FILTER = /^\$SYS\/(?!broker\/)/

export class Broker {
  /** Where connections of any transport come in. */
  readonly guard: Guard
  readonly #options: BrokerOptions
  readonly #admission: Admission
  readonly #subscriptions: SubscriptionLimits
  readonly #aedes: Aedes
  readonly #front: Front
  readonly #intake: Intake
  #publishing: Promise<void> = Promise.resolve()

  private constructor(options: BrokerOptions) {
    const { persistence, limits, trustedProxies, log } = options
    this.#options = options
    this.#admission = new Admission({
      authenticate: options.authenticate,
      accessOf: options.accessOf,
      sessionOwner: clientId => persistence.sessionOwner(clientId),
      endSession: clientId => persistence.endSession(clientId),
    })
    persistence.belongTo({
      ownerOf: clientId => this.#admission.ownerOf(clientId) ?? null,
      accessOf: options.accessOf,
    })
    this.#subscriptions = new SubscriptionLimits(limits.maxSubscriptionsPerClient, limits.maxSubscriptions)
    this.#aedes = new Aedes({ persistence, concurrency: CONCURRENCY })
    this.#aedes.on('client', client => persistence.connected(client.id))
    this.#aedes.on('clientDisconnect', client => persistence.disconnected(client.id))
    this.#aedes.on(
      'error' as 'closed',
      ((error: Error) => {
        log.error({ err: error }, 'mqtt: broker error')
      }) as () => void,
    )
    const live = new LiveSubscriptions(persistence)
    const { accept, refuse, repeat } = options
    const audience = new Audience(live)
    this.#intake = new Intake({
      aedes: this.#aedes,
      audience,
      persistence,
      limits,
      accept,
      refuse,
      repeat,
      log,
    })
    this.#front = new Front({
      aedes: this.#aedes,
      persistence,
      admission: this.#admission,
      subscriptionLimits: this.#subscriptions,
      live,
      limits,
      mqtt5: options.mqtt5,
      maxWaitingPerClient: options.maxWaitingPerClient,
      intake: this.#intake,
      maySubscribe,
      log,
    })
    tapBus(this.#aedes, live)
    keepInOrder(this.#aedes)
    this.guard = new Guard({
      limits,
      trustedProxies,
      speakerOf: version => this.#front.speakerOf(version),
      log,
    })
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    await broker.#aedes.listen()
    return broker
  }

  get stats() {
    const { stats } = this.#options.persistence
    const { closed, tooLarge, ...front } = this.#front.stats
    return {
      ...this.#intake.stats,
      loginsRefused: this.#admission.stats.refused,
      ...this.guard.counts,
      ...front,
      ...stats,
      closed: added(this.guard.counts.closed, closed),
      dropped: { ...stats.dropped, 'too-large': tooLarge },
      subscriptions: this.#subscriptions.total,
      subscriptionsRefused: this.#subscriptions.refused,
    }
  }

  get clients(): number {
    return this.#aedes.connectedClients
  }

  /**
   * Resolves when it is on its way to subscribers, and on the disk for those that are away. One at a time: the next
   * follows in the order of the calls.
   */
  publish(publication: Publication): Promise<void> {
    const published = this.#publishing.then(() => this.#publishNext(publication))
    this.#publishing = published.catch(error => {
      this.#options.log.error({ err: error, topic: publication.topic }, 'mqtt: could not publish')
    })
    return published
  }

  /**
   * Publishes for whoever is connected and subscribed. `offline`: nobody is; a persistent session gets it later, by
   * QoS 1. `timeout`: the bus did not take it in time.
   */
  async deliver(publication: Publication, withinMs: number): Promise<'delivered' | 'offline' | 'timeout'> {
    const isHeard = Object.values(this.#clients()).some(client => isSubscribed(client, publication.topic))
    const deadline = new AbortController()
    const late = sleep(withinMs, 'timeout' as const, { signal: deadline.signal }).catch(
      () => 'timeout' as const,
    )
    const sent = this.publish(publication).then(() =>
      isHeard ? ('delivered' as const) : ('offline' as const),
    )
    const result = await Promise.race([sent, late])
    deadline.abort()
    return result
  }

  /** Whether somebody who is connected takes requests as MQTT 5 has them: with a topic to answer on. */
  takesRequests(topic: string): boolean {
    return Object.values(this.#clients()).some(client => client.version === 5 && isSubscribed(client, topic))
  }

  /**
   * What identities may do has changed: connections whose own access did are closed, and what an identity left behind
   * stays as far as it may. Resolves when that is done, and on the disk.
   */
  async review(): Promise<void> {
    await this.#admission.review()
    const { sessions, retained, wills } = await this.#options.persistence.review()
    if (sessions + retained + wills > 0)
      this.#options.log.warn({ sessions, retained, wills }, 'mqtt: dropped what is not allowed any more')
  }

  /** Closes every connection; wills are published. */
  async close(): Promise<void> {
    await this.#publishing
    this.guard.close()
    this.#front.stop()
    await new Promise<void>(resolve => this.#aedes.close(resolve))
    await this.#front.settled()
    await this.#intake.settled()
    await setImmediate()
    await this.#options.persistence.destroy()
  }

  /** Connected ones by id; Aedes keeps them there, its types do not say so. */
  #clients(): Record<string, ConnectedClient> {
    return (this.#aedes as unknown as { clients: Record<string, ConnectedClient> }).clients
  }

  async #publishNext({ topic, payload, qos, retain, ...properties }: Publication): Promise<void> {
    await setImmediate()
    const packet = {
      cmd: 'publish' as const,
      topic,
      payload: Buffer.from(payload),
      qos,
      retain,
      dup: false,
      ...busProperties(properties),
    }
    if (retain) this.#options.persistence.owners.publishes(packet.payload, OURSELVES)
    await this.#options.persistence.prepare(packet)?.saved
    await new Promise<void>((resolve, reject) => {
      this.#aedes.publish(packet as unknown as PublishPacket, error => (error ? reject(error) : resolve()))
    })
  }
}

function maySubscribe(access: Access, filter: string): boolean {
  const plain = plainFilter(filter)
  return !UNREADABLE_FILTER.test(plain) && access.maySubscribe(plain)
}

function isSubscribed({ subscriptions }: ConnectedClient, topic: string): boolean {
  return Object.keys(subscriptions).some(filter => matchesFilter(plainFilter(filter), topic))
}

function added(some: Readonly<Record<string, number>>, more: Readonly<Record<string, number>>) {
  const sum: Record<string, number> = { ...some }
  for (const [reason, count] of Object.entries(more)) sum[reason] = (sum[reason] ?? 0) + count
  return sum
}
