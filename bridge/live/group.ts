/**
 * Subscriptions that want the same (filter, rate, id) and have got equally far: what is sent to one is sent to
 * all, as the same bytes. Two kinds: without a rate every tick's readings, with one the newest values.
 */

import { Conflation } from './conflation.ts'
import { bodyOf, type Frame, frameAround } from './frame.ts'
import { HIGH_BYTES, listHead, type Subscription } from './subscription.ts'
import type { Tick } from './tick.ts'

/** What groups need of the stream they belong to. */
export interface GroupHost {
  cursorAt(seq: number): string
  /** Up to where every group was served. */
  readonly flushed: number
  /** A frame went to so many clients. */
  sent(frame: Frame, skipped: number, clients: number): void
  /** This one takes no more: it has left the group, with its position set. */
  fellBehind(subscription: Subscription): void
}

export interface Group {
  readonly isEmpty: boolean
  /** For a subscription whose position is where the host stands. */
  join(subscription: Subscription): void
  leave(subscription: Subscription): void
  /** Returns how many deliveries it made. */
  flush(tick: Tick): number
  /** A frame without readings when none went out since `beforeMs`, so that cursors stay fresh. */
  refresh(beforeMs: number, nowMs: number): void
  close(): void
}

export class TickGroup implements Group {
  readonly #host: GroupHost
  readonly #sample: Subscription
  readonly #members = new Set<Subscription>()
  #told: number
  #lastFrameMs: number

  constructor(host: GroupHost, sample: Subscription, nowMs: number) {
    this.#host = host
    this.#sample = sample
    this.#told = host.flushed
    this.#lastFrameMs = nowMs
  }

  get isEmpty(): boolean {
    return this.#members.size === 0
  }

  join(subscription: Subscription): void {
    this.#members.add(subscription)
  }

  leave(subscription: Subscription): void {
    if (this.#members.delete(subscription)) subscription.position = this.#host.flushed
  }

  flush(tick: Tick): number {
    const { filter, id } = this.#sample
    const body = tick.body(filter)
    if (body.count === 0) return 0
    const cursor = this.#host.cursorAt(tick.upTo)
    const frame = frameAround('readings', cursor, listHead('readings', id, cursor, tick.upTo), body)
    return this.#send(frame, tick.upTo, tick.nowMs)
  }

  refresh(beforeMs: number, nowMs: number): void {
    const seq = this.#host.flushed
    if (this.#lastFrameMs >= beforeMs || seq === this.#told) return
    const cursor = this.#host.cursorAt(seq)
    const frame = frameAround(
      'readings',
      cursor,
      listHead('readings', this.#sample.id, cursor, seq),
      bodyOf([]),
    )
    this.#send(frame, seq, nowMs)
  }

  close(): void {
    this.#members.clear()
  }

  #send(frame: Frame, seq: number, nowMs: number): number {
    this.#told = seq
    this.#lastFrameMs = nowMs
    let clients = 0
    for (const member of this.#members) {
      if (sendTo(member, frame)) clients++
      else {
        this.leave(member)
        this.#host.fellBehind(member)
      }
    }
    this.#host.sent(frame, 0, clients)
    return clients * frame.count
  }
}

/** Members that joined between two frames have got less far: they wait in a cohort of their own for the next. */
interface Cohort {
  position: number
  readonly members: Set<Subscription>
  readonly newest: Conflation
}

/** So much is kept back at the most; a frame goes out early rather than growing without bound. */
const MAX_KEPT_VALUES = 32_768
const MAX_COHORTS = 64

export class RatedGroup implements Group {
  readonly #host: GroupHost
  readonly #sample: Subscription
  #cohorts: Cohort[] = []
  #dueMs = 0
  #told: number
  #lastFrameMs: number
  #timer: NodeJS.Timeout | null = null

  constructor(host: GroupHost, sample: Subscription, nowMs: number) {
    this.#host = host
    this.#sample = sample
    this.#told = host.flushed
    this.#lastFrameMs = nowMs
  }

  get isEmpty(): boolean {
    return this.#cohorts.every(cohort => cohort.members.size === 0)
  }

  join(subscription: Subscription): void {
    let cohort = this.#cohorts.find(({ newest }) => newest.isEmpty)
    if (!cohort) {
      if (this.#cohorts.length >= MAX_COHORTS) this.#emit(performance.now())
      cohort = this.#cohorts.find(({ newest }) => newest.isEmpty)
    }
    if (!cohort) {
      cohort = { position: 0, members: new Set(), newest: new Conflation() }
      this.#cohorts.push(cohort)
    }
    // Nothing matched since its position, so it may as well stand here.
    cohort.position = this.#host.flushed
    cohort.members.add(subscription)
  }

  leave(subscription: Subscription): void {
    for (const cohort of this.#cohorts) {
      if (cohort.members.delete(subscription)) subscription.position = cohort.position
    }
  }

  flush(tick: Tick): number {
    const { filter } = this.#sample
    for (const reading of tick.readings) {
      const fields = filter.select(reading)
      if (fields) for (const cohort of this.#cohorts) cohort.newest.take(reading, fields)
    }
    const kept = Math.max(...this.#cohorts.map(cohort => cohort.newest.keptValues))
    if (kept <= 0) return 0
    if (tick.nowMs >= this.#dueMs || kept > MAX_KEPT_VALUES) return this.#emit(tick.nowMs, tick.upTo)
    this.#timer ??= setTimeout(() => this.#emit(performance.now()), Math.ceil(this.#dueMs - tick.nowMs))
    return 0
  }

  refresh(beforeMs: number, nowMs: number): void {
    if (this.#lastFrameMs < beforeMs && this.#host.flushed !== this.#told) this.#emit(nowMs)
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#cohorts = []
  }

  /** Every cohort is sent what it lacks; after that they stand at the same place and are one. */
  #emit(nowMs: number, seq = this.#host.flushed): number {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    this.#dueMs = nowMs + this.#sample.periodMs
    this.#told = seq
    this.#lastFrameMs = nowMs
    const [first, ...others] = this.#cohorts
    if (!first) return 0
    let deliveries = 0
    for (const cohort of this.#cohorts) {
      deliveries += this.#send(cohort, seq)
      cohort.newest.clear()
    }
    first.position = seq
    for (const cohort of others) for (const member of cohort.members) first.members.add(member)
    this.#cohorts = [first]
    return deliveries
  }

  #send(cohort: Cohort, seq: number): number {
    const cursor = this.#host.cursorAt(seq)
    const skipped = cohort.newest.skippedValues
    const head = listHead('readings', this.#sample.id, cursor, seq, skipped)
    const frame = frameAround('readings', cursor, head, bodyOf(cohort.newest.toJson()))
    let clients = 0
    for (const member of cohort.members) {
      if (sendTo(member, frame)) clients++
      else {
        cohort.members.delete(member)
        member.position = cohort.position
        this.#host.fellBehind(member)
      }
    }
    this.#host.sent(frame, skipped, clients)
    return clients * frame.count
  }
}

function sendTo(subscription: Subscription, frame: Frame): boolean {
  const { outlet } = subscription
  if (outlet.bufferedBytes > HIGH_BYTES) return false
  outlet.send(frame)
  return true
}
