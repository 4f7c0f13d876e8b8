/**
 * Subscriptions that are behind: new ones, resuming ones, and those of clients that were too slow. Each is only
 * a place in the ring, so however long a client stands still, nothing is kept for it.
 *
 *     resuming, new    the missed readings in order, a slice at a time, as fast as the client takes them
 *     slow             the newest values since its place, in one frame
 *     too far back     a gap and a snapshot
 *
 * Work goes on in slices of a few milliseconds, so that a crowd that comes back does not delay the others.
 */

import { performance } from 'node:perf_hooks'
import { Conflation } from './conflation.ts'
import type { Filter } from './filter.ts'
import { type Body, bodyOf, type Frame, frameAround } from './frame.ts'
import { parseReading, readingJson } from './reading-json.ts'
import type { Ring } from './ring.ts'
import { LOW_BYTES, type Loss, listHead, type Subscription } from './subscription.ts'

const SLICE_BYTES = 64 * 1024
const SLICE_MS = 4
/** How often clients that are not taking anything are looked at. */
const RECHECK_MS = 20

export interface CatchUpHost {
  cursorAt(seq: number): string
  readonly flushed: number
  sent(frame: Frame, skipped: number, clients: number): void
  /** Sends gap and snapshot, and moves the subscription to the snapshot's place. */
  startAnew(subscription: Subscription, loss: Loss): void
  /** Its position is `flushed`: it takes part again. */
  caughtUp(subscription: Subscription): void
}

export class CatchUp {
  readonly #host: CatchUpHost
  readonly #ring: Ring
  /** A slow client this many bytes back gets a gap instead. */
  readonly #maxSlowBytes: number
  readonly #ready = new Set<Subscription>()
  /** Those whose client must take something first. */
  readonly #blocked = new Set<Subscription>()
  #immediate: NodeJS.Immediate | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(host: CatchUpHost, ring: Ring, maxSlowBytes: number) {
    this.#host = host
    this.#ring = ring
    this.#maxSlowBytes = maxSlowBytes
  }

  get isEmpty(): boolean {
    return this.#ready.size === 0 && this.#blocked.size === 0
  }

  add(subscription: Subscription): void {
    this.#ready.add(subscription)
  }

  delete(subscription: Subscription): boolean {
    return this.#ready.delete(subscription) || this.#blocked.delete(subscription)
  }

  all(): Subscription[] {
    return [...this.#ready, ...this.#blocked]
  }

  /** Does what can be done now, in a slice of time; asks for another turn when there is more. */
  readonly run = (): void => {
    if (this.#immediate) clearImmediate(this.#immediate)
    this.#immediate = null
    const stopMs = performance.now() + SLICE_MS
    const waiting: Subscription[] = []
    // One with more to do is added again at the end, so this goes round until nothing is left or time is up.
    for (const subscription of this.#ready) {
      if (performance.now() > stopMs) {
        this.#immediate = setImmediate(this.run)
        break
      }
      this.#ready.delete(subscription)
      const next = this.#step(subscription)
      // What its frames set off may have ended it.
      if (subscription.isEnded) continue
      if (next === 'more') this.#ready.add(subscription)
      if (next === 'blocked') this.#blocked.add(subscription)
      if (next === 'ahead') waiting.push(subscription)
    }
    for (const subscription of waiting) if (!subscription.isEnded) this.#ready.add(subscription)
    if (this.#blocked.size > 0) this.#timer ??= setTimeout(this.#recheck, RECHECK_MS)
  }

  close(): void {
    if (this.#immediate) clearImmediate(this.#immediate)
    if (this.#timer) clearTimeout(this.#timer)
    this.#immediate = null
    this.#timer = null
    this.#ready.clear()
    this.#blocked.clear()
  }

  readonly #recheck = (): void => {
    this.#timer = null
    for (const subscription of this.#blocked) {
      if (subscription.outlet.bufferedBytes > LOW_BYTES) continue
      this.#blocked.delete(subscription)
      this.#ready.add(subscription)
    }
    this.run()
  }

  /** `ahead`: what it lacks comes with the next flush. */
  #step(subscription: Subscription): 'done' | 'more' | 'blocked' | 'ahead' {
    const { flushed } = this.#host
    if (!subscription.loss && subscription.position >= flushed) {
      if (subscription.position > flushed) return 'ahead'
      this.#host.caughtUp(subscription)
      return 'done'
    }
    if (subscription.outlet.bufferedBytes > LOW_BYTES) {
      if (subscription.position >= subscription.resumeTo) subscription.isSlow = true
      return 'blocked'
    }
    const loss = subscription.loss ?? this.#lossOf(subscription, flushed)
    if (loss) this.#host.startAnew(subscription, loss)
    else if (subscription.isSlow) this.#conflate(subscription, flushed)
    else this.#replay(subscription, flushed)
    return 'more'
  }

  #lossOf({ position, isSlow, resumeTo }: Subscription, flushed: number): Loss | null {
    if (position < this.#ring.reachesBackTo) {
      return { from: position + 1, reason: position < resumeTo ? 'too-old' : 'slow-client' }
    }
    if (isSlow && this.#ring.bytesBetween(position, flushed) > this.#maxSlowBytes) {
      return { from: position + 1, reason: 'slow-client' }
    }
    return null
  }

  #replay(subscription: Subscription, upTo: number): void {
    const slice = this.#ring.slice(subscription.position, upTo, SLICE_BYTES)
    const { filter } = subscription
    const body = filter.matchesAll ? slice : this.#filtered(filter, subscription.position, slice.upTo)
    subscription.position = slice.upTo
    if (body.count > 0) this.#send(subscription, body, 0)
  }

  #filtered(filter: Filter, after: number, upTo: number): Body {
    const json: string[] = []
    for (let seq = after + 1; seq <= upTo; seq++) {
      const entry = this.#ring.entry(seq)
      const reading = parseReading(entry, seq)
      const fields = filter.select(reading)
      if (fields) json.push(fields === reading.fields ? entry : readingJson(reading, fields))
    }
    return bodyOf(json)
  }

  #conflate(subscription: Subscription, upTo: number): void {
    const newest = new Conflation()
    for (let seq = subscription.position + 1; seq <= upTo; seq++) {
      const reading = parseReading(this.#ring.entry(seq), seq)
      const fields = subscription.filter.select(reading)
      if (fields) newest.take(reading, fields)
    }
    subscription.position = upTo
    if (newest.isEmpty) return
    this.#send(subscription, bodyOf(newest.toJson()), newest.skippedValues)
  }

  #send({ id, position, outlet }: Subscription, body: Body, skipped: number): void {
    const cursor = this.#host.cursorAt(position)
    const frame = frameAround('readings', cursor, listHead('readings', id, cursor, position, skipped), body)
    outlet.send(frame)
    this.#host.sent(frame, skipped, 1)
  }
}
