/** The HTTP port: page, API, `/live` and MQTT over WebSocket at `/mqtt`; https and wss when there is a certificate. */

import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import { createServer as createTlsServer, type Server as SecureServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import type { ListenerTls } from '../../broker/listeners.ts'
import type { OriginPolicy } from './origin.ts'

export interface HttpOptions {
  readonly app: Hono
  readonly tls: ListenerTls | null
  /** Null: there is no broker here. */
  /** Which pages may be devices. */
  readonly origin: OriginPolicy
  readonly onMqttUpgrade: ((request: IncomingMessage, socket: Duplex, head: Buffer) => void) | null
}

/** A request whose head has not come by then is dropped: holding it open is all that a slow loris wants. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000

export function createHttpServer({ app, tls, origin, onMqttUpgrade }: HttpOptions): Server {
  const timeouts = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS }
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(tls === null ? {} : { createServer: createTlsServer }),
    serverOptions: { ...timeouts, ...tls?.options },
  }) as Server
  tls?.serve(server as SecureServer)
  server.on('upgrade', (request, socket, head) => {
    const path = pathOf(request)
    // The live sockets look at the origin themselves.
    if (path === '/live') return
    if (path !== '/mqtt' || onMqttUpgrade === null) return refuse(socket, 404)
    const from = request.headers.origin
    if (from !== undefined && !origin.allowOrigin(from, request.headers.host)) return refuse(socket, 403)
    onMqttUpgrade(request, socket, head)
  })
  return server
}

function pathOf(request: IncomingMessage): string {
  const path = (request.url ?? '').split('?', 1)[0]!
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

function refuse(socket: Duplex, status: number): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
