/**
 * MQTT 3.1.1 in bytes, written from the standard alone. The broker reads and writes by a library; the tests do not, so
 * that the two cannot err together. What is sent may be wrong in any way; what comes must be right in every bit.
 */

export type Qos = 0 | 1 | 2

export interface Will {
  readonly topic: string | Buffer
  readonly payload?: string
  readonly qos?: number
  readonly retain?: boolean
}

export interface ConnectFields {
  readonly protocol?: string
  readonly level?: number
  readonly clientId?: string | Buffer
  readonly clean?: boolean
  /** Seconds. */
  readonly keepAlive?: number
  readonly will?: Will
  readonly username?: string | Buffer
  readonly password?: string
  /** Flags to be flipped, whatever the payload holds. */
  readonly flip?: number
  /** After the payload. */
  readonly rest?: Buffer
}

export interface PublishFields {
  readonly topic: string | Buffer
  readonly payload?: string | Buffer
  readonly qos?: number
  readonly retain?: boolean
  readonly dup?: boolean
  /** Sent with QoS 1 and 2. */
  readonly id?: number
}

/** What the broker may send. */
export type Received =
  | { readonly kind: 'connack'; readonly sessionPresent: boolean; readonly code: number }
  | {
      readonly kind: 'publish'
      readonly topic: string
      readonly payload: string
      readonly qos: Qos
      readonly retain: boolean
      readonly dup: boolean
      /** 0: none, as with QoS 0. */
      readonly id: number
    }
  | { readonly kind: 'puback'; readonly id: number }
  | { readonly kind: 'pubrec'; readonly id: number }
  | { readonly kind: 'pubrel'; readonly id: number }
  | { readonly kind: 'pubcomp'; readonly id: number }
  | { readonly kind: 'unsuback'; readonly id: number }
  | { readonly kind: 'suback'; readonly id: number; readonly codes: readonly number[] }
  | { readonly kind: 'pingresp' }

export type Kind = Received['kind']

export const TYPE = {
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
} as const

/** Of a CONNECT. */
export const FLAG = {
  reserved: 1,
  clean: 2,
  will: 4,
  willQos1: 8,
  willQos2: 16,
  willRetain: 32,
  password: 64,
  username: 128,
} as const

export const PINGREQ = packet(TYPE.pingreq, 0)
export const DISCONNECT = packet(TYPE.disconnect, 0)

/** One with any first byte and any body. */
export function packet(type: number, flags: number, ...body: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(body)
  return Buffer.concat([Buffer.from([(type << 4) | flags]), remainingLength(bytes.length), bytes])
}

export function connect(fields: ConnectFields = {}): Buffer {
  const { protocol = 'MQTT', level = 4, clientId = '', clean = true, keepAlive = 0, will } = fields
  const { username, password, flip = 0, rest = Buffer.alloc(0) } = fields
  let flags = clean ? FLAG.clean : 0
  const payload = [text(clientId)]
  if (will !== undefined) {
    flags |= FLAG.will | ((will.qos ?? 0) << 3) | (will.retain === true ? FLAG.willRetain : 0)
    payload.push(text(will.topic), text(will.payload ?? ''))
  }
  if (username !== undefined) {
    flags |= FLAG.username
    payload.push(text(username))
  }
  if (password !== undefined) {
    flags |= FLAG.password
    payload.push(text(password))
  }
  const header = [text(protocol), Buffer.from([level, flags ^ flip]), uint16(keepAlive)]
  return packet(TYPE.connect, 0, ...header, ...payload, rest)
}

export function publish({ topic, payload = '', qos = 0, retain, dup, id = 1 }: PublishFields): Buffer {
  const flags = (dup === true ? 8 : 0) | (qos << 1) | (retain === true ? 1 : 0)
  const idBytes = qos > 0 ? [uint16(id)] : []
  return packet(TYPE.publish, flags, text(topic), ...idBytes, Buffer.from(payload))
}

export function subscribe(id: number, filters: readonly (readonly [string | Buffer, number])[]): Buffer {
  return packet(
    TYPE.subscribe,
    2,
    uint16(id),
    ...filters.flatMap(([filter, qos]) => [text(filter), Buffer.from([qos])]),
  )
}

