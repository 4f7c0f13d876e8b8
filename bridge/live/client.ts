/**
 * A live client for dashboards, simulators and tests: WebSocket, else Server-Sent Events, else long poll. It
 * reconnects on its own, resumes where it was, and says what was missed. Needs only what browsers and Node 24
 * have; no dependency.
 */

import { isFinal, retryDelayMs } from './backoff.ts'
import {
  type Follower,
  LiveError,
  type LiveSubscription,
  MessagesFollower,
  type MessagesOptions,
  ReadingsFollower,
  type ReadingsOptions,
} from './follower.ts'
import { ENDED, ENDED_ABNORMALLY, type Link, type OpenLink } from './link.ts'
import { openEvents } from './link-events.ts'
import { openPoll } from './link-poll.ts'
import { openSocket } from './link-socket.ts'
import type { CommandReply, HelloFrame, Id, ReadingsFrame, ResultFrame, ServerFrame } from './protocol.ts'

export { LiveError, type LiveSubscription, type MessagesOptions, type ReadingsOptions }

export type LiveTransport = 'websocket' | 'events' | 'poll'

export interface LiveClientOptions {
  /** Of `/live`, http(s) or ws(s); in a browser `/live` of this page's own host unless given. */
  readonly url?: string | URL
  /** Asked for anew at every attempt to connect. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>)
  /** In the order to try. */
  readonly transports?: readonly LiveTransport[]
  readonly onState?: (state: LiveState) => void
  /** Longest pause between two attempts; 30 s unless given. */
  readonly maxDelayMs?: number
  /** A transport through which nothing comes in this time does not pass; 8 s unless given. */
  readonly answerMs?: number
}

export type LiveState =
  | { readonly kind: 'connecting'; readonly transport: LiveTransport; readonly attempt: number }
  | { readonly kind: 'open'; readonly transport: LiveTransport; readonly node: string }
  /** The connection is down; the next attempt is at `retryAtMs` (local clock). */
  | { readonly kind: 'waiting'; readonly retryAtMs: number; readonly code: number; readonly reason: string }
  /** For good: `close()` was called, or access was refused. `connect()` begins again. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }

export interface Command {
  readonly device: string
  readonly topic?: string
  readonly payload: unknown
  readonly qos?: 0 | 1
  /** False: do not wait for what the device says to it. */
  readonly answer?: boolean
}

export interface LiveClient {
  readonly state: LiveState
  /** Server clock minus local clock, milliseconds; the best estimate so far. */
  readonly clockOffsetMs: number
  subscribe(options: ReadingsOptions): LiveSubscription
  subscribeMessages(options: MessagesOptions): LiveSubscription
  /** Rejects with a `LiveError`. Never sent twice: a connection lost in between rejects with `connection-lost`. */
  command(command: Command): Promise<CommandReply>
  /** Resolves when everything sent before took effect; with the round trip in milliseconds. */
  ping(): Promise<number>
  /** At once, without waiting for the next attempt; also after `closed`. */
  connect(): void
  close(): void
}

export function connectLive(options: LiveClientOptions = {}): LiveClient {
  const client = new Client(options)
  client.connect()
  // Browsers know when the network is back; there is no need to wait out the pause then.
  const page = globalThis as { addEventListener?: (event: 'online', listener: () => void) => void }
  page.addEventListener?.('online', () => {
    if (client.state.kind === 'waiting') client.connect()
  })
  return client
}

const OPEN: Record<LiveTransport, OpenLink> = {
  websocket: openSocket,
  events: openEvents,
  poll: openPoll,
}

const ANSWER_MS = 8_000
/** After silence a ping asks whether the other side is still there. */
const SILENCE_MS = 15_000
const PONG_MS = 15_000
const CHECK_MS = 5_000
/** Open for so long, a connection that ends counts as a first failure again. */
const STABLE_MS = 10_000

type Timer = ReturnType<typeof setTimeout>

