/** The HTTP port: page, API, `/live` and MQTT over WebSocket at `/mqtt`; https and wss when there is a certificate. */

import type { IncomingMessage, Server } from 'node:http'
import { createServer as createTlsServer, type Server as SecureServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { hasRoomFor } from '../../broker/descriptors.ts'
import { plainAddress } from '../../broker/guard/addresses.ts'
import type { ListenerTls } from '../../broker/listeners.ts'
import type { Gated } from './access.ts'
import type { OriginPolicy } from './origin.ts'
import { refuseUpgrade } from './refuse-upgrade.ts'

export interface HttpOptions {
  readonly app: Hono<Gated>
  readonly tls: ListenerTls | null
  /** Which pages may be devices. */
  readonly origin: OriginPolicy
  /** In all: requests, live clients and MQTT over WebSocket. */
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  /** Whether an address may have as many as there are: loopback, and proxies, which speak for many. */
  readonly isUnlimited: (address: string) => boolean
  /** One was turned away for that. */
  readonly onFull: () => void
  readonly timeouts?: Partial<HttpTimeouts>
  /** Null: there is no broker here. */
  readonly onMqttUpgrade: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null
}

export interface HttpTimeouts {
  /** A request whose head has not come by then is dropped: holding it open is all that a slow loris wants. */
  readonly headersMs: number
  /** The same for all of a request. */
  readonly requestMs: number
  /** How often both are looked at. */
  readonly checkMs: number
}

const TIMEOUTS: HttpTimeouts = { headersMs: 10_000, requestMs: 30_000, checkMs: 2_000 }
/** Of a request's head; more of them are not looked at. */
const MAX_HEADERS = 100
const MAX_HEAD_BYTES = 16 * 1024

export function createHttpServer(options: HttpOptions): Server {
  const { app, tls, origin, onMqttUpgrade } = options
  const { headersMs, requestMs, checkMs } = { ...TIMEOUTS, ...options.timeouts }
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(tls === null ? {} : { createServer: createTlsServer }),
    serverOptions: {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      maxHeaderSize: MAX_HEAD_BYTES,
      ...tls?.options,
    },
  }) as Server
  tls?.serve(server as SecureServer)
  server.maxHeadersCount = MAX_HEADERS
  server.maxConnections = options.maxConnections
  server.on('drop', options.onFull)
  const perAddress = new Map<string, number>()
  server.prependListener('connection', (socket: Socket) => {
    if (hasRoomFor(socket) && countIn(socket, perAddress, options)) return
    options.onFull()
    socket.destroy()
  })
  server.on('upgrade', (request, socket, head) => {
    const path = pathOf(request)
    // The live sockets look at the origin themselves.
    if (path === '/live') return
    if (path !== '/mqtt' || onMqttUpgrade === null) return refuseUpgrade(socket, 404)
    const from = request.headers.origin
    if (from !== undefined && !origin.allowOrigin(from, request.headers.host))
      return refuseUpgrade(socket, 403)
    onMqttUpgrade(request, socket, head)
  })
  return server
}

/** False: its address has too many. */
function countIn(
  socket: Socket,
  perAddress: Map<string, number>,
  { maxConnectionsPerAddress, isUnlimited }: HttpOptions,
): boolean {
  const address = plainAddress(socket.remoteAddress)
  if (isUnlimited(address)) return true
  const others = perAddress.get(address) ?? 0
  if (others >= maxConnectionsPerAddress) return false
  perAddress.set(address, others + 1)
  socket.once('close', () => {
    const left = perAddress.get(address)! - 1
    if (left === 0) perAddress.delete(address)
    else perAddress.set(address, left)
  })
  return true
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '').split('?', 1)[0]!
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}
