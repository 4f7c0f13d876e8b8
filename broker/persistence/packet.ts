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
  /** Of its sender, where that is known. */
  readonly clientId?: string | undefined
  /** Of MQTT 5: forwarded as they came. Aedes copies what has this name, and the next. */
  readonly properties?: Buffer | undefined
  /** When nobody wants it any more, in ms since the epoch. */
  readonly messageExpiry?: number | undefined
}

export function isExpired({ messageExpiry }: Pick<Packet, 'messageExpiry'>): boolean {
  return messageExpiry !== undefined && messageExpiry <= Date.now()
}

/** Of its own memory: a payload from a socket would hold, and drag to the saver's thread, the whole chunk it came in. */
export function ownBytes<T extends Buffer | string>(payload: T): T {
  if (typeof payload === 'string') return payload
  const own = Buffer.allocUnsafeSlow(payload.length)
  payload.copy(own)
  return own as T
}

export function asBuffer(bytes: Uint8Array): Buffer
export function asBuffer(bytes: Uint8Array | null): Buffer | null
export function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
