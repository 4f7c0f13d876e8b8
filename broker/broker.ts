/**
 * The embedded MQTT broker: Aedes 1.2.0 behind a guard, with an intake of our own and a front for MQTT 5.
 *
 * Messages by QoS 0 and 1 do not reach Aedes but by the bus (intake.ts). For the others, and for wills,
 * `authorizePublish` is its only hook that runs before PUBREC, so `accept` is awaited there; a rejection closes the
 * connection without an acknowledgement, and the device keeps its message.
 */

import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import {
  Aedes,
  type AuthenticateError,
  type Client,
  type ConnectPacket,
  type PublishPacket,
  type Subscription,
} from 'aedes'
import type { Access, AccessOf, Authenticate, Login } from './access.ts'
import { Admission, type Refusal } from './admission.ts'
import { memberOf } from './aedes-member.ts'
import { Audience } from './audience.ts'
import { BackPressure } from './back-pressure.ts'
import { Forwarding } from './forwarding.ts'
import { peerOf, speakByAedes, streamOf } from './guard/aedes-speaker.ts'
import { Guard } from './guard/guard.ts'
import type { GuardLimits } from './guard/limits.ts'
import { SubscriptionLimits } from './guard/subscription-limits.ts'
import { Topics } from './guard/topics.ts'
import { keepInOrder } from './in-order.ts'
import { Intake } from './intake.ts'
import type { MessageProperties, PublicationProperties } from './message-properties.ts'
import { Mqtt5Front, type Mqtt5Settings } from './mqtt5/front.ts'
import { busProperties } from './mqtt5/message.ts'
import { tapBus } from './mqtt5/tap.ts'
import { OURSELVES } from './persistence/owners.ts'
import type { Grant } from './persistence/session.ts'
import { isShared, plainFilter } from './persistence/shared-subscriptions.ts'
import type { SqlitePersistence } from './persistence/sqlite-persistence.ts'
import { keepRegistry } from './registry.ts'
import { asText, keepRepeatedFilters } from './repeated-filters.ts'
import { matchesFilter } from './topic-filter.ts'

/** A PUBLISH as it came, before anybody was told. */
export interface Delivery {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  readonly packetId: number | null
  readonly client: string | null
  /** What the sender's credential proved; null: nobody in particular. */
  readonly identity: string | null
  /** Of MQTT 5; not there, or null: it says nothing about the message. */
  readonly properties?: MessageProperties | null
}

/**
 * Resolves when the message may be acknowledged; rejects when it could not be stored, and is to come again. Null: nobody
 * waits for it (QoS 0). `forbidden`: it was looked into, and counted; it leaves nothing, and will not get better.
 */
export type Accepted = Promise<void> | null | 'forbidden'

export interface Publication extends PublicationProperties {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
}

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

/** A subscriber that reads nothing for so long is closed. */
const DRAIN_TIMEOUT_MS = 10_000
/** Packets of the internal bus under way at once. */
const CONCURRENCY = 1000
/** Wills of an earlier run are published after four of these: time for their clients to come back. */
const HEARTBEAT_MS = 15_000

/** The internal topics tell client ids. */
const UNREADABLE_FILTER = /^\$SYS\/(?!broker\/)/

/** Of CONNACK [MQTT-3.2.2.3]. */
const RETURN_CODES: Readonly<Record<Refusal, number>> = {
  'identifier-rejected': 2,
  unavailable: 3,
  'bad-credentials': 4,
  'not-authorised': 5,
}

const NO_MQTT5 = { connections: 0, skipped: 0, slowClosed: 0 }

export class Broker {
  /** Where connections of any transport come in. */
  readonly guard: Guard
  readonly #options: BrokerOptions
  readonly #admission: Admission
  readonly #forwarding: Forwarding
  readonly #backPressure: BackPressure
  readonly #subscriptions: SubscriptionLimits
  readonly #aedes: Aedes
  readonly #mqtt5: Mqtt5Front | null
  readonly #intake: Intake
  /** What Aedes may store of a SUBSCRIBE: it stores what was denied, too, when anything in it was granted. */
  readonly #granted = new WeakMap<object, Grant>()
  #publishing: Promise<void> = Promise.resolve()

