/** What one connection follows, by id: readings and messages. */

import { type DeviceNames, Filter } from './filter.ts'
import { type MessageStream, MessageSubscription } from './message-stream.ts'
import type { Id, SubscribeFrame, SubscribeMessagesFrame } from './protocol.ts'
import type { ReadingStream } from './reading-stream.ts'
import { type Outlet, Subscription } from './subscription.ts'

/** What there is to follow. */
export interface Streams {
  readonly readings: ReadingStream
  readonly messages: MessageStream
  /** What filters may call devices beside their ids. */
  readonly names: DeviceNames | undefined
  countSubscriptions(change: number): void
}

export class Subscriptions {
  readonly #streams: Streams
  readonly #outlet: Outlet
  readonly #byId = new Map<Id, Subscription | MessageSubscription>()

  constructor(streams: Streams, outlet: Outlet) {
    this.#streams = streams
    this.#outlet = outlet
  }

  get size(): number {
    return this.#byId.size
  }

  has(id: Id): boolean {
    return this.#byId.has(id)
  }

  /** Of the first: where it could be resumed. */
  get place(): string | null {
    const [first] = this.#byId.values()
    return first instanceof Subscription ? this.#streams.readings.placeOf(first) : null
  }

  /** `onCaughtUp` is called when it has everything that was there. */
  addReadings(frame: SubscribeFrame, isConflated: boolean, onCaughtUp: () => void): void {
    const { id, resume, snapshot = true } = frame
    const subscription = new Subscription(
      id,
      new Filter(frame, this.#streams.names),
      periodMs(frame),
      this.#outlet,
    )
    subscription.onCaughtUp = onCaughtUp
    this.#add(id, subscription)
    this.#streams.readings.start(subscription, { resume, snapshot, isConflated })
  }

  addMessages(frame: SubscribeMessagesFrame): void {
    const filter = new Filter({ topics: frame.topics })
    const subscription = new MessageSubscription(frame.id, filter, periodMs(frame), this.#outlet)
    this.#add(frame.id, subscription)
    this.#streams.messages.start(subscription)
  }

  drop(id: Id): void {
    const subscription = this.#byId.get(id)
    if (!subscription) return
    this.#byId.delete(id)
    this.#streams.countSubscriptions(-1)
    if (subscription instanceof Subscription) this.#streams.readings.stop(subscription)
    else this.#streams.messages.stop(subscription)
  }

  clear(): void {
    for (const id of [...this.#byId.keys()]) this.drop(id)
  }

  #add(id: Id, subscription: Subscription | MessageSubscription): void {
    this.#byId.set(id, subscription)
    this.#streams.countSubscriptions(1)
  }
}

function periodMs({ maxHz }: { readonly maxHz?: number | undefined }): number {
  return maxHz === undefined ? 0 : 1000 / maxHz
}
