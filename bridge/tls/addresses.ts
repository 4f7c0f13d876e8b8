/** Addresses and networks as certificates hold them (RFC 5280 4.2.1.6 and 4.2.1.10): 4 or 16 bytes, a mask behind. */

import { isIP } from 'node:net'

export interface Subnet {
  readonly address: string
  readonly prefix: number
}

/** Of what `isIP` takes, without a zone. */
export function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number)
  // The parser of URLs writes every form of IPv6 in one way: hexadecimal, with at most one `::`.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const [head = [], tail] = canonical.split('::').map(half => half.split(':').filter(Boolean))
  const zeros = tail === undefined ? [] : Array(8 - head.length - tail.length).fill('0')
  const groups = [...head, ...zeros, ...(tail ?? [])].map(group => Number.parseInt(group, 16))
  return Uint8Array.from(groups.flatMap(group => [group >> 8, group & 0xff]))
}

export function addressOfBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[2 * at]! << 8) | bytes[2 * at + 1]!).toString(16),
  )
  return groups.join(':')
}

export function subnetBytes({ address, prefix }: Subnet): Uint8Array {
  const bytes = addressBytes(address)
  const mask = bytes.map((_, at) => 0xff & ~(0xff >> Math.max(0, Math.min(8, prefix - 8 * at))))
  return Uint8Array.from([...bytes, ...mask])
}

export function subnetOfBytes(bytes: Uint8Array): Subnet {
  const half = bytes.length / 2
  const ones = [...bytes.subarray(half)].map(byte => byte.toString(2).replaceAll('0', '').length)
  return {
    address: addressOfBytes(bytes.subarray(0, half)),
    prefix: ones.reduce((sum, count) => sum + count, 0),
  }
}
