/** For tests: an HTTP server that hands WebSockets to a broker, and clients of it. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import { WebSocket } from 'ws'
import type { Broker } from './broker.ts'
import { acceptWebSockets, listen } from './listeners.ts'

export interface WebSocketServer {
  readonly port: number
  /** Resolves once open; rejects with what the server answered instead. */
  open(protocols?: string | string[], headers?: Record<string, string>): Promise<WebSocket>
  close(): Promise<void>
}

export async function serveWebSockets(broker: Broker): Promise<WebSocketServer> {
  const upgrade = acceptWebSockets(broker)
  const http = createServer().on('upgrade', upgrade.handle)
  const port = await listen(http, '127.0.0.1', 0)
  return {
    port,
    async open(protocols = 'mqtt', headers = {}) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, protocols, { headers })
      await once(socket, 'open')
      return socket
    },
    async close() {
      upgrade.close()
      http.closeAllConnections()
      await once(http.close(), 'close')
    },
  }
}
