/**
 * The stream of readings and everyone who follows it. A subscription is either in a group, which is served as
 * one, or behind, a place in the ring from which it catches up; it moves between the two only where the groups
 * stand (`flushed`), so that nothing is sent twice and nothing is left out.
 *
 *     offer -> ring, pending --flush--> groups (all at `flushed`)
 *                                        |  too slow      ^  caught up
 *                                        v                |
 *                                      behind (each at its own place in the ring)
 */

import { performance } from 'node:perf_hooks'
import type { AcceptedReading } from '../telemetry/reading.ts'
import type { Series } from '../telemetry/series.ts'
import { CatchUp, type CatchUpHost } from './catch-up.ts'
import { cursorOf, seqOf } from './cursor.ts'
import { Delays } from './delays.ts'
import { type Frame, frameAround, frameOf } from './frame.ts'
import type { GroupHost } from './group.ts'
import { Groups } from './groups.ts'
import type { GapReason } from './protocol.ts'
import { readingJson } from './reading-json.ts'
import { Ring, type RingSize } from './ring.ts'
import { type Snapshot, Snapshots } from './snapshot.ts'
import type { Counting, LiveStats } from './stats.ts'
import { type Loss, listHead, type Subscription } from './subscription.ts'
import { Tick } from './tick.ts'

/** Past so many bytes a flush does not wait for its turn: a frame is what a frozen client may cost. */
const MAX_PENDING_BYTES = 256 * 1024

export interface Batch {
  readonly epoch: string
  readonly readings: readonly AcceptedReading[]
}

export interface StreamOptions {
  readonly epoch: string
  readonly ring: RingSize
  readonly lastReadings: () => Iterable<Series>
  readonly maxSlowBytes: number
  readonly stats: Counting<LiveStats>
  /** Something waits to be flushed. */
  readonly requestFlush: () => void
}

export interface Start {
  /** A cursor. */
  readonly resume?: string | undefined
  readonly snapshot: boolean
  /** Of what was missed, the newest values will do. */
  readonly isConflated?: boolean
}

export class ReadingStream implements GroupHost, CatchUpHost {
  readonly #ring: Ring
  readonly #ringEntries: number
  readonly #snapshots: Snapshots
  readonly #catchUp: CatchUp
  readonly #groups = new Groups(this)
  readonly #stats: Counting<LiveStats>
  readonly #requestFlush: () => void
  #epoch: string
  #pending: AcceptedReading[] = []
  #pendingBytes = 0
  /** When the first of them came. */
  #pendingSinceMs = 0
  readonly delays = new Delays(performance.now())
  #flushed = 0
  #isWatched = false
  /** Up to this seq somebody who was here may come back and resume. */
  #keepUntil = 0

  constructor(options: StreamOptions) {
    this.#epoch = options.epoch
    this.#ring = new Ring(options.ring)
    this.#ringEntries = options.ring.entries
    this.#snapshots = new Snapshots(options.lastReadings)
    this.#catchUp = new CatchUp(this, this.#ring, options.maxSlowBytes)
    this.#stats = options.stats
    this.#requestFlush = options.requestFlush
  }

  get head(): number {
    return this.#ring.last
  }

  get flushed(): number {
    return this.#flushed
  }

  get ringBytes(): number {
    return this.#ring.memoryBytes
  }

