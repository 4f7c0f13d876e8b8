/** What MQTT delivered, from whichever broker. */
export interface Message {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  /** The sender marked it as a retransmission [MQTT-3.3.1-1]. */
  readonly dup: boolean
  /** MQTT packet identifier; null for QoS 0 and wills. */
  readonly packetId: number | null
  /** Client id of the sender; null where none is known. */
  readonly client: string | null
  /** What the sender's credential proved; null or not there: nobody in particular. */
  readonly identity?: string | null
  /** Of MQTT 5; null or not there: it says nothing more about the message. */
  readonly properties?: MessageProperties | null
}

/** What a message says about itself. */
export interface MessageProperties {
  /** The payload is declared to be UTF-8 text. */
  readonly isText: boolean
  /** Such as `application/json`. */
  readonly contentType: string | null
  readonly responseTopic: string | null
  /** Tells to which request an answer belongs. */
  readonly correlationData: Uint8Array | null
  readonly userProperties: readonly (readonly [name: string, value: string])[]
}
