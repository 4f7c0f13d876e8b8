/**
 * One live client, whatever carries its frames. Its frames are handled in order: a pong says that everything
 * before it took effect, a resumed subscription's missed readings included.
 */

import { performance } from 'node:perf_hooks'
import { isLoopback } from '../../broker/guard/addresses.ts'
import { type Authenticate, may, type Principal, principalOf } from './access.ts'
import type { CommandOutcome, LiveCommand } from './command.ts'
import { isTooDeep } from './depth.ts'
import { type Frame, frameOf } from './frame.ts'
import { type RelayLimits, TokenBucket } from './limits.ts'
import {
  CLOSE,
  type ClientFrame,
  type CloseReason,
  type CommandFrame,
  type ErrorCode,
  type ErrorFrame,
  type Id,
  LIVE_PROTOCOL,
  type LiveLimits,
  type ServerFrame,
  type SubscribeFrame,
  type SubscribeMessagesFrame,
} from './protocol.ts'
import { type ReadFrame, readClientFrame } from './schema.ts'
import { HIGH_BYTES, LOW_BYTES, type Outlet, patienceMs } from './subscription.ts'
import { type Streams, Subscriptions } from './subscriptions.ts'

/** The transport's side of a connection. */
export interface Carrier extends Outlet {
  close(code: number, reason: string): void
  /** Stops and goes on reading from the client; absent where nothing is read. */
  readonly pause?: () => void
  readonly resume?: () => void
}

/** Where it is at home: the relay, as far as one connection needs it. */
export interface Host extends Streams {
  readonly node: string
  readonly limits: RelayLimits
  /** Of the limits, those that clients are told. */
  readonly clientLimits: LiveLimits
  /** The newest reading, and how a client names it. */
  readonly head: number
  readonly cursor: string
  /** It has said who it is, and had not when it came. */
  welcome(): void
  command(command: LiveCommand): Promise<CommandOutcome>
  /** Calls back once the connection has taken what it was sent. */
  whenDrained(connection: Connection, go: () => void): void
  /** It is closed. */
  forget(connection: Connection): void
  countClose(reason: CloseReason): void
  countError(code: string): void
  countFrame(bytes: number): void
}

export interface ConnectionOptions {
  readonly address: string
  /** Null: the client must say who it is first. */
  readonly principal: Principal | null
  readonly authenticate?: Authenticate | undefined
}

/** Frames of a client that wait their turn, and their length; past either it is not read from. */
const MAX_INBOX = 64
const MAX_INBOX_LENGTH = 256 * 1024

export class Connection implements Outlet {
  readonly number: number
  readonly address: string
  readonly #host: Host
  readonly #carrier: Carrier
  readonly #authenticate: Authenticate | undefined
  readonly #bucket: TokenBucket | null
  readonly #subscriptions: Subscriptions
  readonly #commands = new Set<Id>()
  readonly #inbox: string[] = []
  #inboxLength = 0
  #isPaused = false
  #principal: Principal | null
  #authTimer: NodeJS.Timeout | null = null
  #isBusy = false
  #isClosed = false
  #stall: { readonly bytes: number; readonly sinceMs: number } | null = null