export function unsubscribe(id: number, filters: readonly (string | Buffer)[]): Buffer {
  return packet(TYPE.unsubscribe, 2, uint16(id), ...filters.map(text))
}

export function acknowledge(kind: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', id: number): Buffer {
  return packet(TYPE[kind], kind === 'pubrel' ? 2 : 0, uint16(id))
}

/** With its length before it. */
export function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint16(bytes.length), bytes])
}

export function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

export function remainingLength(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  do {
    const low = rest % 128
    rest = Math.floor(rest / 128)
    bytes.push(rest > 0 ? low | 128 : low)
  } while (rest > 0)
  return Buffer.from(bytes)
}

/** Null: not whole yet. Throws when the broker had no right to send it. */
export function read(bytes: Buffer): { readonly received: Received; readonly length: number } | null {
  let length = 0
  let at = 1
  for (let shift = 0; ; shift += 7) {
    if (at >= bytes.length) return null
    const digit = bytes[at++]!
    length += (digit & 127) << shift
    if ((digit & 128) === 0) break
    demand(shift < 21, 'a remaining length of at most four bytes')
  }
  if (bytes.length < at + length) return null
  const first = bytes[0]!
  const received = decode(first >> 4, first & 15, bytes.subarray(at, at + length))
  return { received, length: at + length }
}

function decode(type: number, flags: number, body: Buffer): Received {
  if (type === TYPE.publish) return decodePublish(flags, body)
  demand(flags === (type === TYPE.pubrel ? 2 : 0), `flags of packet type ${type}, not ${flags}`)
  switch (type) {
    case TYPE.connack:
      demand(body.length === 2 && body[0]! <= 1 && body[1]! <= 5, 'two bytes of CONNACK')
      demand(body[0] === 0 || body[1] === 0, 'no session present beside a refusal')
      return { kind: 'connack', sessionPresent: body[0] === 1, code: body[1]! }
    case TYPE.puback:
      return { kind: 'puback', id: onlyId(body) }
    case TYPE.pubrec:
      return { kind: 'pubrec', id: onlyId(body) }
    case TYPE.pubrel:
      return { kind: 'pubrel', id: onlyId(body) }
    case TYPE.pubcomp:
      return { kind: 'pubcomp', id: onlyId(body) }
    case TYPE.unsuback:
      return { kind: 'unsuback', id: onlyId(body) }
    case TYPE.suback: {
      const codes = [...body.subarray(2)]
      demand(
        codes.every(code => [0, 1, 2, 128].includes(code)),
        `codes of SUBACK, not ${codes}`,
      )
      return { kind: 'suback', id: idOf(body), codes }
    }
    case TYPE.pingresp:
      demand(body.length === 0, 'an empty PINGRESP')
      return { kind: 'pingresp' }
    default:
      throw new Error(`the broker sent a packet of type ${type}`)
  }
}

function decodePublish(flags: number, body: Buffer): Received {
  const qos = (flags >> 1) & 3
  const dup = flags >= 8
  demand(qos < 3 && !(dup && qos === 0), 'QoS and DUP')
  const topicLength = body.readUInt16BE(0)
  const topic = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
    body.subarray(2, 2 + topicLength),
  )
  demand(topic.length > 0 && !/[+#\0]/.test(topic), `a topic, not ${topic}`)
  const rest = body.subarray(2 + topicLength)
  const id = qos > 0 ? idOf(rest) : 0
  const payload = rest.subarray(qos > 0 ? 2 : 0).toString()
  return { kind: 'publish', topic, payload, qos: qos as Qos, retain: (flags & 1) === 1, dup, id }
}

function onlyId(body: Buffer): number {
  demand(body.length === 2, 'a packet identifier and nothing else')
  return idOf(body)
}

function idOf(body: Buffer): number {
  const id = body.readUInt16BE(0)
  demand(id > 0, 'a packet identifier other than 0')
  return id
}

function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the broker owes ${what}`)
}
