/**
 * The PROXY protocol, versions 1 and 2: a proxy's first bytes say for whom it connects. Read only from trusted proxies,
 * of which it is required: guessing would let their clients forge it.
 *
 * Version 2: | signature, 12 bytes | 0x20 local, 0x21 proxied | family | length, 2 bytes | addresses, more |
 * Version 1: `PROXY TCP4 <source> <destination> <port> <port>\r\n`, at most 107 bytes.
 */

import { isIP } from 'node:net'
import { plainAddress } from './addresses.ts'

export type ProxyHeader =
  /** `address` null: the proxy speaks for itself, to see whether we are there. */
  | { readonly kind: 'header'; readonly address: string | null; readonly length: number }
  | { readonly kind: 'more' }
  | { readonly kind: 'none' }

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const LEAD = Buffer.from('PROXY ', 'latin1')
const HEAD_BYTES = 16
const MAX_V1_BYTES = 107
/** With whatever the proxy adds: a certificate, names. */
const MAX_V2_BYTES = 4096
const TCP4 = 0x11
const TCP6 = 0x21

const MORE: ProxyHeader = { kind: 'more' }
const NONE: ProxyHeader = { kind: 'none' }

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, SIGNATURE)) return bytes.length < HEAD_BYTES ? MORE : readV2(bytes)
  if (startsLike(bytes, LEAD)) return readV1(bytes)
  return NONE
}

function startsLike(bytes: Buffer, sign: Buffer): boolean {
  const length = Math.min(bytes.length, sign.length)
  return bytes.compare(sign, 0, length, 0, length) === 0
}

function readV2(bytes: Buffer): ProxyHeader {
  const command = bytes[12]!
  const family = bytes[13]!
  const length = HEAD_BYTES + bytes.readUInt16BE(14)
  if ((command !== 0x20 && command !== 0x21) || length > MAX_V2_BYTES) return NONE
  if (bytes.length < length) return MORE
  if (command === 0x20) return { kind: 'header', address: null, length }
  if (family === TCP4 && length >= HEAD_BYTES + 12)
    return { kind: 'header', address: [...bytes.subarray(16, 20)].join('.'), length }
  if (family === TCP6 && length >= HEAD_BYTES + 36)
    return { kind: 'header', address: ipv6(bytes.subarray(16, 32)), length }
  return NONE
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n')
  if (end === -1) return bytes.length < MAX_V1_BYTES ? MORE : NONE
  if (end + 2 > MAX_V1_BYTES) return NONE
  const [, family, source = ''] = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (family === 'UNKNOWN') return { kind: 'header', address: null, length }
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : 0
  if (version === 0 || isIP(source) !== version) return NONE
  return { kind: 'header', address: plainAddress(source.toLowerCase()), length }
}

/** As Node writes the addresses of its own peers, so that both count as one. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  const { hostname } = new URL(`http://[${groups.join(':')}]/`)
  const address = hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(address)
  if (mapped === null) return address
  return [...bytes.subarray(12, 16)].join('.')
}
