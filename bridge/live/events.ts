/** Live clients over Server-Sent Events, for networks where WebSocket does not pass. */

import type { ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { AccessOptions } from './access.ts'
import type { Carrier } from './connection.ts'
import type { Relay } from './relay.ts'
import { type LiveContext, readLiveRequest } from './request.ts'
import { silentPeers } from './silent-peers.ts'

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // `no-transform` and `x-accel-buffering` keep proxies from compressing and from holding events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

/** Some proxies and old browsers pass nothing on before so many bytes have come. */
const PADDING = `:${' '.repeat(2048)}\nretry: 2000\n\n`

/** Below the idle timeouts of proxies: nginx and HAProxy cut off after 60 and 30 s. */
const HEARTBEAT_MS = 15_000

export async function serveEvents(c: LiveContext, relay: Relay, options: AccessOptions): Promise<Response> {
  const request = await readLiveRequest(c, relay, options)
  if (request instanceof Response) return request
  if (c.req.method === 'HEAD') return c.body(null, 200, HEADERS)
  const { outgoing } = c.env
  if (!('writableLength' in outgoing) || outgoing.destroyed) return RESPONSE_ALREADY_SENT
  const response = outgoing as ServerResponse
  // Written past the app, which said it for all others.
  const shared = c.res.headers.get('access-control-allow-origin')
  const sharing = shared === null ? {} : { 'access-control-allow-origin': shared, vary: 'Origin' }
  response.writeHead(200, { ...HEADERS, ...sharing })
  response.write(PADDING)
  const { address, principal } = request
  const connection = relay.connect(carrierOf(response), { address, principal })
  const heartbeat = setInterval(() => response.write(':\n\n'), HEARTBEAT_MS)
  if (response.socket !== null) {
    silentPeers.watch(response.socket, () => {
      relay.countClose('dead')
      response.destroy()
    })
  }
  response.on('error', () => connection.ended())
  response.on('close', () => {
    clearInterval(heartbeat)
    connection.ended()
  })
  if (request.subscribe) connection.subscribe(request.subscribe)
  return RESPONSE_ALREADY_SENT
}

function carrierOf(response: ServerResponse): Carrier {
  return {
    send: frame => response.write(frame.event),
    get bufferedBytes() {
      return response.writableLength
    },
    // There is no close code: the client asks again, and is told by the status.
    close: () => {
      response.end()
      const cutOff = setTimeout(() => response.destroy(), 1000)
      response.once('close', () => clearTimeout(cutOff))
    },
  }
}
