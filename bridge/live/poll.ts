/** Live clients by long poll, for networks that let nothing but short requests through. */

import { setTimeout as sleep } from 'node:timers/promises'
import { problem } from '../http/problem.ts'
import type { AccessOptions } from './access.ts'
import type { Carrier, Connection } from './connection.ts'
import type { Frame } from './frame.ts'
import type { SubscribeFrame } from './protocol.ts'
import type { Relay } from './relay.ts'
import { type LiveContext, type LiveRequest, readLiveRequest } from './request.ts'

/** How long an answer may be waited for. */
const WAIT_MS = 25_000
/** What comes within this time of the first is answered with it. */
const LINGER_MS = 5

export async function servePoll(c: LiveContext, relay: Relay, options: AccessOptions): Promise<Response> {
  const request = await readLiveRequest(c, relay, options)
  if (request instanceof Response) return request
  const { subscribe } = request
  if (subscribe?.stream === 'messages') {
    return problem(c, 400, 'not-available', 'messages are not kept: watch them by WebSocket or /live/events')
  }
  const poll = new Poll(relay, request)
  c.env.outgoing.once('close', () => poll.end())
  if (subscribe) await poll.collect(subscribe)
  return c.body(poll.answer(), 200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
}

/** One request: a connection that ends with the first frames. */
class Poll {
  readonly #connection: Connection
  readonly #frames: Frame[] = []
  /** The first frame has come, or the end. */
  readonly #woken = Promise.withResolvers<void>()
  #hello: Frame | null = null
  readonly #isFirst: boolean
  #bytes = 0
  #cursor: string

  constructor(relay: Relay, { address, principal, subscribe }: LiveRequest) {
    const resume = subscribe?.stream === 'messages' ? undefined : subscribe?.resume
    this.#isFirst = resume === undefined
    this.#cursor = resume ?? relay.cursor
    this.#connection = relay.connect(this.#carrier(), { address, principal })
  }

  async collect(subscribe: SubscribeFrame): Promise<void> {
    const { resume, maxHz } = subscribe
    const endMs = performance.now() + WAIT_MS
    // The rate is kept by answering later, with the newest of what came meanwhile.
    if (resume !== undefined && maxHz !== undefined) await this.#wait(Math.min(WAIT_MS, 1000 / maxHz))
    this.#connection.subscribe({ ...subscribe, maxHz: undefined }, maxHz !== undefined)
    if (resume === undefined) return
    if (this.#frames.length === 0) await this.#wait(endMs - performance.now())
    if (this.#frames.length > 0) await sleep(LINGER_MS)
  }

  /** Ends it. */
  answer(): string {
    this.#cursor = this.#connection.place ?? this.#cursor
    this.end()
    const frames = this.#frames.map(frame => frame.bytes.toString())
    const hello = this.#hello && this.#isFirst ? `,"hello":${this.#hello.bytes.toString()}` : ''
    const head = `{"cursor":${JSON.stringify(this.#cursor)},"serverTime":${Date.now()}${hello}`
    return `${head},"frames":[${frames.join(',')}]}`
  }

  end(): void {
    this.#connection.ended()
    this.#woken.resolve()
  }

  async #wait(ms: number): Promise<void> {
    const timer = new AbortController()
    const elapsed = sleep(ms, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([elapsed, this.#woken.promise])
    timer.abort()
  }

  #carrier(): Carrier {
    const poll = this
    return {
      send: frame => this.#keep(frame),
      // The answer is the buffer: what does not fit into this one waits in the ring for the next request.
      get bufferedBytes() {
        return poll.#bytes
      },
      close: () => this.#woken.resolve(),
    }
  }

  #keep(frame: Frame): void {
    if (frame.op === 'hello') {
      this.#hello = frame
    } else if (frame.op !== 'readings' || frame.count > 0) {
      this.#frames.push(frame)
      this.#bytes += frame.bytes.length
      this.#woken.resolve()
    }
  }
}
