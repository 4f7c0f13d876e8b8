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
}
