/** Where MQTT comes in: TCP, plain or with TLS, and WebSocket on the HTTP server's `/mqtt`. Both feed the same broker. */

import type { IncomingMessage } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Broker } from './broker.ts'

export interface TcpListener {
  readonly port: number
  /** Takes no more connections; those that stand go on. */
  stop(): void
  /** Ends what still stands. */
  close(): void
}

export interface TcpOptions {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
  readonly tls: ListenerTls | null
}

export interface ListenerTls {
  readonly options: TlsOptions
  /** Is told of the server, to hand it a later certificate while connections stand. */
  serve(server: TlsServer): void
}

/** Finds out peers that went without a word and named no keep-alive: the kernel asks, and MQTT need not. */
const PROBE_AFTER_MS = 60_000

/** Rejects with the error of `listen`: EADDRINUSE, EACCES. */
export async function listenTcp(broker: Broker, { host, port, tls }: TcpOptions): Promise<TcpListener> {
  const sockets = new Set<Socket>()
  const onConnection = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    broker.handle(socket)
  }
  const options = { noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS }
  const server =
    tls === null ? createServer(options, onConnection) : createSecureServer(tls, options, onConnection)
  return {
    port: await listen(server, host, port),
    stop: () => server.close(),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function createSecureServer(
  tls: ListenerTls,
  options: TlsOptions,
  onConnection: (socket: Socket) => void,
): TlsServer {
  const server = createTlsServer({ ...options, ...tls.options }, onConnection)
  tls.serve(server)
  return server
}

/** A house that reconnects as one should find room in the queue of the kernel. */
const BACKLOG = 1024
/** Largest WebSocket frame: a whole MQTT packet with its header. */
const MAX_FRAME_BYTES = 2 * 1024 * 1024 + 16
const SUB_PROTOCOLS = ['mqtt', 'mqttv3.1']

export interface MqttUpgrade {
  /** For requests to `/mqtt`. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

export function acceptWebSockets(broker: Broker): MqttUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    // [MQTT-6.0.0-3]: the sub-protocol is named; a client that names none gets none.
    handleProtocols: offered => SUB_PROTOCOLS.find(name => offered.has(name)) ?? false,
  })
  return {
    handle(request, socket, head) {
      server.handleUpgrade(request, socket, head, webSocket => {
        const stream = createWebSocketStream(webSocket)
        // Aedes hears of the end by the stream's close; an error without a listener would end the process.
        stream.on('error', () => stream.destroy())
        webSocket.on('message', (_data, isBinary) => {
          // [MQTT-6.0.0-1]
          if (!isBinary) webSocket.close(1003, 'MQTT comes in binary frames')
        })
        broker.handle(stream, request)
      })
    },
    close() {
      for (const webSocket of server.clients) webSocket.terminate()
      server.close()
    },
  }
}

/** Returns the port that it got. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
