/** Names and addresses of a server, and which of them our own authority may vouch for. */

import type { X509Certificate } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { domainToASCII } from 'node:url'
import type { Subnet } from './addresses.ts'

export interface Names {
  /** Lower case, without a dot at the end. */
  readonly dns: readonly string[]
  readonly ip: readonly string[]
}

/** What an authority may sign: names with everything below them, and networks. */
export interface Permitted {
  readonly dns: readonly string[]
  readonly subnets: readonly Subnet[]
}

/** Every server goes by these. */
const LOOPBACK: Names = { dns: ['localhost'], ip: ['127.0.0.1', '::1'] }

/**
 * Names that no public site can have, and addresses that lead nowhere beyond the house: RFC 6761, 6762, 8375, 1918,
 * 3927, 6598, 4193, 4291. What else the authority is for is added when it is made.
 */
const AT_HOME: Permitted = {
  dns: ['localhost', 'local', 'lan', 'home', 'home.arpa', 'internal'],
  subnets: [
    { address: '10.0.0.0', prefix: 8 },
    { address: '100.64.0.0', prefix: 10 },
    { address: '127.0.0.0', prefix: 8 },
    { address: '169.254.0.0', prefix: 16 },
    { address: '172.16.0.0', prefix: 12 },
    { address: '192.168.0.0', prefix: 16 },
    { address: '::1', prefix: 128 },
    { address: 'fc00::', prefix: 7 },
    { address: 'fe80::', prefix: 10 },
  ],
}

export type NamesResult =
  | { readonly ok: true; readonly names: Names }
  | { readonly ok: false; readonly mistakes: readonly string[] }

/** What somebody typed as `--host` and `--ip`; loopback is added. An address among the hosts counts as an address. */
export function parseNames(hosts: readonly string[], ips: readonly string[]): NamesResult {
  const mistakes: string[] = []
  const dns = new Set(LOOPBACK.dns)
  const ip = new Set(LOOPBACK.ip)
  for (const host of hosts) {
    const name = domainToASCII(host.replace(/\.$/, '')).toLowerCase()
    if (isIP(host) !== 0 && !host.includes('%')) ip.add(shortest(host))
    else if (isHostName(name)) dns.add(name)
    else mistakes.push(`--host ${host}: not the name of a host, such as trestle.local`)
  }
  for (const address of ips) {
    if (isIP(address) !== 0 && !address.includes('%')) ip.add(shortest(address))
    else mistakes.push(`--ip ${address}: not an address, such as 192.168.1.10`)
  }
  return mistakes.length > 0 ? { ok: false, mistakes } : { ok: true, names: { dns: [...dns], ip: [...ip] } }
}

/** How this machine is likely to be called by others in the house. */
export function namesOfThisMachine(): { hosts: string[]; ips: string[] } {
  const name = hostname().toLowerCase().split('.', 1)[0]!
  const ips = Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address)
  return { hosts: isHostName(name) ? [name, `${name}.local`] : [], ips }
}

/** Of a certificate, in its order. */
export function namesIn({ subjectAltName = '' }: X509Certificate): Names {
  const entries = subjectAltName.split(', ').map(entry => entry.split(/:(.*)/s))
  const all = (kind: string) => entries.filter(([name]) => name === kind).map(([, value = '']) => value)
  return { dns: all('DNS'), ip: all('IP Address').map(shortest) }
}

/** One that a certificate is for, to ask for it by. */
export function firstNameIn(certificate: X509Certificate): string {
  const { dns, ip } = namesIn(certificate)
  return dns[0]?.replace('*.', 'any.') ?? ip[0] ?? 'localhost'
}

/** As a client sends it in its hello: server names are names, and an address is none (RFC 6066). */
export function serverName(host: string): string {
  return isIP(host) === 0 ? host : ''
}

/** Certificates print IPv6 in full; people do not. */
function shortest(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
}

/** A label of it may be a wildcard's `*`: only the first, and never alone. */
function isHostName(name: string): boolean {
  return /^(\*\.(?=.+\.))?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/.test(
    name,
  )
}

/** For a new authority: the house, and whatever it is made for. */
export function permittedFor(names: Names): Permitted {
  return {
    dns: [...AT_HOME.dns, ...names.dns.filter(name => !isBelow(name, AT_HOME.dns)).map(withoutWildcard)],
    subnets: [
      ...AT_HOME.subnets,
      ...names.ip
        .filter(address => !isWithin(address, AT_HOME.subnets))
        .map(address => ({ address, prefix: isIP(address) === 4 ? 32 : 128 })),
    ],
  }
}

/** Those that an authority with such limits must not sign. */
export function namesBeyond(names: Names, { dns, subnets }: Permitted): string[] {
  return [
    ...names.dns.filter(name => !isBelow(name, dns)),
    ...names.ip.filter(address => !isWithin(address, subnets)),
  ]
}

/** RFC 5280 4.2.1.10: the name itself, and whatever has more labels in front of it. */
function isBelow(name: string, permitted: readonly string[]): boolean {
  return permitted.some(base => name === base || name.endsWith(`.${base}`))
}

function isWithin(address: string, subnets: readonly Subnet[]): boolean {
  const list = new BlockList()
  for (const subnet of subnets) list.addSubnet(subnet.address, subnet.prefix, family(subnet.address))
  return list.check(address, family(address))
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}

function withoutWildcard(name: string): string {
  return name.replace(/^\*\./, '')
}
