/** The packets that a server sends, as bytes. Acknowledgements of success are the same in all versions. */

import type { PublishHead } from './codec.ts'
import {
  CONNACK,
  DISCONNECT,
  PINGRESP,
  type PUBACK,
  type PUBCOMP,
  PUBLISH,
  type PUBREC,
  PUBREL,
  SUBACK,
  UNSUBACK,
} from './packets.ts'
import type { Properties } from './properties.ts'
import { SUCCESS } from './reasons.ts'

export const PING_RESPONSE = Buffer.from([PINGRESP << 4, 0])

/** A byte has seven bits of a number (1.5.5). */
export function variableLength(value: number): 1 | 2 | 3 | 4 {
  if (value < 128) return 1
  if (value < 16_384) return 2
  return value < 2_097_152 ? 3 : 4
}

/** Returns where the next byte goes. */
export function writeVariable(bytes: Buffer, at: number, value: number): number {
  let rest = value
  while (rest >= 128) {
    bytes[at++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  bytes[at++] = rest
  return at
}

/** [MQTT-2.2.2-1]: without properties the length is there all the same. */
function propertyBytes(properties: Properties): Buffer {
  const parts: Buffer[] = []
  for (const [name, write] of WRITERS) {
    const value = properties[name]
    if (value !== undefined) parts.push(write(value as never))
  }
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(variableLength(body.length))
  writeVariable(length, 0, body.length)
  return Buffer.concat([length, body])
}

/** Of a request (4.10), as they stand in PUBLISH. */
export function encodeRequestProperties(responseTopic: string, correlationData?: Uint8Array): Buffer {
  const topic = text(0x08)(responseTopic)
  if (correlationData === undefined) return topic
  const { length } = correlationData
  return Buffer.concat([topic, Buffer.from([0x09, length >> 8, length & 0xff]), correlationData])
}

const twoBytes = (id: number) => (value: number) => Buffer.from([id, value >> 8, value & 0xff])
const fourBytes = (id: number) => (value: number) => {
  const bytes = Buffer.alloc(5)
  bytes[0] = id
  bytes.writeUInt32BE(value, 1)
  return bytes
}
const text = (id: number) => (value: string) => {
  const encoded = Buffer.from(value)
  return Buffer.concat([Buffer.from([id, encoded.length >> 8, encoded.length & 0xff]), encoded])
}

/** Of CONNACK, SUBACK and DISCONNECT. What is not told has the value that the specification gives it. */
const WRITERS: readonly (readonly [keyof Properties, (value: never) => Buffer])[] = [
  ['sessionExpiryS', fourBytes(0x11)],
  ['receiveMaximum', twoBytes(0x21)],
  ['maximumPacketSize', fourBytes(0x27)],
  ['assignedClientId', text(0x12)],
  ['topicAliasMaximum', twoBytes(0x22)],
  ['serverKeepAliveS', twoBytes(0x13)],
  ['reasonString', text(0x1f)],
]

function packet(firstByte: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.alloc(1 + variableLength(length))
  header[0] = firstByte
  writeVariable(header, 1, length)
  return Buffer.concat([header, ...parts])
}

export function encodeConnack(isSessionPresent: boolean, code: number, properties: Properties): Buffer {
  // [MQTT-3.2.2-1], [MQTT-3.2.2-6]
  const flags = isSessionPresent && code === SUCCESS ? 1 : 0
  return packet(CONNACK << 4, Uint8Array.of(flags, code), propertyBytes(properties))
}

export type AcknowledgementType = typeof PUBACK | typeof PUBREC | typeof PUBREL | typeof PUBCOMP

/** 3.4.2.1: success needs no reason code, and without properties there is no length of them. */
export function encodeAcknowledgement(type: AcknowledgementType, packetId: number, code: number): Buffer {
  const bytes = Buffer.allocUnsafe(acknowledgementBytes(code))
  writeAcknowledgement(bytes, 0, type, packetId, code)
  return bytes
}

export function acknowledgementBytes(code: number): number {
  return code === SUCCESS ? 4 : 5
}

/** Returns where the next one begins. */
export function writeAcknowledgement(
  bytes: Buffer,
  at: number,
  type: AcknowledgementType,
  packetId: number,
  code: number,
): number {
  const end = at + acknowledgementBytes(code)
  bytes[at] = (type << 4) | (type === PUBREL ? 2 : 0)
  bytes[at + 1] = end - at - 2
  bytes[at + 2] = packetId >> 8
  bytes[at + 3] = packetId & 0xff
  if (code !== SUCCESS) bytes[at + 4] = code
  return end
}

/** [MQTT-3.8.4-2], [MQTT-3.9.3-1] */
export function encodeSuback(packetId: number, codes: readonly number[], properties: Properties): Buffer {
  return packet(SUBACK << 4, twoByteId(packetId), propertyBytes(properties), Uint8Array.from(codes))
}

/** [MQTT-3.10.4-5], [MQTT-3.11.3-1] */
export function encodeUnsuback(packetId: number, codes: readonly number[]): Buffer {
  return packet(UNSUBACK << 4, twoByteId(packetId), Uint8Array.of(0), Uint8Array.from(codes))
}

export function encodeDisconnect(code: number, properties: Properties): Buffer {
  return packet(DISCONNECT << 4, Uint8Array.of(code), propertyBytes(properties))
}

function twoByteId(packetId: number): Uint8Array {
  return Uint8Array.of(packetId >> 8, packetId & 0xff)
}

/** A PUBLISH but for its payload, which follows: it is shared by all who get it. */
export function encodePublishHead(message: PublishHead): Buffer {
  const { topic, qos, raw, messageExpiryS, topicAlias, subscriptionIds, payloadBytes } = message
  const topicBytes = Buffer.byteLength(topic)
  const expiryBytes = messageExpiryS === null ? 0 : 5
  const aliasBytes = topicAlias === 0 ? 0 : 3
  let idBytes = 0
  if (subscriptionIds !== null) for (const id of subscriptionIds) idBytes += 1 + variableLength(id)
  const properties = (raw?.length ?? 0) + expiryBytes + aliasBytes + idBytes
  const headBytes = 2 + topicBytes + (qos > 0 ? 2 : 0) + variableLength(properties) + properties
  const remaining = headBytes + payloadBytes
  const bytes = Buffer.allocUnsafe(1 + variableLength(remaining) + headBytes)
  bytes[0] = (PUBLISH << 4) | (message.dup ? 8 : 0) | (qos << 1) | (message.retain ? 1 : 0)
  let at = writeVariable(bytes, 1, remaining)
  bytes[at++] = topicBytes >> 8
  bytes[at++] = topicBytes & 0xff
  at += bytes.write(topic, at)
  if (qos > 0) {
    bytes[at++] = message.packetId >> 8
    bytes[at++] = message.packetId & 0xff
  }
  at = writeVariable(bytes, at, properties)
  if (raw !== null) at += raw.copy(bytes, at)
  if (messageExpiryS !== null) {
    bytes[at++] = 0x02
    at = bytes.writeUInt32BE(messageExpiryS, at)
  }
  if (topicAlias !== 0) {
    bytes[at++] = 0x23
    at = bytes.writeUInt16BE(topicAlias, at)
  }
  if (subscriptionIds !== null) {
    for (const id of subscriptionIds) {
      bytes[at++] = 0x0b
      at = writeVariable(bytes, at, id)
    }
  }
  return bytes
}
