/**
 * What MQTT delivered, and what became of it, for those who want to see it. Nothing is kept: who was not there,
 * or too slow, does not get it, and is told how many.
 */

import { performance } from 'node:perf_hooks'
import type { Message } from '../telemetry/message.ts'
import type { Filter } from './filter.ts'
import { bodyOf, type Frame, frameAround } from './frame.ts'
import type { Id, LiveMessage, LivePayload } from './protocol.ts'
import type { Counting, LiveStats } from './stats.ts'
import { HIGH_BYTES, type Outlet } from './subscription.ts'

export interface MessageRecord {
  readonly message: Message
  /** When it arrived. */
  readonly receivedUs: number
  /** In the ledger's words: `stored`, `quarantined`, `ignored:duplicate`, `dropped:forbidden`, ... */
  readonly result: string
}

/** Of a payload at the most so much is shown. */
const MAX_SHOWN_BYTES = 16 * 1024
/** Past so many bytes a flush does not wait for its turn, and a subscription with a rate keeps only the newest. */
const MAX_PENDING_BYTES = 256 * 1024
/** Of a message, beside its payload. */
const ENVELOPE_BYTES = 200

export class MessageSubscription {
  readonly id: Id
  readonly filter: Filter
  readonly periodMs: number
  readonly outlet: Outlet
  /** Left out since the last frame. */
  skipped = 0
  waiting: string[] = []
  dueMs = 0

  constructor(id: Id, filter: Filter, periodMs: number, outlet: Outlet) {
    this.id = id
    this.filter = filter
    this.periodMs = periodMs
    this.outlet = outlet
  }
}

export interface MessageStreamOptions {
  readonly stats: Counting<LiveStats>
  readonly cursor: () => string
  readonly requestFlush: () => void
}

export class MessageStream {
  readonly #subscriptions = new Set<MessageSubscription>()
  readonly #options: MessageStreamOptions
  #pending: MessageRecord[] = []
  #pendingBytes = 0

  constructor(options: MessageStreamOptions) {
    this.#options = options
  }

  get isWanted(): boolean {
    return this.#subscriptions.size > 0
  }

  offer(record: MessageRecord): void {
    if (!this.isWanted) return
    this.#pending.push(record)
    this.#pendingBytes += ENVELOPE_BYTES + Math.min(record.message.payload.length, MAX_SHOWN_BYTES)
    if (this.#pendingBytes >= MAX_PENDING_BYTES) this.flush()
    else this.#options.requestFlush()
  }

  start(subscription: MessageSubscription): void {
    this.#subscriptions.add(subscription)
  }

  stop(subscription: MessageSubscription): void {
    this.#subscriptions.delete(subscription)
  }

  /** Returns how many deliveries it made. */
  flush(): number {
    const records = this.#pending
    if (!this.isWanted && records.length === 0) return 0
    this.#pending = []
    this.#pendingBytes = 0
    const tick = new MessageTick(records, this.#options.cursor())
    let deliveries = 0
    for (const subscription of this.#subscriptions) deliveries += this.#serve(subscription, tick)
    return deliveries
  }

  close(): void {
    this.#subscriptions.clear()
    this.#pending = []
  }

  #serve(subscription: MessageSubscription, tick: MessageTick): number {
    const { outlet, periodMs } = subscription
    const matching = tick.matching(subscription.filter)
    if (periodMs > 0) return this.#serveRated(subscription, matching, tick)
    if (matching.length === 0) return 0
    if (outlet.bufferedBytes > HIGH_BYTES) {
      this.#skip(subscription, matching.length)
      return 0
    }
    return this.#send(subscription, tick.frame(subscription))
  }

  /** The newest of them, a frame at a time; late ones go with the next flush. */
  #serveRated(subscription: MessageSubscription, matching: readonly string[], tick: MessageTick): number {
    const { waiting, outlet } = subscription
    waiting.push(...matching)
    const surplus = surplusOf(waiting)
    if (surplus > 0) {
      waiting.splice(0, surplus)
      this.#skip(subscription, surplus)
    }
    const nowMs = performance.now()
    if (waiting.length === 0 || nowMs < subscription.dueMs || outlet.bufferedBytes > HIGH_BYTES) return 0
    subscription.dueMs = nowMs + subscription.periodMs
    subscription.waiting = []
    return this.#send(subscription, messagesFrame(subscription, tick.cursor, waiting))
  }

  #skip(subscription: MessageSubscription, messages: number): void {
    subscription.skipped += messages
    this.#options.stats.skippedMessages += messages
  }

  #send(subscription: MessageSubscription, frame: Frame): number {
    subscription.skipped = 0
    const { stats } = this.#options
    stats.frames++
    stats.bytes += frame.bytes.length
    stats.messageDeliveries += frame.count
    subscription.outlet.send(frame)
    return frame.count
  }
}

/** How many of the oldest are too many. */
function surplusOf(json: readonly string[]): number {
  let bytes = 0
  return (
    1 +
    json.findLastIndex(one => {
      bytes += one.length
      return bytes > MAX_PENDING_BYTES
    })
  )
}

/** The messages between two flushes, encoded once for all who want the same. */
class MessageTick {
  readonly cursor: string
  readonly #records: readonly MessageRecord[]
  readonly #json: string[] = []
  readonly #matching = new Map<string, readonly string[]>()
  readonly #frames = new Map<string, Frame>()

  constructor(records: readonly MessageRecord[], cursor: string) {
    this.#records = records
    this.cursor = cursor
  }

  matching(filter: Filter): readonly string[] {
    let matching = this.#matching.get(filter.key)
    if (!matching) {
      const wanted: string[] = []
      for (const [i, record] of this.#records.entries()) {
        if (!filter.matches('', record.message.topic)) continue
        this.#json[i] ??= JSON.stringify(liveMessage(record))
        wanted.push(this.#json[i])
      }
      matching = wanted
      this.#matching.set(filter.key, matching)
    }
    return matching
  }

  frame(subscription: MessageSubscription): Frame {
    const { id, filter, skipped } = subscription
    const key = `${skipped} ${JSON.stringify(id)} ${filter.key}`
    let frame = this.#frames.get(key)
    if (!frame) {
      frame = messagesFrame(subscription, this.cursor, this.matching(filter))
      this.#frames.set(key, frame)
    }
    return frame
  }
}

function messagesFrame({ id, skipped }: MessageSubscription, cursor: string, json: readonly string[]): Frame {
  const head = `{"op":"messages","id":${JSON.stringify(id)},"cursor":"${cursor}","skipped":${skipped},"messages":[`
  return frameAround('messages', cursor, head, bodyOf(json))
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function liveMessage({ message, receivedUs, result }: MessageRecord): LiveMessage {
  const { topic, payload, qos, retain, client } = message
  return {
    topic,
    ...shownPayload(payload),
    qos,
    retain,
    time: receivedUs / 1000,
    client,
    result,
  }
}

/** As text when it is text; the beginning of one that is long. */
export function shownPayload(payload: Uint8Array): LivePayload {
  const shown = payload.subarray(0, MAX_SHOWN_BYTES)
  const cut = shown.length < payload.length ? { cutFrom: payload.length } : {}
  try {
    return { payload: strictUtf8.decode(shown), ...cut }
  } catch {
    return { payloadBase64: Buffer.from(shown).toString('base64'), ...cut }
  }
}
