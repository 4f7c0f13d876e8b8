/** The packets that a client sends (3.1, 3.3 to 3.8, 3.10, 3.12, 3.14, 3.15), as they are after reading. */

import type { Properties } from './properties.ts'

export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBSCRIBE = 8
export const SUBACK = 9
export const UNSUBSCRIBE = 10
export const UNSUBACK = 11
export const PINGREQ = 12
export const PINGRESP = 13
export const DISCONNECT = 14
export const AUTH = 15

export type QoS = 0 | 1 | 2

export interface Connect {
  readonly type: typeof CONNECT
  readonly clientId: string
  readonly isCleanStart: boolean
  readonly keepAliveS: number
  readonly properties: Properties
  readonly will: WillMessage | null
  readonly username: string | null
  readonly password: Buffer | null
}

export interface WillMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Properties
  /** Its properties that are forwarded, as they came. */
  readonly raw: Buffer | null
}

export interface Publish {
  readonly type: typeof PUBLISH
  readonly topic: string
  readonly payload: Buffer
  readonly qos: QoS
  readonly retain: boolean
  readonly dup: boolean
  /** 0: it has none. */
  readonly packetId: number
  /** The topic is among those that are known to be within the limits. */
  readonly isKnownTopic: boolean
  readonly properties: Properties
  readonly raw: Buffer | null
}

export interface Acknowledgement {
  readonly type: typeof PUBACK | typeof PUBREC | typeof PUBREL | typeof PUBCOMP
  readonly packetId: number
  readonly code: number
}

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: QoS
  readonly isNoLocal: boolean
  readonly isRetainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

export interface Subscribe {
  readonly type: typeof SUBSCRIBE
  readonly packetId: number
  readonly subscriptionId: number | undefined
  readonly requests: readonly SubscriptionRequest[]
}

export interface Unsubscribe {
  readonly type: typeof UNSUBSCRIBE
  readonly packetId: number
  readonly filters: readonly string[]
}

export interface PingRequest {
  readonly type: typeof PINGREQ
}

export interface Disconnect {
  readonly type: typeof DISCONNECT
  readonly code: number
  readonly properties: Properties
}

export interface Authentication {
  readonly type: typeof AUTH
  readonly code: number
  readonly properties: Properties
}

export type Packet =
  | Connect
  | Publish
  | Acknowledgement
  | Subscribe
  | Unsubscribe
  | PingRequest
  | Disconnect
  | Authentication
