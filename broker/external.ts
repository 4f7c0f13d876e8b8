/**
 * Reads from a broker that is not ours, by MQTT 3.1.1 and with a session that outlives both sides: what was not
 * acknowledged is sent again after whichever restart.
 *
 * MQTT.js handles one message at a time and acknowledges it then. That would be one message for each commit of the
 * spool; so it is told of no acknowledgement (an error in its callback), goes on with the next message, and PUBACK is
 * written here once the spool has it, in the order of arrival [MQTT-4.6.0-2].
 */

import { setTimeout as sleep } from 'node:timers/promises'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { generate } from 'mqtt-packet'
import type { Accepted, Delivery, Publication } from './delivery.ts'
import { Echoes } from './echoes.ts'

export interface ExternalOptions {
  readonly url: string
  /** Names the session: always the same. */
  readonly clientId: string
  /** Filters. */
  readonly topics: readonly string[]
  /** They count before those of the URL. */
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Certificate of the authority to trust, PEM. */
  readonly ca?: Buffer | undefined
  /** What the broker publishes for us when we vanish, and what takes it back whenever we are there again. */
  readonly will?: Publication | undefined
  readonly birth?: (() => Publication) | undefined
  readonly accept: (delivery: Delivery) => Accepted
  /** The same for a message that the broker kept, told on subscribing: nobody sent it now. */
  readonly recall: (delivery: Delivery) => Accepted
  readonly log: {
    info(fields: object, text: string): void
    warn(fields: object, text: string): void
    error(fields: object, text: string): void
  }
}

const RECONNECT_MS = 1000
const CONNECT_TIMEOUT_MS = 10_000
const KEEPALIVE_S = 30
/** By MQTT 5: longer than we are away; the broker may cut it. */
const SESSION_EXPIRY_S = 30 * 86_400
/** More that wait for the disk, and no more are read: the broker feels it by TCP. */
const MAX_PENDING = 2000
/** For a last word to the broker; it knows by the session what we have. */
const CLOSE_WITHIN_MS = 1000
const NOT_YET = new Error('acknowledged later')

export class ExternalBroker {
  readonly stats = { connections: 0, messages: 0, retained: 0, refused: 0, own: 0 }
  readonly #options: ExternalOptions
  readonly #client: MqttClient
  readonly #name: string
  readonly #echoes = new Echoes()
  #pending = 0
  #goOn: (() => void) | null = null
  /** The spool answers in the order of arrival: with this, everything before is answered. */
  #lastStored: Promise<void> = Promise.resolve()
  #isAway = false
  /** Once the session has the subscriptions, a broker that keeps sessions has them for good. */
  #isSubscribed = false
  #isStopped = false

