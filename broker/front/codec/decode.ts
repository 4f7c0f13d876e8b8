/** From the bytes of one whole packet to what it says. Throws a Fault: the connection is closed for it. */

import { variableLength } from './encode.ts'
import { Fault } from './fault.ts'
import {
  type Acknowledgement,
  AUTH,
  type Authentication,
  CONNECT,
  type Connect,
  DISCONNECT,
  type Disconnect,
  type Packet,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  type Publish,
  type QoS,
  SUBSCRIBE,
  type Subscribe,
  type SubscriptionRequest,
  UNSUBSCRIBE,
  type Unsubscribe,
  type WillMessage,
} from './packets.ts'
import { NO_PROPERTIES, readForwardable, readProperties } from './properties.ts'
import { malformed, Reader } from './reader.ts'
import { PROTOCOL_ERROR, SUCCESS, TOPIC_ALIAS_INVALID, UNSUPPORTED_PROTOCOL_VERSION } from './reasons.ts'

/** Knows topic names; null: it is none, or none within the limits. */
export interface KnownTopics {
  read(bytes: Buffer, from: number, to: number): string | null
}

/** `bytes` from `at` to `end`; what follows the remaining length begins at `body`. */
export function decode(bytes: Buffer, at: number, bodyAt: number, end: number, topics: KnownTopics): Packet {
  // [MQTT-1.5.5-1]
  if (bodyAt - at - 1 !== variableLength(end - bodyAt))
    throw malformed('the remaining length has more bytes than it needs')
  const type = bytes[at]! >> 4
  const flags = bytes[at]! & 0x0f
  const body = new Reader(bytes, bodyAt, end)
  if (type === PUBLISH) return decodePublish(flags, body, topics)
  // [MQTT-2.1.3-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1], [MQTT-3.15.1-1]
  const expected = type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? 2 : 0
  if (flags !== expected) throw malformed('reserved flags are set')
  switch (type) {
    case CONNECT:
      return decodeConnect(body)
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
      return decodeAcknowledgement(type, body)
    case SUBSCRIBE:
      return decodeSubscribe(body)
    case UNSUBSCRIBE:
      return decodeUnsubscribe(body)
    case PINGREQ:
      body.finish()
      return { type: PINGREQ }
    case DISCONNECT:
      return decodeDisconnect(body)
    case AUTH:
      return decodeAuthentication(body)
    case 0:
      throw malformed('packet type 0 is reserved')
    default:
      throw new Fault(PROTOCOL_ERROR, 'only a server sends such a packet')
  }
}

const RESERVED_FLAG = 0x01
const CLEAN_START_FLAG = 0x02
const WILL_FLAG = 0x04
const WILL_RETAIN_FLAG = 0x20
const PASSWORD_FLAG = 0x40
const USER_NAME_FLAG = 0x80

function decodeConnect(body: Reader): Connect {
  // [MQTT-3.1.2-1], [MQTT-3.1.2-2]
  if (body.text() !== 'MQTT' || body.byte() !== 5)
    throw new Fault(UNSUPPORTED_PROTOCOL_VERSION, 'it is not MQTT 5')
  const flags = body.byte()
  // [MQTT-3.1.2-3]
  if ((flags & RESERVED_FLAG) !== 0) throw malformed('the reserved flag of CONNECT is set')
  const keepAliveS = body.twoBytes()
  const properties = readProperties(body, 'C')
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined)
    throw new Fault(PROTOCOL_ERROR, 'authentication data without a method')
  // [MQTT-3.1.3-1]: the payload in this order.
  const clientId = body.text()
  const will = decodeWill(flags, body)
  // [MQTT-3.1.2-16] to [MQTT-3.1.2-19]: what is flagged is there, and nothing else.
  const username = (flags & USER_NAME_FLAG) === 0 ? null : body.text()
  const password = (flags & PASSWORD_FLAG) === 0 ? null : body.binary()
  body.finish()
  const isCleanStart = (flags & CLEAN_START_FLAG) !== 0
  return { type: CONNECT, clientId, isCleanStart, keepAliveS, properties, will, username, password }
}

function decodeWill(flags: number, body: Reader): WillMessage | null {
  const qos = (flags >> 3) & 3
  const retain = (flags & WILL_RETAIN_FLAG) !== 0
  if ((flags & WILL_FLAG) === 0) {
    // [MQTT-3.1.2-11], [MQTT-3.1.2-13]
    if (qos !== 0 || retain) throw malformed('there is no will, but flags for it')
    return null
  }
  // [MQTT-3.1.2-12]
  if (qos === 3) throw malformed('the will has QoS 3')
  const { properties, raw } = readForwardable(body, 'W')
  const topic = body.text()
  if (!isTopicName(topic)) throw malformed('the topic of the will has a wildcard, or is empty')
  return { topic, payload: body.binary(), qos: qos as QoS, retain, properties, raw }
}

