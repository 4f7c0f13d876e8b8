/**
 * Where MQTT comes in: TCP, plain or with TLS, and WebSocket on the HTTP server's `/mqtt`. All feed the same guard,
 * which counts a connection before a byte of it is read.
 */

import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer, type TlsOptions, type Server as TlsServer } from 'node:tls'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Broker } from './broker.ts'
import { certificateOf } from './client-certificate.ts'
import { plainAddress } from './guard/addresses.ts'
import type { GuardedConnection } from './guard/connection.ts'
import type { Guard } from './guard/guard.ts'
import { readProxyHeader } from './guard/proxy-header.ts'

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
  /** Connections of trusted proxies begin with a PROXY header. */
  readonly isProxied?: boolean
}

export interface ListenerTls {
  readonly options: TlsOptions
  /** Is told of the server, to hand it a later certificate while connections stand. */
  serve(server: TlsServer): void
}

/** Finds out peers that went without a word and named no keep-alive: the kernel asks, and MQTT need not. */
const PROBE_AFTER_MS = 60_000
const HANDSHAKE_TIMEOUT_MS = 10_000
/** So long a handshake counts among the logins under way. One that takes longer waits for its client, not for us. */
const HANDSHAKE_TURN_MS = 500

/** Rejects with the error of `listen`: EADDRINUSE, EACCES. */
export async function listenTcp(
  broker: Broker,
  { host, port, tls, isProxied = false }: TcpOptions,
): Promise<TcpListener> {
  const { guard } = broker
  const sockets = new Set<Socket>()
  const secure = tls === null ? null : secureOver(guard, tls)
  const begin = (socket: Socket, address: string) => {
    if (!guard.locate(socket, address)) socket.destroy()
    else if (secure !== null) secure.begin(socket, address)
    else guard.accept(socket, socket, { address, headers: null, certificate: null })
  }
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS, pauseOnConnect: true },
    socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.on('error', () => socket.destroy())
      if (!guard.enter(socket)) {
        socket.destroy()
        return
      }
      const peer = plainAddress(socket.remoteAddress)
      if (isProxied && guard.proxies.has(peer)) readHeader(guard, socket, peer, begin)
      else begin(socket, peer)
    },
  )
  return {
    port: await listen(server, host, port),
    stop: () => server.close(),
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A trusted proxy's first bytes say for whom it speaks; what follows is its client's. */
function readHeader(
  guard: Guard,
  socket: Socket,
  proxy: string,
  begin: (socket: Socket, address: string) => void,
): void {
  let bytes = Buffer.alloc(0)
  const onData = (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    const header = readProxyHeader(bytes)
    if (header.kind === 'more') return
    socket.off('data', onData)
    socket.pause()
    if (header.kind === 'none') {
      guard.drop(socket, 'proxy-header')
      return
    }
    if (header.length < bytes.length) socket.unshift(bytes.subarray(header.length))
    begin(socket, header.address ?? proxy)
  }
  socket.on('data', onData)
  socket.resume()
}

interface Secure {
  /** Makes TLS of a connection, when its client speaks and its turn comes: each handshake is a millisecond of work. */
  begin(socket: Socket, address: string): void
}

function secureOver(guard: Guard, tls: ListenerTls): Secure {
  const handshakes = new Map<string, { readonly socket: Socket; readonly address: string; done(): void }>()
  const options = { handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...tls.options }
  const server = createTlsServer(options, secure => {
    const handshake = handshakes.get(nameOf(secure))
    if (handshake === undefined) {
      secure.destroy()
      return
    }
    const { socket, address, done } = handshake
    done()
    guard.accept(socket, secure, { address, headers: null, certificate: certificateOf(secure) })
  })
  tls.serve(server)
  server.on('tlsClientError', (_error, secure) => secure.destroy())

  function shakeHands(socket: Socket, address: string): boolean {
    if (socket.destroyed) return false
    const name = nameOf(socket)
    let hasTurn = true
    const endTurn = () => {
      clearTimeout(patience)
      if (hasTurn) guard.turnDone()
      hasTurn = false
    }
    const patience = setTimeout(endTurn, HANDSHAKE_TURN_MS)
    const done = () => {
      handshakes.delete(name)
      endTurn()
    }
    handshakes.set(name, { socket, address, done })
    socket.once('close', done)
    // How Node lets a TLS server take a connection that was accepted elsewhere.
    server.emit('connection', socket)
    return true
  }

  return {
    begin(socket, address) {
      socket.once('readable', () => guard.waitForTurn(() => shakeHands(socket, address)))
    },
  }
}

/** The same for a TLS socket and the one below it. */
function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}

/** A house that reconnects as one should find room in the queue of the kernel, which gives as much as it allows. */
const BACKLOG = 65_535
/** Room for the frames' headers around one packet, or a few. */
const FRAME_ROOM_BYTES = 1024
/** Of one message, and of what waits to become one. */
const MAX_FRAGMENTS = 1024
const MAX_CHUNKS = 8192
const SUB_PROTOCOLS = ['mqtt', 'mqttv3.1']

export interface MqttUpgrade {
  /** For requests to `/mqtt`. */
  handle(request: IncomingMessage, socket: Duplex, head: Buffer): void
  close(): void
}

export function acceptWebSockets(broker: Broker): MqttUpgrade {
  const { guard } = broker
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: guard.limits.maxPacketBytes + FRAME_ROOM_BYTES,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_CHUNKS,
    perMessageDeflate: false,
    // [MQTT-6.0.0-3, 6.0.0-4]: the sub-protocol is named; a client that names none gets none.
    handleProtocols: offered => SUB_PROTOCOLS.find(name => offered.has(name)) ?? false,
  })
  return {
    handle(request, socket, head) {
      socket.on('error', () => socket.destroy())
      if (!offersMqtt(request)) return refuse(socket, 400)
      if (!guard.enter(socket)) return refuse(socket, 503)
      const address = guard.proxies.clientOf(request)
      if (!guard.locate(socket, address)) return refuse(socket, 429)
      server.handleUpgrade(request, socket, head, webSocket => {
        const stream = createWebSocketStream(webSocket)
        const connection = guard.accept(socket, stream, {
          address,
          headers: request.headers,
          certificate: certificateOf(socket),
        })
        webSocket.prependListener('message', (_data, isBinary) => {
          if (isBinary) return
          // [MQTT-6.0.0-1]
          webSocket.close(1003, 'MQTT comes in binary frames')
          connection.destroy('text-frame')
        })
        boundUntilConnect(connection, guard.limits.maxConnectBytes + FRAME_ROOM_BYTES)
      })
    },
    close() {
      for (const webSocket of server.clients) webSocket.terminate()
      server.close()
    },
  }
}

function offersMqtt(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol']
  return offered === undefined || offered.split(',').some(name => SUB_PROTOCOLS.includes(name.trim()))
}

/** A frame is gathered before anybody sees it: somebody unknown does not get the room of a whole packet. */
function boundUntilConnect(connection: GuardedConnection, maxBytes: number): void {
  const { transport } = connection
  let bytes = 0
  const onData = (chunk: Buffer) => {
    if (connection.phase !== 'silent') transport.off('data', onData)
    else if (bytes > maxBytes) connection.destroy('too-large')
    bytes += chunk.length
  }
  transport.on('data', onData)
}

function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
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
