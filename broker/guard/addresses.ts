/** Addresses of clients: how they are written, which are loopback, which proxies may speak for others. */

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** IPv4 over IPv6 is the IPv4 address. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

export function isLoopback(address: string): boolean {
  return address === '::1' || /^127\.\d+\.\d+\.\d+$/.test(address)
}

/** Proxies whose word about a client's address is believed. */
export class TrustedProxies {
  readonly #list = new BlockList()

  /** Addresses, or subnets such as 10.0.0.0/8. Throws on anything else. */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const { address, family, prefix } = parseSubnet(proxy)
      if (prefix === null) this.#list.addAddress(address, family)
      else this.#list.addSubnet(address, prefix, family)
    }
  }

  has(address: string): boolean {
    const version = isIP(address)
    return version !== 0 && this.#list.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }

  /** Of a request: the last address in X-Forwarded-For that no trusted proxy has, when its peer is one. */
  clientOf(request: IncomingMessage): string {
    const peer = plainAddress(request.socket.remoteAddress)
    const told = request.headers['x-forwarded-for']
    if (told === undefined || !this.has(peer)) return peer
    const hops = (Array.isArray(told) ? told.join(',') : told).split(',')
    let client = peer
    while (this.has(client) && hops.length > 0) {
      const hop = plainAddress(hops.pop()!.trim())
      if (isIP(hop) === 0) break
      client = hop
    }
    return client
  }
}

export function isSubnet(text: string): boolean {
  try {
    parseSubnet(text)
    return true
  } catch {
    return false
  }
}

function parseSubnet(text: string): { address: string; family: 'ipv4' | 'ipv6'; prefix: number | null } {
  const [address = '', bits, ...rest] = text.split('/')
  const version = isIP(address)
  const prefix = bits === undefined ? null : Number(bits)
  const isPrefix = prefix === null || (/^\d+$/.test(bits!) && prefix <= (version === 6 ? 128 : 32))
  if (version === 0 || !isPrefix || rest.length > 0) throw new Error(`${text} is no address or subnet`)
  return { address, family: version === 6 ? 'ipv6' : 'ipv4', prefix }
}
