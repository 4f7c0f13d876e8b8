/**
 * MQTT 3.1.1 (OASIS Standard, 29 October 2014), and 3.1 before it. Packets are checked on their bytes first
 * (mqtt3-checks.ts), CONNECT by the guard itself; what is read here is as it should be.
 */

import type { Topics } from '../../guard/topics.ts'
import type { Codec, PublishHead } from './codec.ts'
import { variableLength, writeVariable } from './encode.ts'
import { Fault } from './fault.ts'
import { checkPacket, type Flaw, type PacketLimits, type PublishFields, readPublish } from './mqtt3-checks.ts'
import {
  CONNACK,
  CONNECT,
  type Connect,
  DISCONNECT,
  type Packet,
  PINGREQ,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  type Publish,
  type QoS,
  SUBACK,
  SUBSCRIBE,
  type Subscribe,
  type SubscriptionRequest,
  UNSUBACK,
  UNSUBSCRIBE,
  type Unsubscribe,
  type WillMessage,
} from './packets.ts'
import { NO_PROPERTIES } from './properties.ts'
import { Reader } from './reader.ts'
import * as reasons from './reasons.ts'

const DUP = 0x08
/** 3.1 lets a client mark what it sends again, also where 3.1.1 has a fixed flag. */
const MAY_BE_DUP_IN_3_1: readonly number[] = [PUBREL, SUBSCRIBE, UNSUBSCRIBE]

/** Of CONNACK [MQTT-3.2.2-4]; others close the connection without one. */
const RETURN_CODES: ReadonlyMap<number, number> = new Map([
  [reasons.SUCCESS, 0],
  [reasons.CLIENT_IDENTIFIER_NOT_VALID, 2],
  [reasons.SERVER_UNAVAILABLE, 3],
  [reasons.BAD_USER_NAME_OR_PASSWORD, 4],
  [reasons.NOT_AUTHORIZED, 5],
])
const SUBSCRIBE_FAILED = 0x80

/** Of a packet that was just read. */
const fields: PublishFields = { topic: '', packetId: 0, payload: 0 }

export function mqtt3Codec(version: 3 | 4, topics: Topics, limits: PacketLimits): Codec {
  return {
    version,
    saysWhy: false,
    decode(bytes, at, body, end) {
      const type = bytes[at]! >> 4
      if (version === 3 && MAY_BE_DUP_IN_3_1.includes(type)) bytes[at]! &= ~DUP
      if (type === PUBLISH) return decodePublish(bytes, bytes[at]!, body, end, topics)
      if (type === CONNECT) return decodeConnect(new Reader(bytes, body, end))
      const flaw = checkPacket(bytes, at, body, end, limits)
      if (flaw !== null) throw flawed(flaw)
      return decodeChecked(type, new Reader(bytes, body, end))
    },
    connack(isSessionPresent, code) {
      const returnCode = RETURN_CODES.get(code)
      if (returnCode === undefined) return null
      // [MQTT-3.2.2-1] to [MQTT-3.2.2-4]; in 3.1 the byte is reserved.
      const isTold = isSessionPresent && returnCode === 0 && version === 4
      return Buffer.from([CONNACK << 4, 2, isTold ? 1 : 0, returnCode])
    },
    suback(packetId, codes) {
      const bytes = Buffer.alloc(1 + variableLength(2 + codes.length) + 2 + codes.length)
      bytes[0] = SUBACK << 4
      let at = bytes.writeUInt16BE(packetId, writeVariable(bytes, 1, 2 + codes.length))
      // [MQTT-3.9.3-2]
      for (const code of codes) bytes[at++] = reasons.isRefusal(code) ? SUBSCRIBE_FAILED : code
      return bytes
    },
    unsuback: packetId => Buffer.from([UNSUBACK << 4, 2, packetId >> 8, packetId & 0xff]),
    disconnect: () => null,
    publishHead: encodePublishHead,
  }
}

function flawed(flaw: Flaw): Fault {
  return new Fault(reasons.MALFORMED_PACKET, flaw, flaw)
}

