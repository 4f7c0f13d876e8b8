/**
 * MQTT 3.1, 3.1.1 and 5 (OASIS Standard, 7 March 2019). Clients of all versions share the bus, sessions, retained
 * messages, client ids and permissions; what is said about one is in MQTT 5's words, of which the others have fewer.
 * Numbers in brackets are that standard's normative statements, others its sections.
 *
 *   guard -> connection: CONNECT, SUBSCRIBE, ... -> session and subscriptions (broker/persistence)
 *              |                                         ^
 *              +-> inbound: PUBLISH -> accept -> bus -> live subscriptions -> outbound -> clients
 *
 * codec/ reads and writes packets of each version; connection.ts goes through the life of one client; inbound.ts and
 * outbound.ts are the two directions of PUBLISH; live-subscriptions.ts finds receivers; delayed-wills.ts keeps wills;
 * seat.ts stands for a client where Aedes looks for one.
 */

import type { Aedes } from 'aedes'
import type { Admission } from '../admission.ts'
import type { GuardLimits } from '../guard/limits.ts'
import type { Speak } from '../guard/speaker.ts'
import type { SubscriptionLimits } from '../guard/subscription-limits.ts'
import { Topics } from '../guard/topics.ts'
import type { Intake } from '../intake.ts'
import type { Persistence } from '../persistence/persistence.ts'
import type { Will } from '../persistence/wills.ts'
import type { Codec } from './codec/codec.ts'
import { mqtt3Codec } from './codec/mqtt3.ts'
import { mqtt5Codec } from './codec/mqtt5.ts'
import { Connection } from './connection.ts'
import { DelayedWills } from './delayed-wills.ts'
import type { LiveSubscriptions } from './live-subscriptions.ts'
import { expiryAt } from './message.ts'
import type { FrontParts, Mqtt5Settings } from './parts.ts'

export interface FrontOptions {
  readonly aedes: Aedes
  readonly persistence: Persistence
  readonly admission: Admission
  readonly subscriptionLimits: SubscriptionLimits
  readonly live: LiveSubscriptions
  readonly limits: GuardLimits
  /** Null: MQTT 5 is not spoken, and its clients are told so. */
  readonly mqtt5: Mqtt5Settings | null
  /** Messages of one client that may wait to be acknowledged. */
  readonly maxWaitingPerClient: number
  readonly intake: Intake
  readonly maySubscribe: FrontParts['maySubscribe']
  readonly log: FrontParts['log']
}

/** A receive maximum has two bytes, and is not 0 (3.2.2.3.3). */
const MAX_RECEIVE_MAXIMUM = 65_535
/** Where MQTT 5 is not spoken, nobody asks for what these bound. */
const WITHOUT_MQTT5: Mqtt5Settings = {
  sessionExpiryMs: Number.POSITIVE_INFINITY,
  inboundTopicAliases: 0,
  outboundTopicAliases: 0,
}

export class Front {
  readonly #options: FrontOptions
  readonly #parts: FrontParts
  readonly #speakers = new Map<number, Speak>()
  #isStopping = false

  constructor(options: FrontOptions) {
    const { aedes, persistence, admission, subscriptionLimits, maySubscribe, live, limits, mqtt5, log } =
      options
    this.#options = options
    const { wills } = persistence
    const topics = new Topics(limits)
    this.#speak(mqtt3Codec(3, topics, limits))
    this.#speak(mqtt3Codec(4, topics, limits))
    if (mqtt5 !== null) this.#speak(mqtt5Codec(topics))
    this.#parts = {
      aedes,
      persistence,
      admission,
      subscriptionLimits,
      maySubscribe,
      topicLimits: limits,
      limits: {
        ...(mqtt5 ?? WITHOUT_MQTT5),
        maxInflight: limits.maxInflight,
        receiveMaximum: Math.min(options.maxWaitingPerClient, MAX_RECEIVE_MAXIMUM),
        maxPacketBytes: limits.maxPacketBytes,
        maxKeepAliveS: Math.min(65_535, Math.max(1, Math.floor(limits.idleTimeoutMs / 1500))),
      },
      intake: options.intake,
      wills: new DelayedWills(
        {
          get: clientId => wills.get(clientId),
          keep: (clientId, will) => wills.set(clientId, will),
          delete: clientId => {
            wills.delete(clientId)
            // Of a client that is there, more may follow.
            if (admission.ownerOf(clientId) === undefined) persistence.disown(clientId)
          },
          *all() {
            for (const [, will] of wills.all()) yield will
          },
        },
        will => this.#publishWill(will),
      ),
      live,
      stats: { mqtt5Connections: 0, paused: 0, skipped: 0, slowClosed: 0, tooLarge: 0, closed: {} },
      log,
      isStopping: () => this.#isStopping || aedes.closed,
    }
  }

  get stats(): Readonly<FrontParts['stats']> {
    return this.#parts.stats
  }

  /** Null: nobody here speaks that version. */
  speakerOf(version: 3 | 4 | 5): Speak | null {
    return this.#speakers.get(version) ?? null
  }

  /** Before Aedes closes its clients, among which are ours. */
  stop(): void {
    this.#isStopping = true
    this.#parts.wills.close()
  }

  /** Resolves when the wills of those who were closed are done with. */
  settled(): Promise<void> {
    return this.#parts.wills.settled()
  }

  #speak(codec: Codec): void {
    this.#speakers.set(codec.version, connection => {
      if (codec.version === 5) this.#parts.stats.mqtt5Connections++
      return new Connection(this.#parts, codec, connection)
    })
  }

  /** Judged by what its owner may do by now. Rejects when it could not be stored. */
  async #publishWill(will: Will): Promise<void> {
    const { topic, payload, qos, retain, clientId = '', properties, messageExpiryMs } = will
    const { owners } = this.#options.persistence
    const identity = owners.ofClient(clientId)
    const access = owners.accessOf(identity)
    const delivery = { topic, payload, qos, retain, dup: false, packetId: null, client: clientId, identity }
    const messageExpiry = messageExpiryMs === undefined ? undefined : expiryAt(messageExpiryMs / 1000)
    const publication = { topic, payload, qos, retain, clientId, properties, messageExpiry }
    const taken = this.#options.intake.take(access, delivery, false)
    if (typeof taken === 'string') return
    await taken
    await this.#options.persistence.prepare(publication)?.saved
    this.#options.intake.publish(publication)
  }
}
