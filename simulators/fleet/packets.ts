/**
 * The few bytes of MQTT 3.1.1 that a publisher needs, without a library in between: PUBLISH as one Latin-1 string
 * (a third faster to write than a Buffer put together from parts), and a reader of acknowledgements.
 *
 *   PUBLISH   3 dup qos retain | remaining length | topic length, topic | packet id (QoS 1, 2) | payload
 *   PUBACK    0x40 2 id id     PUBREC 0x50 2 id id     PUBREL 0x62 2 id id     PUBCOMP 0x70 2 id id
 */

export const CONNACK = 2
export const PUBACK = 4
export const PUBREC = 5
export const PUBCOMP = 7
export const SUBACK = 9

export const PINGREQ = '\xc0\x00'
export const DISCONNECT = '\xe0\x00'

export interface PublishFlags {
  readonly qos: 0 | 1 | 2
  readonly packetId: number
  readonly dup?: boolean
}

/** `topic` as `encodeTopic` made it; `payload` one byte a character. */
export function publishPacket(
  topic: string,
  payload: string,
  { qos, packetId, dup = false }: PublishFlags,
): string {
  const first = String.fromCharCode(0x30 | (dup ? 8 : 0) | (qos << 1))
  const id = qos === 0 ? '' : twoBytes(packetId)
  return first + remainingLength(topic.length + id.length + payload.length) + topic + id + payload
}

export function pubrelPacket(packetId: number): string {
  return `\x62\x02${twoBytes(packetId)}`
}

/** Topic with its length, one byte a character. */
export function encodeTopic(topic: string): string {
  const bytes = latin1(topic)
  return twoBytes(bytes.length) + bytes
}

/** UTF-8, one byte a character. */
export function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function twoBytes(value: number): string {
  return String.fromCharCode(value >> 8, value & 255)
}

function remainingLength(length: number): string {
  if (length < 128) return String.fromCharCode(length)
  if (length < 16_384) return String.fromCharCode((length & 127) | 128, length >> 7)
  if (length < 2_097_152) {
    return String.fromCharCode((length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14)
  }
  const low = [(length & 127) | 128, ((length >> 7) & 127) | 128, ((length >> 14) & 127) | 128]
  return String.fromCharCode(...low, length >> 21)
}

/** `code`: what follows as the second byte of a CONNACK; `id` of an acknowledgement. */
export type OnPacket = (type: number, id: number, code: number) => void

/** Cuts what the broker sends into packets; cares for the first bytes only. */
export class AckReader {
  readonly #onPacket: OnPacket
  #rest: Buffer | null = null

  constructor(onPacket: OnPacket) {
    this.#onPacket = onPacket
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    this.#rest = null
    let at = 0
    while (at < bytes.length) {
      const bodyAt = endOfLength(bytes, at + 1)
      if (bodyAt === -1) break
      const end = bodyAt + lengthAt(bytes, at + 1)
      if (end > bytes.length) break
      const type = bytes[at]! >> 4
      const id = end - bodyAt >= 2 ? (bytes[bodyAt]! << 8) | bytes[bodyAt + 1]! : 0
      this.#onPacket(type, id, id & 255)
      at = end
    }
    if (at < bytes.length) this.#rest = at === 0 ? bytes : bytes.subarray(at)
  }
}

/** Where the remaining length ends; -1 when its last byte has not come. */
function endOfLength(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length && at < from + 4; at++) if (bytes[at]! < 128) return at + 1
  return -1
}

function lengthAt(bytes: Buffer, from: number): number {
  let length = 0
  for (let at = from, shift = 0; ; at++, shift += 7) {
    length |= (bytes[at]! & 127) << shift
    if (bytes[at]! < 128) return length
  }
}
