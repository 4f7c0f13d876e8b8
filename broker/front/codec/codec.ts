/** One version of the protocol, as bytes: what clients send is read, and what they are told is written. */

import type { Packet } from './packets.ts'
import type { Properties } from './properties.ts'

export interface Codec {
  /** As CONNECT says it: 3 is MQTT 3.1, 4 is 3.1.1. */
  readonly version: 3 | 4 | 5
  /** It has reason codes: what is refused is told. Without, closing the connection says it. */
  readonly saysWhy: boolean
  /** A whole packet, `bytes` from `at` to `end`, whose fixed header ends before `body`. Throws a Fault. */
  decode(bytes: Buffer, at: number, body: number, end: number): Packet
  /** Null: there is no such answer; the connection is only closed. */
  connack(isSessionPresent: boolean, code: number, properties: Properties): Buffer | null
  suback(packetId: number, codes: readonly number[], properties: Properties): Buffer
  unsuback(packetId: number, codes: readonly number[]): Buffer
  /** Null: a server does not say goodbye. */
  disconnect(code: number, properties: Properties): Buffer | null
  /** A PUBLISH but for its payload, which follows: it is shared by all who get it. */
  publishHead(message: PublishHead): Buffer
}

export interface PublishHead {
  /** Empty: the alias stands for it. */
  readonly topic: string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  /** Of QoS 1 and 2. */
  readonly packetId: number
  /** Properties of the sender, unaltered. */
  readonly raw: Buffer | null
  readonly messageExpiryS: number | null
  /** 0: none. */
  readonly topicAlias: number
  readonly subscriptionIds: readonly number[] | null
  readonly payloadBytes: number
}
