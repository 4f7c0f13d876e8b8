/** A message on its way from the bus to clients: what is made once for all of them. */

import type { AedesPublishPacket } from 'aedes'
import type { MessageProperties, PublicationProperties } from '../message-properties.ts'
import { ownBytes } from '../persistence/packet.ts'
import type { Outgoing } from '../persistence/sessions.ts'
import type { Codec } from './codec/codec.ts'
import { encodeRequestProperties } from './codec/encode.ts'
import type { Properties } from './codec/properties.ts'

/** As Aedes carries it, with what is ours; see persistence/packet.ts. */
export type BusPacket = AedesPublishPacket & {
  readonly clientId?: string
  readonly properties?: Buffer
  readonly messageExpiry?: number
}

export class Message {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly clientId: string | undefined
  readonly raw: Buffer | null
  readonly expiresAtMs: number | null
  readonly counter: number
  readonly #brokerId: string
  readonly #plain: { mqtt3: Buffer | null; mqtt5: Buffer | null } = { mqtt3: null, mqtt5: null }
  #outgoing: Outgoing | null = null

  constructor(packet: BusPacket) {
    this.topic = packet.topic
    this.payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    this.qos = packet.qos
    this.retain = packet.retain
    this.clientId = packet.clientId
    this.raw = packet.properties ?? null
    this.expiresAtMs = packet.messageExpiry ?? null
    this.counter = packet.brokerCounter
    this.#brokerId = packet.brokerId
  }

  /** A whole PUBLISH of QoS 0 without anything of its receiver's own: the same bytes for all. */
  plain(codec: Codec): Buffer {
    const version = codec.version === 5 ? 'mqtt5' : 'mqtt3'
    this.#plain[version] ??= this.#encode(codec)
    return this.#plain[version]
  }

  /** To be queued: in memory of its own. */
  get outgoing(): Outgoing {
    this.#outgoing ??= {
      topic: this.topic,
      payload: ownBytes(this.payload),
      brokerId: this.#brokerId,
      counter: null,
      properties: this.raw === null ? null : ownBytes(this.raw),
      expiresAtMs: this.expiresAtMs,
    }
    return this.#outgoing
  }

  #encode(codec: Codec): Buffer {
    const head = codec.publishHead({
      topic: this.topic,
      qos: 0,
      retain: false,
      dup: false,
      packetId: 0,
      raw: this.raw,
      messageExpiryS: remainingS(this.expiresAtMs),
      topicAlias: 0,
      subscriptionIds: null,
      payloadBytes: this.payload.length,
    })
    return Buffer.concat([head, this.payload])
  }
}

/** [MQTT-3.3.2-6]: what is left of it. Null: it does not expire; 0: it has expired. */
export function remainingS(expiresAtMs: number | null): number | null {
  return expiresAtMs === null ? null : Math.max(0, Math.ceil((expiresAtMs - Date.now()) / 1000))
}

/** `seconds` from now; undefined: never. */
export function expiryAt(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Date.now() + seconds * 1000
}

/** For those who read messages. */
export function messageProperties(properties: Properties): MessageProperties {
  const { payloadFormat, contentType, responseTopic, correlationData, userProperties } = properties
  return {
    isText: payloadFormat === 1,
    contentType: contentType ?? null,
    responseTopic: responseTopic ?? null,
    correlationData: correlationData ?? null,
    userProperties: userProperties ?? [],
  }
}

/** What a publication of our own carries on the bus; nothing where it says nothing. */
export function busProperties({ expiryMs, responseTopic, correlationData }: PublicationProperties) {
  const isRequest = responseTopic !== undefined
  return {
    ...(expiryMs === undefined ? {} : { messageExpiry: Date.now() + expiryMs }),
    ...(isRequest ? { properties: encodeRequestProperties(responseTopic, correlationData) } : {}),
  }
}