class Client implements LiveClient {
  clockOffsetMs = 0
  readonly #options: LiveClientOptions
  readonly #transports: readonly LiveTransport[]
  readonly #followers = new Map<Id, Follower>()
  readonly #commands = new Map<Id, PromiseWithResolvers<CommandReply>>()
  #pings: { readonly sentMs: number; readonly answer: PromiseWithResolvers<number> }[] = []
  #state: LiveState = { kind: 'closed', code: ENDED, reason: 'not begun' }
  #link: Link | null = null
  #nextId = 1
  /** Where the stream stood when the connection began. */
  #startCursor: string | null = null
  #transport = 0
  #failures = 0
  #openedMs = 0
  #heardMs = 0
  #pingedMs = 0
  #retryTimer: Timer | undefined
  #helloTimer: Timer | undefined
  #checkTimer: ReturnType<typeof setInterval> | undefined

  constructor(options: LiveClientOptions) {
    this.#options = options
    this.#transports = options.transports ?? ['websocket', 'events', 'poll']
  }

  get state(): LiveState {
    return this.#state
  }

  subscribe(options: ReadingsOptions): LiveSubscription {
    return this.#follow(new ReadingsFollower(this.#nextId++, options))
  }

  subscribeMessages(options: MessagesOptions): LiveSubscription {
    return this.#follow(new MessagesFollower(this.#nextId++, options))
  }

  command(command: Command): Promise<CommandReply> {
    if (!this.#link || this.#state.kind !== 'open') {
      return Promise.reject(new LiveError('not-connected', 'there is no connection to the bridge'))
    }
    const id = this.#nextId++
    const answer = Promise.withResolvers<CommandReply>()
    this.#commands.set(id, answer)
    this.#link.send({ op: 'command', id, ...command })
    return answer.promise
  }

