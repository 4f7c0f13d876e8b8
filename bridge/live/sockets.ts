/** Live clients over WebSocket: `/live` on an HTTP server that has other listeners for other paths. */

import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { refuseUpgrade } from '../http/refuse-upgrade.ts'
import {
  type AccessOptions,
  type Authenticate,
  addressOf,
  credentialsOf,
  mayComeFrom,
  type Principal,
  principalOf,
} from './access.ts'
import type { Carrier, Connection } from './connection.ts'
import { CLOSE, LIVE_PROTOCOL } from './protocol.ts'
import type { Relay } from './relay.ts'
import type { Refusal } from './stats.ts'
import { patienceMs } from './subscription.ts'

export interface LiveSocketsOptions extends AccessOptions {
  readonly pingMs?: number
  readonly deadMs?: number
}

export interface LiveSockets {
  /** Everyone is told to come back (1012); resolves when they are gone or cut off. */
  close(text?: string, spreadMs?: number): Promise<void>
}

/** Frames above the relay's own limit are answered by 4413; at so many times it they are not even read (1009). */
const UNREAD_ABOVE = 2
/** Pieces of one message, and pieces in which a frame arrives: each costs more memory than its bytes. */
const MAX_FRAGMENTS = 64
const MAX_BUFFERED_CHUNKS = 1024
const PING_MS = 15_000
const DEAD_MS = 35_000
/** How long a closing handshake may take: a frozen client does not answer. */
const CLOSE_MS = 5_000
const SHUTDOWN_MS = 1_000

export function attachLive(server: Server, relay: Relay, options: LiveSocketsOptions = {}): LiveSockets {
  const { authenticate } = options
  // The types do not know of `closeTimeout`.
  const serverOptions: ServerOptions & { readonly closeTimeout: number } = {
    noServer: true,
    perMessageDeflate: false,
    maxPayload: relay.limits.maxMessageBytes * UNREAD_ABOVE,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    // A flood of pings would otherwise be answered into the memory of whoever does not read.
    autoPong: false,
    closeTimeout: CLOSE_MS,
    handleProtocols: protocols => (protocols.has(LIVE_PROTOCOL) ? LIVE_PROTOCOL : false),
  }
  const sockets = new WebSocketServer(serverOptions)
  const peers = new Peers(relay, options.pingMs ?? PING_MS, options.deadMs ?? DEAD_MS)
  let isClosing = false

  const onUpgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    if (!isLivePath(request.url)) return
    const ignore = () => socket.destroy()
    socket.on('error', ignore)
    const named = request.headers['sec-websocket-protocol']
    if (isClosing) return refuseUpgrade(socket, 503, 'Retry-After: 1\r\n')
    if (!mayComeFrom(request, options.allowOrigin)) {
      relay.countRefused('origin')
      return refuseUpgrade(socket, 403)
    }
    if (named !== undefined && !named.split(',').some(name => name.trim() === LIVE_PROTOCOL)) {
      return refuseUpgrade(socket, 400)
    }
    const credentials = credentialsOf(request)
    const principal = await principalOf(credentials, authenticate)
    if (socket.destroyed) return
    // A cookie comes by itself, and a token may follow; who shows a token here has no other.
    if (principal === null && credentials.token !== undefined) {
      relay.countRefused('credentials')
      return refuseUpgrade(socket, 401, 'WWW-Authenticate: Bearer realm="trestle"\r\n')
    }
    sockets.handleUpgrade(request, socket, head, webSocket => {
      socket.off('error', ignore)
      const address = (options.addressOf ?? addressOf)(request)
      const refusal = relay.refusalOf(address, principal)
      if (refusal === null) peers.add(webSocket, address, principal, authenticate)
      else turnAway(relay, webSocket, refusal)
    })
  }
  const listener = (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    void onUpgrade(request, socket, head)
  server.on('upgrade', listener)

  return {
    async close(text, spreadMs) {
      isClosing = true
      await relay.close(text, spreadMs)
      await peers.gone(SHUTDOWN_MS)
      server.off('upgrade', listener)
      peers.close()
      sockets.close()
    },
  }
}

