/** What Aedes hands to a persistence, as far as it is needed here. */

export interface Host {
  readonly id: string
  readonly clients?: Readonly<Record<string, unknown>>
}

export interface Party {
  readonly id: string
  /** Of a connection: what it leaves ends with it. */
  readonly clean?: boolean
}

export interface Packet {
  readonly cmd?: string
  readonly topic: string
  readonly payload: Buffer | string
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly brokerId?: string
  readonly brokerCounter?: number
  messageId?: number | undefined
}

/** Of its own memory: a payload from a socket would hold, and drag to the saver's thread, the whole chunk it came in. */
export function ownBytes<T extends Buffer | string>(payload: T): T {
  if (typeof payload === 'string') return payload
  const own = Buffer.allocUnsafeSlow(payload.length)
  payload.copy(own)
  return own as T
}

export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
