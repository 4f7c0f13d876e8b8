/**
 * Packets of a connected MQTT 3.1 or 3.1.1 client, checked on their bytes to the last one. What a client may not send
 * ends the connection [MQTT-4.8.0-1].
 */

import { readFilter, type TopicLimits } from '../../guard/text.ts'
import type { Topics } from '../../guard/topics.ts'
import { DISCONNECT, PINGREQ, SUBSCRIBE, UNSUBSCRIBE } from './packets.ts'

/** Counted under these names. */
export type Flaw = 'malformed' | 'topic' | 'filter' | 'filters' | 'server-packet'

/** Flags that a type must have [MQTT-2.2.2-1]; null: a client must not send it, or nobody. */
const FLAGS: readonly (number | null)[] = [
  null, // reserved
  0, // CONNECT
  null, // CONNACK
  0, // PUBLISH: its flags mean something
  0, // PUBACK
  0, // PUBREC
  2, // PUBREL
  0, // PUBCOMP
  2, // SUBSCRIBE
  null, // SUBACK
  2, // UNSUBSCRIBE
  null, // UNSUBACK
  0, // PINGREQ
  null, // PINGRESP
  0, // DISCONNECT
  null, // reserved
]

export interface PacketLimits extends TopicLimits {
  readonly maxFiltersPerSubscribe: number
}

/** Null: it is as it should be. CONNECT is the guard's to read, and PUBLISH has `readPublish`. */
export function checkPacket(
  bytes: Buffer,
  at: number,
  body: number,
  end: number,
  limits: PacketLimits,
): Flaw | null {
  const first = bytes[at]!
  const type = first >> 4
  const flags = FLAGS[type]
  if (flags === null || flags === undefined) return type === 0 || type === 15 ? 'malformed' : 'server-packet'
  if ((first & 0x0f) !== flags) return 'malformed'
  switch (type) {
    case SUBSCRIBE:
      return checkFilters(bytes, body, end, 1, limits)
    case UNSUBSCRIBE:
      return checkFilters(bytes, body, end, 0, limits)
    case PINGREQ:
    case DISCONNECT:
      return end === body ? null : 'malformed'
    default: // PUBACK, PUBREC, PUBREL, PUBCOMP
      return end - body === 2 && hasPacketId(bytes, body) ? null : 'malformed'
  }
}

/** What `readPublish` found; the payload ends with the packet. */
export interface PublishFields {
  topic: string
  /** 0: none. */
  packetId: number
  payload: number
}

/** Fills in `fields` when there is no flaw. */
export function readPublish(
  bytes: Buffer,
  first: number,
  body: number,
  end: number,
  topics: Topics,
  fields: PublishFields,
): Flaw | null {
  const qos = (first >> 1) & 3
  // [MQTT-3.3.1-4, 3.3.1-2]
  if (qos === 3 || (qos === 0 && (first & 8) !== 0)) return 'malformed'
  if (end - body < 2) return 'malformed'
  const topicEnd = body + 2 + bytes[body]! * 256 + bytes[body + 1]!
  const payload = qos === 0 ? topicEnd : topicEnd + 2
  if (payload > end) return 'malformed'
  const packetId = qos === 0 ? 0 : bytes[topicEnd]! * 256 + bytes[topicEnd + 1]!
  // [MQTT-2.3.1-1]
  if (qos > 0 && packetId === 0) return 'malformed'
  const topic = topics.read(bytes, body + 2, topicEnd)
  if (topic === null) return 'topic'
  fields.topic = topic
  fields.packetId = packetId
  fields.payload = payload
  return null
}

function checkFilters(
  bytes: Buffer,
  body: number,
  end: number,
  optionBytes: 0 | 1,
  limits: PacketLimits,
): Flaw | null {
  // [MQTT-3.8.3-3, 3.10.3-2]: at least one.
  if (end - body < 2 + 2 + optionBytes || !hasPacketId(bytes, body)) return 'malformed'
  let position = body + 2
  for (let count = 1; position < end; count++) {
    if (count > limits.maxFiltersPerSubscribe) return 'filters'
    if (end - position < 2) return 'malformed'
    const start = position + 2
    position = start + bytes[position]! * 256 + bytes[position + 1]!
    if (position + optionBytes > end) return 'malformed'
    // [MQTT-3-8.3-4]: QoS 0, 1 or 2, nothing else.
    if (optionBytes === 1 && bytes[position]! > 2) return 'malformed'
    if (readFilter(bytes, start, position, limits) === null) return 'filter'
    position += optionBytes
  }
  return null
}

/** [MQTT-2.3.1-1] */
function hasPacketId(bytes: Buffer, at: number): boolean {
  return bytes[at] !== 0 || bytes[at + 1] !== 0
}