const CLEAN_SESSION_FLAG = 0x02
const WILL_FLAG = 0x04
const WILL_RETAIN_FLAG = 0x20
const PASSWORD_FLAG = 0x40
const USER_NAME_FLAG = 0x80

function decodeConnect(body: Reader): Connect {
  // Name and level of the protocol picked this codec.
  body.text()
  body.byte()
  const flags = body.byte()
  const keepAliveS = body.twoBytes()
  // [MQTT-3.1.3-1]: the payload in this order.
  const clientId = body.text()
  const will = (flags & WILL_FLAG) === 0 ? null : decodeWill(flags, body)
  const username = (flags & USER_NAME_FLAG) === 0 ? null : body.text()
  const password = (flags & PASSWORD_FLAG) === 0 ? null : body.binary()
  return {
    type: CONNECT,
    clientId,
    isCleanStart: (flags & CLEAN_SESSION_FLAG) !== 0,
    keepAliveS,
    properties: NO_PROPERTIES,
    will,
    username,
    password,
  }
}

function decodeWill(flags: number, body: Reader): WillMessage {
  return {
    topic: body.text(),
    payload: body.binary(),
    qos: ((flags >> 3) & 3) as QoS,
    retain: (flags & WILL_RETAIN_FLAG) !== 0,
    properties: NO_PROPERTIES,
    raw: null,
  }
}

function decodePublish(bytes: Buffer, first: number, body: number, end: number, topics: Topics): Publish {
  const flaw = readPublish(bytes, first, body, end, topics, fields)
  if (flaw !== null) throw flawed(flaw)
  return {
    type: PUBLISH,
    topic: fields.topic,
    payload: bytes.subarray(fields.payload, end),
    qos: ((first >> 1) & 3) as QoS,
    retain: (first & 1) !== 0,
    dup: (first & DUP) !== 0,
    packetId: fields.packetId,
    isKnownTopic: true,
    properties: NO_PROPERTIES,
    raw: null,
  }
}

function decodeChecked(type: number, body: Reader): Packet {
  switch (type) {
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
      return { type, packetId: body.twoBytes(), code: reasons.SUCCESS }
    case SUBSCRIBE:
      return decodeSubscribe(body)
    case UNSUBSCRIBE:
      return decodeUnsubscribe(body)
    case PINGREQ:
      return { type: PINGREQ }
    default:
      return { type: DISCONNECT, code: reasons.SUCCESS, properties: NO_PROPERTIES }
  }
}

function decodeSubscribe(body: Reader): Subscribe {
  const packetId = body.twoBytes()
  const requests: SubscriptionRequest[] = []
  while (!body.isAtEnd) {
    const filter = body.text()
    // 3.3.1.3: what is forwarded says that it was retained only when the subscription brought it.
    const defaults = { isNoLocal: false, isRetainAsPublished: false, retainHandling: 0 } as const
    requests.push({ filter, qos: body.byte() as QoS, ...defaults })
  }
  return { type: SUBSCRIBE, packetId, subscriptionId: undefined, requests }
}

function decodeUnsubscribe(body: Reader): Unsubscribe {
  const packetId = body.twoBytes()
  const filters: string[] = []
  while (!body.isAtEnd) filters.push(body.text())
  return { type: UNSUBSCRIBE, packetId, filters }
}

/** Properties of the sender, which the receiver could not read, are left out. */
function encodePublishHead({ topic, qos, retain, dup, packetId, payloadBytes }: PublishHead): Buffer {
  const topicBytes = Buffer.byteLength(topic)
  const headBytes = 2 + topicBytes + (qos > 0 ? 2 : 0)
  const remaining = headBytes + payloadBytes
  const bytes = Buffer.allocUnsafe(1 + variableLength(remaining) + headBytes)
  bytes[0] = (PUBLISH << 4) | (dup ? DUP : 0) | (qos << 1) | (retain ? 1 : 0)
  let at = writeVariable(bytes, 1, remaining)
  at = bytes.writeUInt16BE(topicBytes, at)
  at += bytes.write(topic, at)
  if (qos > 0) bytes.writeUInt16BE(packetId, at)
  return bytes
}