/** The open connections, and whether there is still somebody at the other end of each. */
class Peers {
  readonly #relay: Relay
  readonly #pingMs: number
  readonly #deadMs: number
  readonly #peers = new Map<WebSocket, Peer>()
  readonly #timer: NodeJS.Timeout
  #onGone: (() => void) | null = null

  constructor(relay: Relay, pingMs: number, deadMs: number) {
    this.#relay = relay
    this.#pingMs = pingMs
    this.#deadMs = deadMs
    this.#timer = setInterval(() => this.#check(), Math.min(2000, pingMs / 2))
    this.#timer.unref()
  }

  add(
    webSocket: WebSocket,
    address: string,
    principal: Principal | null,
    authenticate: Authenticate | undefined,
  ): void {
    const connection = this.#relay.connect(carrierOf(webSocket), {
      address,
      principal,
      authenticate,
    })
    const nowMs = performance.now()
    const peer: Peer = { connection, heardMs: nowMs, pingedMs: nowMs }
    this.#peers.set(webSocket, peer)
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      peer.heardMs = performance.now()
      if (!isBinary) return connection.receive(data.toString())
      this.#relay.countClose('malformed')
      webSocket.close(1003, 'text frames only')
      connection.ended()
    })
    webSocket.on('pong', () => (peer.heardMs = performance.now()))
    webSocket.on('ping', (data: Buffer) => {
      peer.heardMs = performance.now()
      if (connection.pinged()) webSocket.pong(data)
    })
    // What is wrong with a client's frames is its own affair; ws closes the connection with the code for it.
    webSocket.on('error', error => {
      if (!connection.isClosed && isFaultOfFrames(error)) this.#relay.countClose('malformed')
      connection.ended()
    })
    webSocket.on('close', () => {
      this.#peers.delete(webSocket)
      connection.ended()
      if (this.#peers.size === 0) this.#onGone?.()
    })
  }

  /** Resolves when all have closed; those that have not in time are cut off. */
  async gone(withinMs: number): Promise<void> {
    if (this.#peers.size === 0) return
    const cutOff = setTimeout(() => {
      for (const webSocket of this.#peers.keys()) webSocket.terminate()
    }, withinMs)
    await new Promise<void>(resolve => {
      this.#onGone = resolve
    })
    clearTimeout(cutOff)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #check(): void {
    const nowMs = performance.now()
    for (const [webSocket, peer] of this.#peers) {
      if (nowMs - peer.heardMs >= this.#deadMs + patienceMs(webSocket.bufferedAmount)) {
        if (!peer.connection.isClosed) this.#relay.countClose('dead')
        webSocket.terminate()
      } else if (nowMs - peer.pingedMs >= this.#pingMs && webSocket.readyState === webSocket.OPEN) {
        peer.pingedMs = nowMs
        webSocket.ping()
      }
    }
  }
}

interface Peer {
  readonly connection: Connection
  heardMs: number
  pingedMs: number
}

const TEXT = { binary: false, compress: false, fin: true }

function carrierOf(webSocket: WebSocket): Carrier {
  return {
    send: frame => webSocket.send(frame.bytes, TEXT),
    get bufferedBytes() {
      return webSocket.bufferedAmount
    },
    close: (code, reason) => webSocket.close(code, reason),
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
  }
}

/** A browser sees no HTTP status of a refused upgrade, but it does see a close code. */
function turnAway(relay: Relay, webSocket: WebSocket, refusal: Refusal): void {
  relay.countRefused(refusal)
  relay.countClose('full')
  webSocket.on('error', () => webSocket.terminate())
  webSocket.close(CLOSE.full, 'too many connections; try again in 30 s')
}

/** Others are of the network. */
function isFaultOfFrames(error: Error & { readonly code?: string }): boolean {
  return error.code?.startsWith('WS_ERR_') === true
}

function isLivePath(url: string | undefined): boolean {
  const path = url?.split('?', 1)[0]
  return path === '/live' || path === '/live/'
}
