/** What CONNECT asks for (3.1), and what it is given: session, keep-alive, will. */

import type { Refusal } from '../admission.ts'
import { MAX_CLIENT_ID_BYTES } from '../guard/connect.ts'
import { UNWANTED } from '../guard/text.ts'
import { ownBytes } from '../persistence/packet.ts'
import type { Session } from '../persistence/session.ts'
import type { Will } from '../persistence/wills.ts'
import type { Codec } from './codec/codec.ts'
import { Fault } from './codec/fault.ts'
import type { Connect, WillMessage } from './codec/packets.ts'
import type { Properties } from './codec/properties.ts'
import * as reasons from './codec/reasons.ts'
import type { FrontParts } from './parts.ts'

type Limits = FrontParts['limits']

export const NOT_ADMITTED: Readonly<Record<Refusal, number>> = {
  'bad-credentials': reasons.BAD_USER_NAME_OR_PASSWORD,
  'not-authorised': reasons.NOT_AUTHORIZED,
  'identifier-rejected': reasons.CLIENT_IDENTIFIER_NOT_VALID,
  unavailable: reasons.SERVER_UNAVAILABLE,
}

/** Null: it is as it should be. */
export function mistakeOf({ clientId, properties }: Connect): Fault | null {
  // [MQTT-4.12.0-1]
  if (properties.authenticationMethod !== undefined)
    return new Fault(reasons.BAD_AUTHENTICATION_METHOD, 'no authentication method is known here')
  if (Buffer.byteLength(clientId) > MAX_CLIENT_ID_BYTES || UNWANTED.test(clientId))
    return new Fault(reasons.CLIENT_IDENTIFIER_NOT_VALID, 'the client identifier is not valid')
  return null
}

/** 0: as long as the connection; null: a client before MQTT 5 names no time, the setting counts. */
export function sessionExpiryMs({ version }: Codec, connect: Connect, limits: Limits): number | null {
  if (version < 5) return connect.isCleanStart ? 0 : null
  return Math.min((connect.properties.sessionExpiryS ?? 0) * 1000, limits.sessionExpiryMs)
}

/** 3.1.2.10: none, or longer than we give to anybody, becomes ours, where the client can be told. */
export function keepAliveGiven({ saysWhy }: Codec, { keepAliveS }: Connect, limits: Limits): number {
  if (!saysWhy) return keepAliveS
  return keepAliveS === 0 ? limits.maxKeepAliveS : Math.min(keepAliveS, limits.maxKeepAliveS)
}

/** Of CONNACK (3.2.2.3): what is not as CONNECT has it, or as the specification. */
export function welcome(connect: Connect, session: Session, keepAliveS: number, limits: Limits): Properties {
  const wantedS = connect.properties.sessionExpiryS ?? 0
  const givenS = Math.floor((session.isVolatile ? 0 : (session.expiryMs ?? 0)) / 1000)
  return {
    ...(session.clientId === connect.clientId ? {} : { assignedClientId: session.clientId }),
    ...(givenS === wantedS ? {} : { sessionExpiryS: givenS }),
    ...(keepAliveS === connect.keepAliveS ? {} : { serverKeepAliveS: keepAliveS }),
    receiveMaximum: limits.receiveMaximum,
    maximumPacketSize: limits.maxPacketBytes,
    topicAliasMaximum: limits.inboundTopicAliases,
  }
}

export function toWill(message: WillMessage, clientId: string, brokerId: string): Will {
  const { topic, payload, qos, retain, properties, raw } = message
  const { willDelayS = 0, messageExpiryS } = properties
  return {
    topic,
    payload: ownBytes(payload),
    qos,
    retain,
    clientId,
    brokerId,
    delayMs: willDelayS * 1000,
    ...(raw === null ? {} : { properties: ownBytes(raw) }),
    ...(messageExpiryS === undefined ? {} : { messageExpiryMs: messageExpiryS * 1000 }),
  }
}
