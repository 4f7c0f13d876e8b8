/** CONNECT on its bytes, as far as the guard must know it: MQTT 3.1 and 3.1.1 whole, of MQTT 5 the version. */

import { readText, readTopic, type TopicLimits } from './text.ts'

export type ConnectResult =
  | {
      readonly kind: 'connect'
      readonly level: 3 | 4
      readonly keepAliveS: number
      readonly clientId: string
    }
  | { readonly kind: 'mqtt5' }
  /** The protocol is MQTT, in a version that nobody here speaks. */
  | { readonly kind: 'version'; readonly level: number }
  /** A client id that is not acceptable [MQTT-3.1.3-8, 3.1.3-9]. */
  | { readonly kind: 'client-id' }
  | { readonly kind: 'malformed'; readonly flaw: 'malformed' | 'text' | 'topic' }

const CLEAN_SESSION = 0x02
const WILL = 0x04
const WILL_QOS = 0x18
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USERNAME = 0x80
/** Bridges of Mosquitto set it, to be told where a message came from. */
const BRIDGE_BIT = 0x80
/** Enough for a UUID or a certificate's fingerprint with a prefix; ids stand in lists, logs and keys. */
export const MAX_CLIENT_ID_BYTES = 256

const MALFORMED: ConnectResult = { kind: 'malformed', flaw: 'malformed' }
const BAD_TEXT: ConnectResult = { kind: 'malformed', flaw: 'text' }
const BAD_TOPIC: ConnectResult = { kind: 'malformed', flaw: 'topic' }

export function readConnect(bytes: Buffer, body: number, end: number, limits: TopicLimits): ConnectResult {
  const fields = new Fields(bytes, body, end)
  if (!fields.next()) return MALFORMED
  const name = bytes.toString('latin1', fields.start, fields.end)
  if (name !== 'MQTT' && name !== 'MQIsdp') return MALFORMED
  if (fields.left < 1) return MALFORMED
  const level = fields.byte() & ~BRIDGE_BIT
  if (name === 'MQTT' && level === 5) return { kind: 'mqtt5' }
  // Each name has its level: `MQTT` is not 3.1, and `MQIsdp` nothing else.
  if (level !== (name === 'MQTT' ? 4 : 3)) return { kind: 'version', level }
  if (fields.left < 3) return MALFORMED
  const flags = fields.byte()
  if (!areFlagsValid(flags)) return MALFORMED
  const keepAliveS = fields.byte() * 256 + fields.byte()
  if (!fields.next()) return MALFORMED
  const isIdLong = fields.end - fields.start > MAX_CLIENT_ID_BYTES
  const clientId = readText(bytes, fields.start, fields.end)
  if (clientId === null) return BAD_TEXT
  const flaw = checkRest(fields, bytes, flags, limits)
  if (flaw !== null) return flaw
  const isNameless = clientId === '' && (level === 3 || (flags & CLEAN_SESSION) === 0)
  return isIdLong || isNameless ? { kind: 'client-id' } : { kind: 'connect', level, keepAliveS, clientId }
}

function areFlagsValid(flags: number): boolean {
  // [MQTT-3.1.2-3]
  if ((flags & 1) !== 0) return false
  // [MQTT-3.1.2-11, 3.1.2-13, 3.1.2-15]
  if ((flags & WILL) === 0 && (flags & (WILL_QOS | WILL_RETAIN)) !== 0) return false
  // [MQTT-3.1.2-14]
  if ((flags & WILL_QOS) === WILL_QOS) return false
  // [MQTT-3.1.2-22]
  return (flags & USERNAME) !== 0 || (flags & PASSWORD) === 0
}

/** Will, name, password [MQTT-3.1.3-1]; nothing may follow them. */
function checkRest(fields: Fields, bytes: Buffer, flags: number, limits: TopicLimits): ConnectResult | null {
  if ((flags & WILL) !== 0) {
    if (!fields.next()) return MALFORMED
    if (readTopic(bytes, fields.start, fields.end, limits) === null) return BAD_TOPIC
    if (!fields.next()) return MALFORMED
  }
  if ((flags & USERNAME) !== 0) {
    if (!fields.next()) return MALFORMED
    if (readText(bytes, fields.start, fields.end) === null) return BAD_TEXT
  }
  if ((flags & PASSWORD) !== 0 && !fields.next()) return MALFORMED
  return fields.left === 0 ? null : MALFORMED
}

/** Walks along length-prefixed fields. */
class Fields {
  start = 0
  end = 0
  readonly #bytes: Buffer
  readonly #limit: number
  #position: number

  constructor(bytes: Buffer, position: number, limit: number) {
    this.#bytes = bytes
    this.#position = position
    this.#limit = limit
  }

  get left(): number {
    return this.#limit - this.#position
  }

  byte(): number {
    return this.#bytes[this.#position++]!
  }

  /** False: there is no whole field. */
  next(): boolean {
    if (this.left < 2) return false
    const length = this.byte() * 256 + this.byte()
    if (this.left < length) return false
    this.start = this.#position
    this.end = this.#position + length
    this.#position = this.end
    return true
  }
}

const UNACCEPTABLE_VERSION = 1
const IDENTIFIER_REJECTED = 2

/** In the client's own format, as far as that is known. */
export function refuseVersion(level: number): Buffer {
  // MQTT 5, 3.2.2.2: 0x84, Unsupported Protocol Version; no properties.
  if (level >= 5) return Buffer.from([0x20, 0x03, 0x00, 0x84, 0x00])
  // [MQTT-3.1.2-2]
  return Buffer.from([0x20, 0x02, 0x00, UNACCEPTABLE_VERSION])
}

export function refuseClientId(): Buffer {
  return Buffer.from([0x20, 0x02, 0x00, IDENTIFIER_REJECTED])
}
