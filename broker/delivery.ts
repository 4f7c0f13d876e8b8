/** Messages between the broker and what it belongs to. */

import type { MessageProperties, PublicationProperties } from './message-properties.ts'

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