  constructor(host: Host, number: number, carrier: Carrier, options: ConnectionOptions) {
    const { messagesPerSecond, authTimeoutMs } = host.limits
    this.number = number
    this.address = options.address
    this.#host = host
    this.#carrier = carrier
    this.#authenticate = options.authenticate
    this.#principal = options.principal
    this.#subscriptions = new Subscriptions(host, this)
    this.#bucket = isLoopback(options.address)
      ? null
      : new TokenBucket(messagesPerSecond, messagesPerSecond * 4, performance.now())
    if (this.#principal) this.#hello()
    else this.#authTimer = setTimeout(() => this.close('authTooLate'), authTimeoutMs)
  }

  get principal(): Principal | null {
    return this.#principal
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get bufferedBytes(): number {
    return this.#carrier.bufferedBytes
  }

  send(frame: Frame): void {
    if (!this.#isClosed) this.#carrier.send(frame)
  }

  /** A frame came, as text. */
  receive(text: string): void {
    if (!this.#admits()) return
    if (Buffer.byteLength(text) > this.#host.limits.maxMessageBytes) {
      this.close('tooBig')
    } else {
      this.#inbox.push(text)
      this.#inboxLength += text.length
      if (this.#isInboxFull && !this.#isPaused) {
        this.#isPaused = true
        this.#carrier.pause?.()
      }
      this.#work()
    }
  }

  /** It asked whether we are there, by the means of its transport; false: leave that unanswered. */
  pinged(): boolean {
    return this.#admits() && this.bufferedBytes <= LOW_BYTES
  }

  /** Where no frame asks for it: transports whose request is the subscription. */
  subscribe(frame: SubscribeFrame | SubscribeMessagesFrame, isConflated = false): void {
    if (frame.stream === 'messages') {
      this.#subscriptions.addMessages(frame)
      return
    }
    // Until it has what it missed, what the client sent after it has to wait.
    this.#isBusy = frame.resume !== undefined
    this.#subscriptions.addReadings(frame, isConflated, () => {
      this.#isBusy = false
      this.#work()
    })
  }

  /** Of its first subscription: where it could be resumed. */
  get place(): string | null {
    return this.#subscriptions.place
  }

  close(reason: CloseReason, text: string = CLOSE_TEXT[reason]): void {
    if (this.#isClosed) return
    this.#host.countClose(reason)
    this.#carrier.close(CLOSE[reason], text)
    this.ended()
  }

  /** The other side is gone, or we have closed. */
  ended(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#authTimer) clearTimeout(this.#authTimer)
    this.#subscriptions.clear()
    this.#inbox.length = 0
    this.#inboxLength = 0
    this.#host.forget(this)
  }

  /** To be called about once a second: closes what stands still or has lost its right to be here. */
  check(nowMs: number): void {
    if (this.#hasStalled(nowMs)) this.close('tooSlow')
    else if (Date.now() >= (this.#principal?.expiresAtMs ?? Infinity)) this.close('notAuthorised')
  }

  /** Whether it may send one more now; whoever is too fast is closed. */
  #admits(): boolean {
    if (this.#isClosed) return false
    if (this.#bucket?.take(performance.now()) !== false) return true
    this.close('tooFast')
    return false
  }

  get #isInboxFull(): boolean {
    return this.#inbox.length >= MAX_INBOX || this.#inboxLength >= MAX_INBOX_LENGTH
  }

  #hasStalled(nowMs: number): boolean {
    const bytes = this.bufferedBytes
    if (bytes <= LOW_BYTES) this.#stall = null
    else if (!this.#stall || bytes < this.#stall.bytes) this.#stall = { bytes, sinceMs: nowMs }
    if (!this.#stall) return false
    return nowMs - this.#stall.sinceMs >= this.#host.limits.maxStallMs + patienceMs(bytes)
  }

  #hello(): void {
    const { head, node } = this.#host
    this.#reply({
      op: 'hello',
      protocol: LIVE_PROTOCOL,
      node,
      cursor: this.#host.cursor,
      seq: head,
      serverTime: Date.now(),
      limits: this.#host.clientLimits,
    })
  }

  #refuse(error: ErrorFrame): void {
    this.#host.countError(error.code)
    this.#reply(error)
  }

  #reply(reply: ServerFrame): void {
    const frame = frameOf(reply)
    this.send(frame)
    this.#host.countFrame(frame.bytes.length)
  }

  /** Handles what has come, unless something must be finished or taken by the client first. */
  #work(): void {
    while (!this.#isBusy && this.#inbox.length > 0) {
      if (this.bufferedBytes > HIGH_BYTES) {
        this.#host.whenDrained(this, () => this.#work())
        return
      }
      const text = this.#inbox.shift()!
      this.#inboxLength -= text.length
      if (this.#isPaused && !this.#isInboxFull) {
        this.#isPaused = false
        this.#carrier.resume?.()
      }
      this.#handle(text)
    }
  }

  #handle(text: string): void {
    const { maxDepth } = this.#host.limits
    const read: ReadFrame = isTooDeep(text, maxDepth)
      ? { ok: false, error: { op: 'error', code: 'bad-frame', message: `nested deeper than ${maxDepth}` } }
      : readClientFrame(text)
    if (!read.ok) {
      this.#refuse(read.error)
      if (!this.#principal) this.close('notAuthorised')
      return
    }
    const { frame } = read
    if (frame.op === 'auth') {
      void this.#authorise(frame.token)
    } else if (!this.#principal) {
      this.close('notAuthorised')
    } else {
      this.#take(frame, this.#principal)
    }
  }

  #take(frame: Exclude<ClientFrame, { op: 'auth' }>, principal: Principal): void {
    const refusal = this.#refusalOf(frame, principal)
    if (refusal) {
      this.#refuse({ op: 'error', ...refusal })
      return
    }
    switch (frame.op) {
      case 'ping':
        this.#reply({ op: 'pong' })
        break
      case 'subscribe':
        this.#reply({ op: 'result', id: frame.id, ok: true })
        this.subscribe(frame)
        break
      case 'unsubscribe':
        this.#subscriptions.drop(frame.id)
        this.#reply({ op: 'result', id: frame.id, ok: true })
        break
      case 'command':
        void this.#command(frame, principal)
    }
  }