  private constructor(options: BrokerOptions) {
    const { persistence, log } = options
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
    this.#forwarding = new Forwarding(persistence)
    this.#backPressure = new BackPressure(options.maxWaitingPerClient)
    const { maxSubscriptionsPerClient, maxSubscriptions } = options.limits
    this.#subscriptions = new SubscriptionLimits(maxSubscriptionsPerClient, maxSubscriptions)
    persistence.storeOnly(subscription => this.#granted.get(subscription) ?? null)
    this.#aedes = new Aedes({
      persistence,
      concurrency: CONCURRENCY,
      drainTimeout: DRAIN_TIMEOUT_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxInflightInbound: options.limits.maxInflight,
      preConnect: (client, packet, done) => done(null, this.#greet(client, packet)),
      authenticate: (client, username, password, done) =>
        void this.#admit(client, { username: username ?? null, password: password ?? null }).then(refusal =>
          done(refusal, refusal === null),
        ),
      authorizePublish: (client, packet, done) => this.#accept(client, packet, done),
      authorizeSubscribe: (client, subscription, done) =>
        done(null, this.#grant(client, asText(subscription))),
      authorizeForward: (client, packet) =>
        this.#admission.accessOf(memberOf(client)).mayReceive(packet.topic)
          ? this.#forwarding.forward(client, packet)
          : null,
    })
    this.#aedes.on('client', client => {
      // Closed while it was being let in, which Aedes does not notice.
      if (client.closed) this.#unregister(client)
      else persistence.connected(client.id)
    })
    this.#aedes.on('clientDisconnect', client => persistence.disconnected(client.id))
    keepRegistry(this.#aedes, client => this.#subscriptions.forget(client))
    this.#aedes.on('subscribe', (_subscriptions, client) => this.#answered(client))
    this.#aedes.on('unsubscribe', (_filters, client) => this.#answered(client))
    this.#aedes.on('connackSent', ({ returnCode }, client) => {
      this.#forwarding.greeted(client)
      if (returnCode === 0) streamOf(client).greeted()
    })
    this.#aedes.on('clientError', (client, error) => {
      log.debug({ client: client.id, reason: error.message }, 'mqtt: closed a connection')
    })
    this.#aedes.on('connectionError', (_client, error) => {
      log.debug({ reason: error.message }, 'mqtt: closed a connection before CONNECT')
    })
    this.#aedes.on(
      'error' as 'closed',
      ((error: Error) => {
        log.error({ err: error }, 'mqtt: broker error')
      }) as () => void,
    )
    this.#intake = new Intake({
      aedes: this.#aedes,
      audience: new Audience(this.#aedes, {
        version: () => this.#mqtt5?.live.version ?? 0,
        hears: topic => this.#mqtt5?.live.hears(topic) === true,
      }),
      persistence,
      accept: options.accept,
      refuse: options.refuse,
      log,
    })
    this.#mqtt5 = options.mqtt5 === null ? null : this.#makeFront(options.mqtt5)
    if (this.#mqtt5 !== null) tapBus(this.#aedes, this.#mqtt5)
    keepInOrder(this.#aedes)
    this.guard = this.#makeGuard(options)
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    await broker.#aedes.listen()
    return broker
  }

  get stats() {
    const { stats } = this.#options.persistence
    return {
      ...this.#intake.stats,
      loginsRefused: this.#admission.stats.refused,
      ...this.guard.counts,
      ...this.#forwarded(),
      ...this.#backPressure.stats,
      ...stats,
      closed: added(this.guard.counts.closed, this.#mqtt5?.stats.closed ?? {}),
      dropped: { ...stats.dropped, 'too-large': this.#mqtt5?.stats.tooLarge ?? 0 },
      subscriptions: this.#subscriptions.total,
      subscriptionsRefused: this.#subscriptions.refused,
    }
  }

  /** By clients of all versions. */
  #forwarded() {
    const { skipped, slowClosed } = this.#forwarding.stats
    const mqtt5 = this.#mqtt5?.stats ?? NO_MQTT5
    return {
      skipped: skipped + mqtt5.skipped,
      slowClosed: slowClosed + mqtt5.slowClosed,
      mqtt5Connections: mqtt5.connections,
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
    this.#mqtt5?.stop()
    await new Promise<void>(resolve => this.#aedes.close(resolve))
    // Wills are accepted like any message, and Aedes does not wait for that.
    await this.#intake.settled()
    await setImmediate()
    await this.#options.persistence.destroy()
  }

  /** Connected ones by id; Aedes keeps them there, its types do not say so. */
  #clients(): Record<string, ConnectedClient> {
    return (this.#aedes as unknown as { clients: Record<string, ConnectedClient> }).clients
  }

  #makeFront(settings: Mqtt5Settings): Mqtt5Front {
    const { persistence, limits, maxWaitingPerClient, refuse, log } = this.#options
    return new Mqtt5Front({
      aedes: this.#aedes,
      persistence,
      admission: this.#admission,
      subscriptionLimits: this.#subscriptions,
      limits,
      settings,
      maxWaitingPerClient,
      intake: this.#intake,
      refuse,
      maySubscribe,
      log,
    })
  }

  #makeGuard({ limits, trustedProxies, maxWaitingPerClient, log }: BrokerOptions): Guard {
    const speakMqtt3 = speakByAedes({
      aedes: this.#aedes,
      intake: this.#intake,
      limits,
      topics: new Topics(limits),
      accessOf: client => this.#admission.accessOf(memberOf(client)),
      maxWaiting: maxWaitingPerClient,
      paused: () => void this.#backPressure.stats.paused++,
    })
    return new Guard({
      limits,
      trustedProxies,
      speakerOf: level => (level === 5 ? (this.#mqtt5?.speak ?? null) : speakMqtt3),
      log,
    })
  }

  #greet(client: Client, packet: ConnectPacket): boolean {
    // [MQTT-3.1.3-8]: an empty client id goes only with a clean session, which Aedes does not check.
    if (packet.clientId === '' && packet.clean !== true) return false
    streamOf(client).keepAliveS = packet.keepalive ?? 0
    packet.keepalive = 0
    this.#forwarding.watch(client)
    keepRepeatedFilters(client)
    memberOf(client).connects(packet)
    return true
  }

  /** Null: it is let in. */
  async #admit(
    client: Client,
    given: Pick<Login, 'username' | 'password'>,
  ): Promise<AuthenticateError | null> {
    const member = memberOf(client)
    client.conn.once('close', () => this.#admission.gone(member))
    const { clientId, willTopic } = member
    const { address, certificate, headers } = peerOf(client)
    const admitted = await this.#admission.admit(
      member,
      client.id,
      { clientId, ...given, address, certificate, headers },
      willTopic,
    )
    if (client.conn.destroyed) this.#admission.gone(member)
    if (admitted.ok) return null
    const { reason, detail } = admitted
    this.#options.log.debug({ client: client.id, reason, detail }, 'mqtt: refused a connection')
    return Object.assign(new Error(detail), { returnCode: RETURN_CODES[reason] }) as AuthenticateError
  }

  /** SUBSCRIBE or UNSUBSCRIBE. */
  #answered(client: Client): void {
    this.#subscriptions.recount(client)
    streamOf(client).answered()
  }

  #unregister(client: Client): void {
    const insides = this.#aedes as unknown as { unregisterClient(client: Client): void }
    insides.unregisterClient(client)
  }

  /** Null denies it. Shared subscriptions would be silently dead in Aedes; MQTT 5 has them. */
  #grant(client: Client, subscription: Subscription): Subscription | null {
    const { topic } = subscription
    if (isShared(topic) || !maySubscribe(this.#admission.accessOf(memberOf(client)), topic)) return null
    if (!this.#subscriptions.admit(client, topic)) return null
    this.#granted.set(subscription, subscription as Grant)
    return subscription
  }

  #accept(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const access = this.#accessFor(client, packet)
    const identity = access?.identity ?? null
    const delivery = toDelivery(client, packet, identity)
    const accepted = this.#intake.take(access, delivery)
    if (accepted === 'forbidden') {
      this.#forgetWill(packet)
      done(new Error(`it may not publish that to ${packet.topic}`))
      return
    }
    if (accepted === null) {
      done(null)
      return
    }
    const waiting = client === null ? null : this.#backPressure.add(client)
    // Of a will; QoS 2 is kept together with its packet identifier, when Aedes stores that.
    const prepared = packet.qos === 1 ? this.#intake.prepare(delivery) : null
    const finish = (error?: Error) => {
      if (client !== null && waiting !== null) this.#backPressure.remove(client, waiting)
      if (prepared !== null && error !== undefined) this.#intake.cancel(prepared)
      done(error ?? null)
    }
    Promise.all([accepted, prepared?.saved]).then(() => finish(), finish)
  }

  /** One of an earlier run, that was refused: Aedes would try it again and again, before those that come after it. */
  #forgetWill(packet: PublishPacket & { clientId?: string }): void {
    const { persistence } = this.#options
    const { clientId } = packet
    if (clientId !== undefined && persistence.wills.get(clientId) === (packet as object))
      void persistence.delWill({ id: clientId })
  }

  /** A will is judged by what its owner may do when it is published: its client may be somebody else's by then. */
  #accessFor(client: Client | null, packet: PublishPacket): Access | null {
    const willOwner = this.#options.persistence.willOwner(packet)
    if (willOwner !== undefined) return this.#options.accessOf(willOwner)
    return client === null ? null : this.#admission.accessOf(memberOf(client))
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

function toDelivery(
  client: Client | null,
  packet: PublishPacket & { clientId?: string },
  identity: string | null,
): Delivery {
  const { topic, payload, qos, retain, dup, messageId } = packet
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
    // A will has neither flag nor identifier, whatever its type says.
    dup: dup ?? false,
    packetId: qos > 0 && messageId !== undefined ? messageId : null,
    // A will of an earlier run has no client any more, but names it.
    client: client?.id ?? packet.clientId ?? null,
    identity,
  }
}
