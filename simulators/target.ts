/** Where to publish, and how to get there: TCP, TLS, WebSocket, as a stream for whoever speaks MQTT over it. */

import { connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import { createWebSocketStream, WebSocket } from 'ws'

export interface Target {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`, with host, port and path. */
  readonly url: URL
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** PEM; what the system trusts unless given. */
  readonly ca?: Buffer | undefined
  /** Takes any certificate. */
  readonly isInsecure?: boolean | undefined
}

const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883, 'ws:': 80, 'wss:': 443 }

export function targetOf(url: string, rest: Omit<Target, 'url'> = {}): Target {
  const parsed = new URL(url)
  if (PORTS[parsed.protocol] === undefined) {
    throw new Error(`${url}: the address must begin with mqtt://, mqtts://, ws:// or wss://`)
  }
  const username = rest.username ?? (parsed.username === '' ? undefined : decodeURIComponent(parsed.username))
  const password = rest.password ?? (parsed.password === '' ? undefined : decodeURIComponent(parsed.password))
  return { ...rest, url: parsed, username, password }
}

/** Errors and closing are told by the stream. `localAddress` chooses among this machine's own addresses. */
export function openStream(target: Target, localAddress?: string): Duplex {
  const { url } = target
  const tls = {
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    rejectUnauthorized: target.isInsecure !== true,
  }
  const from = localAddress === undefined ? {} : { localAddress }
  if (url.protocol === 'ws:' || url.protocol === 'wss:') {
    const bare = new URL(url)
    bare.username = bare.password = ''
    return createWebSocketStream(new WebSocket(bare, ['mqtt'], { ...tls, ...from, perMessageDeflate: false }))
  }
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port) || PORTS[url.protocol]!
  if (url.protocol === 'mqtt:') return withoutDelay(connectTcp({ host, port, ...from }))
  const servername = /^[\d.:]+$/.test(host) ? {} : { servername: host }
  return withoutDelay(connectTls({ host, port, ...servername, ...tls, ...from }))
}

function withoutDelay(socket: Socket): Duplex {
  return socket.setNoDelay(true)
}

/** One source address has some 28,000 ports to one destination; the loopback network has many addresses. */
const CONNECTIONS_PER_ADDRESS = 20_000

export function localAddressFor(target: Target, connection: number): string | undefined {
  const isLoopback = target.url.hostname === 'localhost' || target.url.hostname.startsWith('127.')
  const nth = Math.floor(connection / CONNECTIONS_PER_ADDRESS)
  return isLoopback && nth > 0 ? `127.0.0.${1 + nth}` : undefined
}