  #refusalOf(frame: Exclude<ClientFrame, { op: 'auth' }>, principal: Principal): Refusal | null {
    if (frame.op === 'ping') return null
    const { id } = frame
    if (frame.op === 'unsubscribe') {
      if (this.#subscriptions.has(id)) return null
      return { id, code: 'unknown-id', message: 'there is no subscription with this id' }
    }
    if (this.#subscriptions.has(id) || this.#commands.has(id)) {
      return { id, code: 'id-in-use', message: 'this id is in use' }
    }
    const { maxSubscriptions, maxPendingCommands } = this.#host.limits
    if (frame.op === 'subscribe') {
      if (this.#subscriptions.size < maxSubscriptions) return null
      return { id, code: 'too-many-subscriptions', message: `at most ${maxSubscriptions} on one connection` }
    }
    if (!may(principal, 'act')) return { id, code: 'forbidden', message: 'viewers may not send commands' }
    if (this.#commands.size < maxPendingCommands) return null
    return { id, code: 'too-many-commands', message: 'wait for the results of earlier ones' }
  }

  /** A token after access was granted changes nothing: clients that have one always send it. */
  async #authorise(token: string): Promise<void> {
    if (this.#principal) return
    this.#isBusy = true
    const principal = await principalOf({ token }, this.#authenticate)
    this.#isBusy = false
    if (this.#isClosed) return
    if (principal) {
      if (this.#authTimer) clearTimeout(this.#authTimer)
      this.#principal = principal
      this.#host.welcome()
      this.#hello()
      this.#work()
    } else {
      this.close('notAuthorised')
    }
  }

  /** The result comes when it comes; what the client sends after it does not wait for it. */
  async #command(frame: CommandFrame, principal: Principal): Promise<void> {
    const { id, device, topic, payload, qos = 1, answer = true } = frame
    this.#commands.add(id)
    const outcome = await this.#host.command({
      id: `${this.number}:${id}`,
      device,
      topic,
      payload,
      qos,
      answer,
      principal,
    })
    this.#commands.delete(id)
    if (outcome.ok) this.#reply({ op: 'result', id, ...outcome })
    else this.#refuse({ op: 'error', id, code: outcome.code, message: outcome.message })
  }
}

interface Refusal {
  readonly id: Id
  readonly code: ErrorCode
  readonly message: string
}

const CLOSE_TEXT: Record<CloseReason, string> = {
  restarting: 'restarting',
  full: 'too many connections; try again in 30 s',
  notAuthorised: 'not authorised',
  forbidden: 'forbidden',
  authTooLate: 'no token came in time',
  tooSlow: 'the client does not take what it is sent',
  tooBig: 'message too big',
  tooFast: 'too many messages',
}