  constructor(options: ExternalOptions) {
    this.#options = options
    const url = new URL(options.url)
    const { username = decode(url.username), password = decode(url.password) } = options
    url.username = ''
    url.password = ''
    this.#name = url.host
    this.#client = mqtt.connect(url.href, {
      ...protocolFor(options.topics),
      clientId: options.clientId,
      clean: false,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: RECONNECT_MS,
      reconnectOnConnackError: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      queueQoSZero: false,
      resubscribe: false,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.will === undefined
        ? {}
        : { will: { ...options.will, payload: Buffer.from(options.will.payload) } }),
    })
    this.#client.handleMessage = (packet, done) => this.#handle(packet, done)
    this.#client.on('connect', ({ sessionPresent }) => this.#connected(sessionPresent))
    this.#client.on('error', error => this.#away(error.message))
    this.#client.on('close', () => {
      if (!this.#isStopped) this.#away('the connection is lost')
    })
  }

  /** Connected, and what is published from now on reaches us. */
  get isReading(): boolean {
    return this.#client.connected && this.#isSubscribed
  }

  get pending(): number {
    return this.#pending
  }

  /** Resolves when the broker has it. Rejects when there is none now: what waited for long would be no command any more. */
  async publish({ topic, payload, qos, retain }: Publication): Promise<void> {
    if (!this.#client.connected) throw new Error(`the broker ${this.#name} is away`)
    this.#echoes.expect(topic, payload)
    await this.#client.publishAsync(topic, Buffer.from(payload), { qos, retain })
  }

  /** `delivered`: to the broker; who listens there, it does not tell. `offline`: there is no broker now. */
  async deliver(publication: Publication, withinMs: number): Promise<'delivered' | 'offline' | 'timeout'> {
    if (!this.#client.connected) return 'offline'
    const deadline = new AbortController()
    const late = sleep(withinMs, 'timeout' as const, { signal: deadline.signal }).catch(
      () => 'timeout' as const,
    )
    const result = await Promise.race([this.publish(publication).then(() => 'delivered' as const), late])
    deadline.abort()
    return result
  }

  /** Takes no more; what was taken is still acknowledged. */
  stop(): void {
    this.#isStopped = true
  }

  /** What was taken should be on the disk by now. */
  async close(): Promise<void> {
    this.stop()
    const ended = this.#client.endAsync().catch(() => undefined)
    await Promise.race([ended, sleep(CLOSE_WITHIN_MS, undefined, { ref: false })])
    this.#client.stream.destroy()
  }

  #subscribe(): void {
    const wanted = Object.fromEntries(this.#options.topics.map(topic => [topic, { qos: 1 as const }]))
    this.#client.subscribe(wanted, (error, granted) => {
      const denied = granted?.filter(({ qos }) => qos >= 128).map(({ topic }) => topic) ?? []
      this.#isSubscribed = error === null && denied.length === 0
      // Without an answer the connection is lost, and the next one asks again.
      if (denied.length > 0)
        this.#options.log.error({ broker: this.#name, denied }, 'mqtt: the broker denies a subscription')
    })
  }

  #handle(packet: IPublishPacket, done: (error?: Error) => void): void {
    const { stream } = this.#client
    // Neither acknowledged nor read on: the broker keeps it, for the next connection or the next start.
    if (this.#isStopped || stream.destroyed) return
    const stored = this.#take(packet)
    const { qos, messageId } = packet
    if (qos === 0 || messageId === undefined) {
      done()
      return
    }
    this.#acknowledgeAfter(stored ?? this.#lastStored, stream, messageId)
    if (this.#pending < MAX_PENDING) done(NOT_YET)
    else this.#goOn = () => done(NOT_YET)
  }

  #take(packet: IPublishPacket): Promise<void> | null {
    const { topic, qos, retain, dup, messageId } = packet
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    // Protocol 4 has no way to say "not my own" [MQTT 5: No Local].
    if (!retain && this.#echoes.isEcho(topic, payload)) {
      this.stats.own++
      return null
    }
    this.stats.messages++
    const packetId = qos > 0 && messageId !== undefined ? messageId : null
    const delivery = { topic, payload, qos, retain, dup, packetId, client: null, identity: null }
    if (retain) this.stats.retained++
    const accepted = retain ? this.#options.recall(delivery) : this.#options.accept(delivery)
    // Done with, or it would come again.
    return accepted === 'forbidden' ? null : accepted
  }

  /** On the connection that brought it only: identifiers start anew with the next. */
  #acknowledgeAfter(stored: Promise<void>, stream: MqttClient['stream'], messageId: number): void {
    this.#lastStored = stored
    this.#pending++
    const finish = () => {
      this.#pending--
      if (this.#pending < MAX_PENDING / 2) this.#resume()
    }
    stored.then(
      () => {
        if (!stream.destroyed) stream.write(generate({ cmd: 'puback', messageId }))
        finish()
      },
      () => {
        this.#refused(stream)
        finish()
      },
    )
  }

  /** The disk fails or the spool is full: with the connection closed the broker keeps the message, and sends it again. */
  #refused(stream: MqttClient['stream']): void {
    this.stats.refused++
    if (!stream.destroyed) stream.destroy()
  }

  #resume(): void {
    const goOn = this.#goOn
    this.#goOn = null
    goOn?.()
  }

  #connected(isSessionPresent: boolean): void {
    this.stats.connections++
    // Asking again would have it tell all its retained messages again.
    if (!isSessionPresent) this.#isSubscribed = false
    if (!this.#isSubscribed) this.#subscribe()
    const { birth, will } = this.#options
    // The broker may have said it while we were away, to us as well.
    if (will !== undefined) this.#echoes.expect(will.topic, will.payload)
    if (birth !== undefined) this.publish(birth()).catch(() => undefined)
    this.#isAway = false
    this.#options.log.info(
      { broker: this.#name, topics: this.#options.topics },
      'mqtt: reading from the broker',
    )
  }

  #away(reason: string): void {
    if (!this.#isAway)
      this.#options.log.warn({ broker: this.#name, reason }, 'mqtt: the broker is away; trying again')
    this.#isAway = true
  }
}

/** A shared subscription is of MQTT 5; everything else is asked for as every broker knows it. */
function protocolFor(topics: readonly string[]): IClientOptions {
  if (!topics.some(topic => topic.startsWith('$share/'))) return { protocolVersion: 4 }
  return { protocolVersion: 5, properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }
}

/** As it stands in a URL; undefined: it does not. */
function decode(part: string): string | undefined {
  return part === '' ? undefined : decodeURIComponent(part)
}