  ping(): Promise<number> {
    if (!this.#link)
      return Promise.reject(new LiveError('not-connected', 'there is no connection to the bridge'))
    const answer = Promise.withResolvers<number>()
    this.#pings.push({ sentMs: performance.now(), answer })
    this.#link.send({ op: 'ping' })
    return answer.promise
  }

  connect(): void {
    if (this.#state.kind === 'connecting' || this.#state.kind === 'open') return
    this.#transport = 0
    void this.#attempt()
  }

  close(): void {
    this.#endLink()
    this.#change({ kind: 'closed', code: ENDED, reason: 'closed' })
  }

  async #attempt(): Promise<void> {
    this.#endLink()
    const transport = this.#transports[this.#transport]!
    const connecting: LiveState = { kind: 'connecting', transport, attempt: this.#failures + 1 }
    this.#change(connecting)
    try {
      const { token } = this.#options
      const secret = typeof token === 'function' ? await token() : token
      if (this.#state === connecting) this.#open(transport, secret)
    } catch (cause) {
      if (this.#state === connecting) this.#ended(ENDED_ABNORMALLY, String(cause))
    }
  }

  #open(transport: LiveTransport, token: string | undefined): void {
    const link = OPEN[transport]({
      url: liveUrl(this.#options.url),
      token,
      onFrame: frame => {
        if (this.#link === link) this.#takeSafely(frame)
      },
      onEnd: (code, reason) => {
        if (this.#link === link) this.#ended(code, reason)
      },
    })
    this.#link = link
    const { answerMs = ANSWER_MS } = this.#options
    this.#helloTimer = setTimeout(() => this.#ended(ENDED_ABNORMALLY, 'no answer'), answerMs)
    for (const follower of this.#followers.values()) link.send(follower.frame())
  }

  #opened(hello: HelloFrame): void {
    this.#startCursor = hello.cursor
    // Over plain HTTP each subscription brings a hello of its own.
    if (this.#state.kind === 'open') return
    clearTimeout(this.#helloTimer)
    this.#openedMs = performance.now()
    this.#pingedMs = 0
    this.clockOffsetMs = hello.serverTime - Date.now()
    this.#checkTimer ??= setInterval(() => this.#check(), CHECK_MS)
    this.#change({ kind: 'open', transport: this.#transports[this.#transport]!, node: hello.node })
  }

  #ended(code: number, reason: string): void {
    const wasOpen = this.#state.kind === 'open'
    this.#endLink()
    if (isFinal(code)) {
      this.#change({ kind: 'closed', code, reason })
    } else if (!wasOpen && code === ENDED_ABNORMALLY && this.#transport + 1 < this.#transports.length) {
      // Some networks let WebSocket through as little as they hold up a plain request.
      this.#transport++
      void this.#attempt()
    } else {
      if (wasOpen && performance.now() - this.#openedMs > STABLE_MS) this.#failures = 0
      this.#retry(code, reason)
    }
  }

  #retry(code: number, reason: string): void {
    const delayMs = retryDelayMs(code, this.#failures, this.#options.maxDelayMs ?? 30_000)
    this.#failures++
    this.#transport = 0
    this.#retryTimer = setTimeout(() => void this.#attempt(), delayMs)
    this.#change({ kind: 'waiting', retryAtMs: Date.now() + delayMs, code, reason })
  }

  #endLink(): void {
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#helloTimer)
    clearInterval(this.#checkTimer)
    this.#checkTimer = undefined
    const link = this.#link
    this.#link = null
    link?.close()
    const lost = new LiveError('connection-lost', 'the connection ended before the answer')
    for (const { reject } of this.#commands.values()) reject(lost)
    for (const { answer } of this.#pings) answer.reject(lost)
    this.#commands.clear()
    this.#pings = []
  }

  /** What a callback throws is its owner's affair, not the connection's. */
  #takeSafely(frame: ServerFrame): void {
    try {
      this.#take(frame)
    } catch (cause) {
      queueMicrotask(() => {
        throw cause
      })
    }
  }

  #take(frame: ServerFrame): void {
    this.#heardMs = performance.now()
    switch (frame.op) {
      case 'hello':
        this.#opened(frame)
        break
      case 'pong': {
        const ping = this.#pings.shift()
        ping?.answer.resolve(performance.now() - ping.sentMs)
        break
      }
      case 'result':
        this.#followers.get(frame.id)?.taken(this.#startCursor)
        this.#replied(frame)
        break
      case 'error':
        this.#failed(frame.id, new LiveError(frame.code, frame.message))
        break
      default:
        if (frame.op === 'readings') this.#compareClocks(frame)
        this.#followers.get(frame.id)?.take(frame)
    }
  }

  #replied({ id, result = 'delivered', answer }: ResultFrame): void {
    this.#commands.get(id)?.resolve({ result, ...(answer && { answer }) })
    this.#commands.delete(id)
  }

  /** A reading cannot have come before it was received: the best estimate is the one with the least delay. */
  #compareClocks({ readings }: ReadingsFrame): void {
    const newest = readings.at(-1)
    if (newest) this.clockOffsetMs = Math.max(this.clockOffsetMs, newest.received - Date.now())
  }

  #failed(id: Id | undefined, error: LiveError): void {
    if (id === undefined) return
    this.#commands.get(id)?.reject(error)
    this.#commands.delete(id)
    this.#followers.get(id)?.refused(error)
    this.#followers.delete(id)
  }

  #check(): void {
    const nowMs = performance.now()
    if (this.#pingedMs > this.#heardMs && nowMs - this.#pingedMs >= PONG_MS) {
      this.#ended(ENDED_ABNORMALLY, 'silent')
    } else if (this.#pingedMs <= this.#heardMs && nowMs - this.#heardMs >= SILENCE_MS) {
      this.#pingedMs = nowMs
      this.ping().catch(() => undefined)
    }
  }

  #follow(follower: Follower): LiveSubscription {
    this.#followers.set(follower.id, follower)
    follower.onClose = () => {
      if (this.#followers.delete(follower.id)) this.#link?.send({ op: 'unsubscribe', id: follower.id })
    }
    this.#link?.send(follower.frame())
    return follower
  }

  #change(state: LiveState): void {
    this.#state = state
    this.#options.onState?.(state)
  }
}

function liveUrl(url: string | URL | undefined): URL {
  const { location } = globalThis as { location?: { href: string } }
  const absolute = new URL(url ?? '/live', location?.href)
  absolute.protocol = absolute.protocol.replace(/^ws/, 'http')
  return absolute
}
