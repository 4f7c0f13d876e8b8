/**
 * Properties (2.2.2): which there are, which packets may carry them, and how they are read and written. Only those
 * that a server reads or sends stand here.
 *
 * A PUBLISH is forwarded with its properties as they came, byte by byte and in their order [MQTT-3.3.2-4],
 * [MQTT-3.3.2-15] to [MQTT-3.3.2-18], [MQTT-3.3.2-20]. Three are between one sender and one receiver, and left out of
 * that: message expiry interval, which counts down, topic alias and subscription identifier.
 */

import { Fault } from './fault.ts'
import { malformed, type Reader } from './reader.ts'
import { PROTOCOL_ERROR } from './reasons.ts'

export type Pair = readonly [string, string]

export interface Properties {
  payloadFormat?: number
  messageExpiryS?: number
  contentType?: string
  responseTopic?: string
  correlationData?: Buffer
  subscriptionId?: number
  sessionExpiryS?: number
  assignedClientId?: string
  serverKeepAliveS?: number
  authenticationMethod?: string
  authenticationData?: Buffer
  requestProblemInformation?: number
  willDelayS?: number
  requestResponseInformation?: number
  reasonString?: string
  receiveMaximum?: number
  topicAliasMaximum?: number
  topicAlias?: number
  maximumPacketSize?: number
  userProperties?: Pair[]
}

type Kind = 'byte' | 'twoBytes' | 'fourBytes' | 'variableInteger' | 'text' | 'binary' | 'pair'

interface Known {
  readonly name: keyof Properties
  readonly kind: Kind
  /** Of what packets a client may send with it; none: only a server sends it. */
  readonly in: string
}

/** By identifier. The letters: Connect, Will, Publish, Acknowledgements, Subscribe, Unsubscribe, Disconnect, aUth. */
const KNOWN = new Map<number, Known>([
  [0x01, { name: 'payloadFormat', kind: 'byte', in: 'WP' }],
  [0x02, { name: 'messageExpiryS', kind: 'fourBytes', in: 'WP' }],
  [0x03, { name: 'contentType', kind: 'text', in: 'WP' }],
  [0x08, { name: 'responseTopic', kind: 'text', in: 'WP' }],
  [0x09, { name: 'correlationData', kind: 'binary', in: 'WP' }],
  [0x0b, { name: 'subscriptionId', kind: 'variableInteger', in: 'PS' }],
  [0x11, { name: 'sessionExpiryS', kind: 'fourBytes', in: 'CD' }],
  [0x12, { name: 'assignedClientId', kind: 'text', in: '' }],
  [0x13, { name: 'serverKeepAliveS', kind: 'twoBytes', in: '' }],
  [0x15, { name: 'authenticationMethod', kind: 'text', in: 'CH' }],
  [0x16, { name: 'authenticationData', kind: 'binary', in: 'CH' }],
  [0x17, { name: 'requestProblemInformation', kind: 'byte', in: 'C' }],
  [0x18, { name: 'willDelayS', kind: 'fourBytes', in: 'W' }],
  [0x19, { name: 'requestResponseInformation', kind: 'byte', in: 'C' }],
  [0x1f, { name: 'reasonString', kind: 'text', in: 'ADH' }],
  [0x21, { name: 'receiveMaximum', kind: 'twoBytes', in: 'C' }],
  [0x22, { name: 'topicAliasMaximum', kind: 'twoBytes', in: 'C' }],
  [0x23, { name: 'topicAlias', kind: 'twoBytes', in: 'P' }],
  [0x26, { name: 'userProperties', kind: 'pair', in: 'CWPASUDH' }],
  [0x27, { name: 'maximumPacketSize', kind: 'fourBytes', in: 'C' }],
])

/** What a packet without properties has. */
export const NO_PROPERTIES: Properties = Object.freeze({})

const NOT_FORWARDED = new Set<keyof Properties>(['messageExpiryS', 'topicAlias', 'subscriptionId'])

/** `where`: one of the letters above. */
export function readProperties(reader: Reader, where: string): Properties {
  const length = reader.variableInteger()
  return length === 0 ? NO_PROPERTIES : readAll(reader.part(length), where, null)
}

/** With what is to be forwarded, as it came; null: nothing. */
export function readForwardable(
  reader: Reader,
  where: 'P' | 'W',
): { readonly properties: Properties; readonly raw: Buffer | null } {
  const length = reader.variableInteger()
  if (length === 0) return { properties: NO_PROPERTIES, raw: null }
  const forwarded: Buffer[] = []
  const properties = readAll(reader.part(length), where, forwarded)
  return { properties, raw: join(forwarded) }
}

function readAll(reader: Reader, where: string, forwarded: Buffer[] | null): Properties {
  const properties: Properties = {}
  while (!reader.isAtEnd) {
    const from = reader.at
    const known = KNOWN.get(reader.variableInteger())
    // 2.2.2.2: an identifier that does not belong to the packet makes it malformed.
    if (known === undefined || !known.in.includes(where)) throw malformed('a property does not belong here')
    readOne(reader, known, properties)
    if (forwarded !== null && !NOT_FORWARDED.has(known.name) && known.name !== 'willDelayS')
      append(forwarded, reader.bytes.subarray(from, reader.at))
  }
  return properties
}

function readOne(reader: Reader, { name, kind }: Known, properties: Properties): void {
  if (name === 'userProperties') {
    properties.userProperties ??= []
    properties.userProperties.push(reader.pair())
    return
  }
  // Each but user properties at most once. From clients, that holds for the subscription identifier, too.
  if (properties[name] !== undefined) throw new Fault(PROTOCOL_ERROR, `${name} is there twice`)
  const value = reader[kind]()
  checkValue(name, value as number | string)
  Object.assign(properties, { [name]: value })
}

function checkValue(name: keyof Properties, value: number | string): void {
  const isWrong =
    (value === 0 && NEVER_ZERO.has(name)) ||
    (typeof value === 'number' && value > 1 && ZERO_OR_ONE.has(name)) ||
    // [MQTT-3.3.2-14], and a topic name is never empty [MQTT-4.7.3-1].
    (name === 'responseTopic' && (value === '' || /[+#]/.test(value as string)))
  if (isWrong) throw new Fault(PROTOCOL_ERROR, `${name} has a value that it must not have`)
}

const NEVER_ZERO = new Set<keyof Properties>(['receiveMaximum', 'maximumPacketSize', 'subscriptionId'])
const ZERO_OR_ONE = new Set<keyof Properties>([
  'payloadFormat',
  'requestProblemInformation',
  'requestResponseInformation',
])

/** Neighbours in memory become one. */
function append(parts: Buffer[], part: Buffer): void {
  const last = parts.at(-1)
  if (last !== undefined && last.byteOffset + last.length === part.byteOffset && last.buffer === part.buffer)
    parts[parts.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + part.length)
  else parts.push(part)
}

function join(parts: readonly Buffer[]): Buffer | null {
  if (parts.length === 0) return null
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}
