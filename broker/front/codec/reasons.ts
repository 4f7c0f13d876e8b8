/** Reason codes that we send or look at, as the specification lists them (2.4). From 0x80 on they are refusals. */

export const SUCCESS = 0x00
export const NO_SUBSCRIPTION_EXISTED = 0x11

export const UNSPECIFIED_ERROR = 0x80
export const MALFORMED_PACKET = 0x81
export const PROTOCOL_ERROR = 0x82
export const UNSUPPORTED_PROTOCOL_VERSION = 0x84
export const CLIENT_IDENTIFIER_NOT_VALID = 0x85
export const BAD_USER_NAME_OR_PASSWORD = 0x86
export const NOT_AUTHORIZED = 0x87
export const SERVER_UNAVAILABLE = 0x88
export const SERVER_BUSY = 0x89
export const SERVER_SHUTTING_DOWN = 0x8b
export const BAD_AUTHENTICATION_METHOD = 0x8c
export const KEEP_ALIVE_TIMEOUT = 0x8d
export const SESSION_TAKEN_OVER = 0x8e
export const TOPIC_FILTER_INVALID = 0x8f
export const TOPIC_NAME_INVALID = 0x90
export const PACKET_IDENTIFIER_IN_USE = 0x91
export const PACKET_IDENTIFIER_NOT_FOUND = 0x92
export const RECEIVE_MAXIMUM_EXCEEDED = 0x93
export const TOPIC_ALIAS_INVALID = 0x94
export const PACKET_TOO_LARGE = 0x95
export const QUOTA_EXCEEDED = 0x97
export const ADMINISTRATIVE_ACTION = 0x98

export function isRefusal(code: number): boolean {
  return code >= 0x80
}
