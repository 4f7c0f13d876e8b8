/**
 * The embedded MQTT broker: Aedes 1.2.0 behind a small face. MQTT 3.1 and 3.1.1.
 *
 * `authorizePublish` is the only hook of Aedes that runs before PUBACK (QoS 1) and PUBREC (QoS 2), so `accept` is
 * awaited there; a rejection closes the connection without an acknowledgement, and the device keeps its message.
 */

import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Aedes, type AedesPublishPacket, type Client, type PublishPacket } from 'aedes'
import { matchesFilter } from './topic-filter.ts'

/** A PUBLISH as it came, before anybody was told. */
export interface Delivery {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  readonly packetId: number | null
  readonly client: string | null
}

export interface Publication {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1
  readonly retain: boolean
}

interface ConnectedClient {
  /** By filter. */
  readonly subscriptions: Readonly<Record<string, unknown>>
}

export interface BrokerOptions {
  /** Resolves when the message may be acknowledged; null: nobody waits for it (QoS 0). */
  readonly accept: (delivery: Delivery) => Promise<void> | null
  /** A message that its sender has no right to publish: it is to be counted; the connection is closed. */
  readonly refuse: (delivery: Delivery) => void
  readonly log: { debug(fields: object, text: string): void; error(fields: object, text: string): void }
}

/** Between attempts to write to a subscriber that does not read; then its connection is closed. */
const DRAIN_TIMEOUT_MS = 5000
/** A connection that has not sent its CONNECT by then is closed. */
const CONNECT_TIMEOUT_MS = 10_000
/** Packets of the internal bus under way at once. */
const CONCURRENCY = 1000
/** A subscriber with more than this unread is cut off: QoS 1 cannot be dropped, and memory is not for the frozen. */
const MAX_UNREAD_BYTES = 1024 * 1024

/** Topics of the broker itself and of Trestle: not for clients to publish. Aedes acts on some `$SYS` messages. */
const RESERVED_TOPIC = /^(\$SYS|trestle)(\/|$)/

export class Broker {
  readonly stats = { connections: 0, forwardsSkipped: 0, slowClosed: 0, forbidden: 0 }
  readonly #aedes: Aedes
  readonly #log: BrokerOptions['log']
  #publishing: Promise<void> = Promise.resolve()

  private constructor(aedes: Aedes, log: BrokerOptions['log']) {
    this.#aedes = aedes
    this.#log = log
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const aedes = await Aedes.createBroker({
      concurrency: CONCURRENCY,
      connectTimeout: CONNECT_TIMEOUT_MS,
      drainTimeout: DRAIN_TIMEOUT_MS,
      preConnect: (_client, packet, done) => {
        // [MQTT-3.1.3-8]: an empty client id goes only with a clean session, which Aedes does not check.
        done(null, packet.clientId !== '' || packet.clean === true)
      },
      authorizePublish: (client, packet, done) => {
        const delivery = toDelivery(client, packet)
        if (RESERVED_TOPIC.test(packet.topic)) {
          broker.stats.forbidden++
          options.refuse(delivery)
          done(new Error(`topic ${packet.topic} is reserved`))
          return
        }
        const durable = options.accept(delivery)
        if (durable === null) done(null)
        else durable.then(() => done(null), done)
      },
      authorizeSubscribe: (_client, subscription, done) => {
        // The internal topics tell client ids, and shared subscriptions would be silently dead in Aedes.
        done(null, /^\$(SYS|share)\//.test(subscription.topic) ? null : subscription)
      },
      authorizeForward: (client, packet) => broker.#forward(client, packet),
    })
    const broker = new Broker(aedes, options.log)
    aedes.on('clientError', (client, error) => {
      options.log.debug({ client: client.id, reason: error.message }, 'mqtt: closed a connection')
    })
    aedes.on('connectionError', (_client, error) => {
      options.log.debug({ reason: error.message }, 'mqtt: closed a connection before CONNECT')
    })
    aedes.on(
      'error' as 'closed',
      ((error: Error) => {
        options.log.error({ err: error }, 'mqtt: broker error')
      }) as () => void,
    )
    return broker
  }

  /** Takes over a connection of any transport. */
  handle(stream: Duplex, request?: IncomingMessage): void {
    this.stats.connections++
    this.#aedes.handle(stream, request)
  }

  get clients(): number {
    return this.#aedes.connectedClients
  }

  /** Resolves when subscribers have been served. One at a time: Aedes reorders and loses what shares a macrotask. */
  publish(publication: Publication): Promise<void> {
    const published = this.#publishing.then(() => this.#publishNext(publication))
    this.#publishing = published.catch(error => {
      this.#log.error({ err: error, topic: publication.topic }, 'mqtt: could not publish')
    })
    return published
  }

  /**
   * Publishes for whoever is connected and subscribed. `offline`: nobody is; a persistent session gets it later, by
   * QoS 1. `timeout`: the bus did not take it in time.
   */
  async deliver(publication: Publication, withinMs: number): Promise<'delivered' | 'offline' | 'timeout'> {
    const isHeard = Object.values(this.#clients()).some(client =>
      Object.keys(client.subscriptions).some(filter => matchesFilter(filter, publication.topic)),
    )
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

  /** Connected ones by id; Aedes keeps them there, its types do not say so. */
  #clients(): Record<string, ConnectedClient> {
    return (this.#aedes as unknown as { clients: Record<string, ConnectedClient> }).clients
  }

  /** Closes every connection; wills are published. */
  async close(): Promise<void> {
    await this.#publishing
    await new Promise<void>(resolve => this.#aedes.close(resolve))
  }

  #publishNext({ topic, payload, qos, retain }: Publication): Promise<void> {
    return new Promise((resolve, reject) => {
      setImmediate(() => {
        const packet: PublishPacket = {
          cmd: 'publish',
          topic,
          payload: Buffer.from(payload),
          qos,
          retain,
          dup: false,
        }
        this.#aedes.publish(packet, error => (error ? reject(error) : resolve()))
      })
    })
  }

  /** One subscriber that does not read must not stop the bus: Aedes would wait for it and let everybody wait. */
  #forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const connection = client?.conn as Duplex | undefined
    if (connection === undefined || !connection.writableNeedDrain) return packet
    if (packet.qos === 0) {
      this.stats.forwardsSkipped++
      return null
    }
    if (connection.writableLength > MAX_UNREAD_BYTES) {
      this.stats.slowClosed++
      connection.destroy(new Error('the subscriber does not read'))
    }
    return packet
  }
}

function toDelivery(client: Client | null, packet: PublishPacket): Delivery {
  const { topic, payload, qos, retain, dup, messageId } = packet
  return {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos,
    retain,
    dup,
    packetId: qos > 0 && messageId !== undefined ? messageId : null,
    client: client?.id ?? null,
  }
}
