/** The groups there are, and who is in which. */

import { performance } from 'node:perf_hooks'
import { type Group, type GroupHost, RatedGroup, TickGroup } from './group.ts'
import type { Subscription } from './subscription.ts'
import type { Tick } from './tick.ts'

export class Groups {
  readonly #host: GroupHost
  readonly #byKey = new Map<string, Group>()
  readonly #groupOf = new Map<Subscription, Group>()

  constructor(host: GroupHost) {
    this.#host = host
  }

  get isEmpty(): boolean {
    return this.#byKey.size === 0
  }

  has(subscription: Subscription): boolean {
    return this.#groupOf.has(subscription)
  }

  members(): Iterable<Subscription> {
    return this.#groupOf.keys()
  }

  /** Its position must be where the host stands. */
  join(subscription: Subscription): void {
    const key = subscription.groupKey
    let group = this.#byKey.get(key)
    if (!group) {
      const kind = subscription.periodMs > 0 ? RatedGroup : TickGroup
      group = new kind(this.#host, subscription, performance.now())
      this.#byKey.set(key, group)
    }
    group.join(subscription)
    this.#groupOf.set(subscription, group)
  }

  /** Sets its position. */
  leave(subscription: Subscription): void {
    this.#groupOf.get(subscription)?.leave(subscription)
    this.forget(subscription)
  }

  /** It has left its group already. */
  forget(subscription: Subscription): void {
    const group = this.#groupOf.get(subscription)
    this.#groupOf.delete(subscription)
    if (!group?.isEmpty) return
    group.close()
    this.#byKey.delete(subscription.groupKey)
  }

  /** Returns how many deliveries it made. */
  flush(tick: Tick): number {
    let deliveries = 0
    for (const group of this.#byKey.values()) deliveries += group.flush(tick)
    return deliveries
  }

  refresh(beforeMs: number, nowMs: number): void {
    for (const group of this.#byKey.values()) group.refresh(beforeMs, nowMs)
  }

  close(): void {
    for (const group of this.#byKey.values()) group.close()
    this.#byKey.clear()
    this.#groupOf.clear()
  }
}