  cursorAt(seq: number): string {
    return cursorOf(this.#epoch, seq)
  }

  /** Whether anybody is connected. When nobody was for as long as the ring reaches, nothing is kept. */
  watch(isWatched: boolean): void {
    this.#isWatched = isWatched
    this.#keepUntil = this.head + this.#ringEntries
  }

  offer({ epoch, readings }: Batch): void {
    if (!this.#isWatched && this.head >= this.#keepUntil) {
      this.#skip(epoch, readings)
      return
    }
    if (epoch !== this.#epoch && readings.length > 0) this.#beginEpoch(epoch, readings[0]!.seq)
    const isIdle = this.#groups.isEmpty && this.#catchUp.isEmpty
    for (const reading of readings) {
      if (reading.seq !== this.#ring.last + 1) {
        if (reading.seq <= this.#ring.last) continue
        this.#jump(reading.seq)
      }
      this.#pendingBytes += this.#ring.append(readingJson(reading))
      if (isIdle) continue
      if (this.#pending.push(reading) === 1) this.#pendingSinceMs = performance.now()
      if (this.#pendingBytes >= MAX_PENDING_BYTES) this.flush()
    }
    if (isIdle) this.#skipFlush()
    else this.#requestFlush()
  }

  /** Begins to serve it: after a cursor, with a snapshot, or with what comes next. */
  start(subscription: Subscription, from: Start): void {
    subscription.resumeTo = this.head
    subscription.isSlow = from.isConflated ?? false
    if (from.resume !== undefined) this.#resume(subscription, from.resume)
    else if (from.snapshot)
      this.#sendSnapshot(subscription, this.#snapshots.of(subscription.filter, this.head))
    else subscription.position = this.head
    this.#catchUp.add(subscription)
    this.#catchUp.run()
  }

  /** Where it could be resumed; null while it is owed a gap. */
  placeOf(subscription: Subscription): string | null {
    if (subscription.loss) return null
    return this.cursorAt(this.#groups.has(subscription) ? this.#flushed : subscription.position)
  }

  /** Nothing follows for it. */
  stop(subscription: Subscription): void {
    subscription.isEnded = true
    this.#detach(subscription)
  }

  /** Returns how many deliveries it made. */
  flush(): number {
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    let deliveries = 0
    if (this.#ring.reachesBackTo > this.#flushed) this.#interrupt('slow-client')
    if (this.#ring.last > this.#flushed) {
      const tick = new Tick(this.#ring, this.#flushed, pending, performance.now())
      deliveries = this.#groups.flush(tick)
      this.#flushed = tick.upTo
      const nowMs = performance.now()
      // All of them count as the one that waited longest.
      if (deliveries > 0) this.delays.note(nowMs - this.#pendingSinceMs, pending.length, nowMs)
    }
    this.#catchUp.run()
    return deliveries
  }

  /** To be called about once a second. */
  refresh(nowMs: number, idleMs: number): void {
    this.#groups.refresh(nowMs - idleMs, nowMs)
    this.#snapshots.forget(nowMs)
  }

  close(): void {
    this.#groups.close()
    this.#catchUp.close()
    this.#pending = []
  }

  // for groups and those who catch up

  sent(frame: Frame, skipped: number, clients: number): void {
    this.#stats.frames += clients
    this.#stats.bytes += clients * frame.bytes.length
    this.#stats.deliveries += clients * frame.count
    this.#stats.skipped += clients * skipped
  }

  fellBehind(subscription: Subscription): void {
    this.#groups.forget(subscription)
    subscription.isSlow = true
    this.#catchUp.add(subscription)
  }

  caughtUp(subscription: Subscription): void {
    this.#groups.join(subscription)
    subscription.isSlow = false
    const { onCaughtUp } = subscription
    subscription.onCaughtUp = null
    onCaughtUp?.()
  }

  startAnew(subscription: Subscription, { from, reason }: Loss): void {
    const snapshot = this.#snapshots.of(subscription.filter, this.head, from ?? 0)
    const gap = frameOf({ op: 'gap', id: subscription.id, from, to: snapshot.seq, reason })
    subscription.outlet.send(gap)
    this.#stats.gaps++
    this.sent(gap, 0, 1)
    this.#sendSnapshot(subscription, snapshot)
    subscription.loss = null
    subscription.isSlow = false
    subscription.resumeTo = subscription.position
  }

  #detach(subscription: Subscription): void {
    if (!this.#catchUp.delete(subscription)) this.#groups.leave(subscription)
  }

  #sendSnapshot(subscription: Subscription, { seq, body }: Snapshot): void {
    const { id, outlet } = subscription
    const cursor = this.cursorAt(seq)
    const frame = frameAround('snapshot', cursor, listHead('snapshot', id, cursor, seq), body)
    outlet.send(frame)
    subscription.position = seq
    this.#stats.snapshots++
    this.sent(frame, 0, 1)
  }

  #resume(subscription: Subscription, cursor: string): void {
    const seq = seqOf(cursor, this.#epoch, this.head)
    if (seq === null) subscription.loss = { from: null, reason: 'restarted' }
    else subscription.position = seq
    this.#stats.resumes++
  }

  /** Nobody can ever ask for these: only the numbers matter. */
  #skip(epoch: string, readings: readonly AcceptedReading[]): void {
    const newest = readings.at(-1)
    if (!newest) return
    if (epoch !== this.#epoch) this.#snapshots.clear()
    this.#epoch = epoch
    this.#ring.restart(newest.seq)
    this.#flushed = newest.seq
  }

  /** Nobody listens. */
  #skipFlush(): void {
    this.#flushed = this.#ring.last
    this.#pendingBytes = 0
    if (this.#pending.length > 0) this.#pending = []
  }

  /** The numbering begins anew: what clients hold means nothing any more. */
  #beginEpoch(epoch: string, firstSeq: number): void {
    this.flush()
    this.#ring.restart(firstSeq - 1)
    this.#epoch = epoch
    this.#interrupt('restarted')
  }

  /** Readings are missing before this one: another node's, that never came. */
  #jump(seq: number): void {
    this.flush()
    this.#ring.restart(seq - 1)
    this.#interrupt('node-lost')
  }

  /** Everyone starts anew from a snapshot. */
  #interrupt(reason: GapReason): void {
    const everyone = [...this.#groups.members(), ...this.#catchUp.all()]
    for (const subscription of everyone) {
      this.#detach(subscription)
      subscription.loss = { from: reason === 'restarted' ? null : subscription.position + 1, reason }
      this.#catchUp.add(subscription)
    }
    this.#snapshots.clear()
    this.#flushed = this.#ring.last
  }
}