function decodePublish(flags: number, body: Reader, topics: KnownTopics): Publish {
  const qos = (flags >> 1) & 3
  const dup = (flags & 8) !== 0
  // [MQTT-3.3.1-4]
  if (qos === 3) throw malformed('PUBLISH has QoS 3')
  // [MQTT-3.3.1-2]
  if (dup && qos === 0) throw malformed('PUBLISH has DUP with QoS 0')
  const known = readKnownTopic(body, topics)
  const topic = known ?? readTopic(body)
  // [MQTT-2.2.1-2]
  const packetId = qos === 0 ? 0 : readPacketId(body)
  const { properties, raw } = readForwardable(body, 'P')
  const { topicAlias, subscriptionId } = properties
  // [MQTT-3.3.4-6]
  if (subscriptionId !== undefined)
    throw new Fault(PROTOCOL_ERROR, 'a client sends no subscription identifier in PUBLISH')
  // [MQTT-3.3.2-8]
  if (topicAlias === 0) throw new Fault(TOPIC_ALIAS_INVALID, 'topic alias 0')
  // 3.3.2.3.4
  if (topic === '' && topicAlias === undefined) throw new Fault(PROTOCOL_ERROR, 'neither topic nor alias')
  const retain = (flags & 1) !== 0
  return {
    type: PUBLISH,
    topic,
    payload: body.rest(),
    qos: qos as QoS,
    retain,
    dup,
    packetId,
    isKnownTopic: known !== null,
    properties,
    raw,
  }
}

function readKnownTopic(body: Reader, topics: KnownTopics): string | null {
  const before = body.at
  const end = body.twoBytes() + body.at
  const known = end <= body.end ? topics.read(body.bytes, body.at, end) : null
  body.at = known === null ? before : end
  return known
}

function readTopic(body: Reader): string {
  const topic = body.text()
  // [MQTT-3.3.2-2]
  if (topic !== '' && !isTopicName(topic)) throw malformed('a topic name has a wildcard')
  return topic
}

function decodeAcknowledgement(type: Acknowledgement['type'], body: Reader): Acknowledgement {
  const packetId = readPacketId(body)
  // 3.4.2.1: without reason code it is success; without property length there are no properties.
  const code = body.isAtEnd ? SUCCESS : body.byte()
  if (!body.isAtEnd) readProperties(body, 'A')
  body.finish()
  if (!ACKNOWLEDGING[type].includes(code)) throw new Fault(PROTOCOL_ERROR, 'an unknown reason code')
  return { type, packetId, code }
}

const RECEIVED = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]
/** [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1] */
const ACKNOWLEDGING: Readonly<Record<Acknowledgement['type'], readonly number[]>> = {
  [PUBACK]: RECEIVED,
  [PUBREC]: RECEIVED,
  [PUBREL]: [0x00, 0x92],
  [PUBCOMP]: [0x00, 0x92],
}

function decodeSubscribe(body: Reader): Subscribe {
  const packetId = readPacketId(body)
  const { subscriptionId } = readProperties(body, 'S')
  const requests: SubscriptionRequest[] = []
  while (!body.isAtEnd) requests.push(decodeRequest(body.text(), body.byte()))
  // [MQTT-3.8.3-2]
  if (requests.length === 0) throw new Fault(PROTOCOL_ERROR, 'SUBSCRIBE without a filter')
  return { type: SUBSCRIBE, packetId, subscriptionId, requests }
}

function decodeRequest(filter: string, options: number): SubscriptionRequest {
  const qos = options & 3
  const retainHandling = (options >> 4) & 3
  // [MQTT-3.8.3-5]
  if ((options & 0xc0) !== 0) throw malformed('reserved subscription options are set')
  if (qos === 3 || retainHandling === 3)
    throw new Fault(PROTOCOL_ERROR, 'a subscription option that there is not')
  const isNoLocal = (options & 4) !== 0
  // [MQTT-3.8.3-4]
  if (isNoLocal && filter.startsWith('$share/'))
    throw new Fault(PROTOCOL_ERROR, 'no local on a shared subscription')
  return {
    filter,
    qos: qos as QoS,
    isNoLocal,
    isRetainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling as 0 | 1 | 2,
  }
}

function decodeUnsubscribe(body: Reader): Unsubscribe {
  const packetId = readPacketId(body)
  readProperties(body, 'U')
  const filters: string[] = []
  while (!body.isAtEnd) filters.push(body.text())
  // [MQTT-3.10.3-2]
  if (filters.length === 0) throw new Fault(PROTOCOL_ERROR, 'UNSUBSCRIBE without a filter')
  return { type: UNSUBSCRIBE, packetId, filters }
}

/** [MQTT-3.14.2-1] for what clients may say. */
const DISCONNECTING = [0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]

function decodeDisconnect(body: Reader): Disconnect {
  // 3.14.2.1, 3.14.2.2.1
  const code = body.isAtEnd ? SUCCESS : body.byte()
  const properties = body.isAtEnd ? NO_PROPERTIES : readProperties(body, 'D')
  body.finish()
  if (!DISCONNECTING.includes(code)) throw new Fault(PROTOCOL_ERROR, 'an unknown reason code')
  return { type: DISCONNECT, code, properties }
}

function decodeAuthentication(body: Reader): Authentication {
  // 3.15.2.1
  const code = body.isAtEnd ? SUCCESS : body.byte()
  const properties = body.isAtEnd ? NO_PROPERTIES : readProperties(body, 'H')
  body.finish()
  return { type: AUTH, code, properties }
}

/** [MQTT-2.2.1-3] */
function readPacketId(body: Reader): number {
  const packetId = body.twoBytes()
  if (packetId === 0) throw new Fault(PROTOCOL_ERROR, 'packet identifier 0')
  return packetId
}

/** [MQTT-4.7.0-1], [MQTT-4.7.3-1]. Nulls are found by the reader, lengths bounded by the format. */
function isTopicName(topic: string): boolean {
  return topic !== '' && !topic.includes('+') && !topic.includes('#')
}
