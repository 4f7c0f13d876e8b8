/** SUBSCRIBE and UNSUBSCRIBE of one client (3.8 to 3.11). */

import type { Access } from '../access.ts'
import type { Grant, Session } from '../persistence/session.ts'
import { isShared } from '../persistence/shared-subscriptions.ts'
import type { Codec } from './codec/codec.ts'
import { Fault } from './codec/fault.ts'
import type { Subscribe, SubscriptionRequest, Unsubscribe } from './codec/packets.ts'
import { NO_PROPERTIES } from './codec/properties.ts'
import * as reasons from './codec/reasons.ts'
import { isTopicFilter } from './filters.ts'
import type { Outbound } from './outbound.ts'
import type { FrontParts } from './parts.ts'
import type { Seat } from './seat.ts'

/** The connection, as far as it is needed here. */
export interface Asker {
  readonly codec: Codec
  readonly access: Access
  readonly isOpen: boolean
  /** Reasons in words [MQTT-3.1.2-29]. */
  readonly wantsReasons: boolean
  readonly maxPacketBytes: number
  answer(bytes: Uint8Array): void
}

export class Subscribing {
  readonly #front: FrontParts
  readonly #asker: Asker
  readonly #session: Session
  readonly #seat: Seat
  readonly #outbound: Outbound

  constructor(front: FrontParts, asker: Asker, session: Session, seat: Seat, outbound: Outbound) {
    this.#front = front
    this.#asker = asker
    this.#session = session
    this.#seat = seat
    this.#outbound = outbound
  }

  /** What the session has from before. Of what only MQTT 5 has, an older client would be told what it does not expect. */
  restore(): void {
    for (const grant of [...this.#session.grants.values()]) {
      const isPlain = this.#asker.codec.version === 5 || !(grant.nl || grant.rap)
      const own = isPlain ? grant : { ...grant, nl: false, rap: false }
      if (!isPlain) this.#front.persistence.sessions.grant(this.#session, [own])
      this.#begin(own)
    }
    this.#front.subscriptionLimits.recount(this.#seat)
  }

  /** Throws a Fault when there are too many sessions for it to have one. */
  subscribe({ packetId, requests, subscriptionId }: Subscribe): void {
    if (!this.#front.persistence.sessions.adopt(this.#session))
      throw new Fault(reasons.QUOTA_EXCEEDED, 'too many sessions', 'sessions')
    const replayed: Grant[] = []
    let isChanged = false
    const codes = requests.map((request, i) => {
      const isTooMany = i >= this.#front.topicLimits.maxFiltersPerSubscribe
      const code = isTooMany ? reasons.QUOTA_EXCEEDED : this.#judge(request)
      if (reasons.isRefusal(code)) return code
      const grant = toGrant(request, subscriptionId)
      if (isReplayed(request, this.#session.grants.has(request.filter))) replayed.push(grant)
      isChanged = true
      // [MQTT-3.8.4-3]; the queue stays as it is, so that nothing is lost meanwhile [MQTT-3.8.4-4].
      this.#front.persistence.sessions.grant(this.#session, [grant])
      this.#begin(grant)
      return code
    })
    this.#front.subscriptionLimits.recount(this.#seat)
    this.#afterSaving(isChanged, () => {
      this.#asker.answer(this.#suback(packetId, codes))
      for (const grant of replayed) this.#outbound.replay(grant)
    })
  }

  unsubscribe({ packetId, filters }: Unsubscribe): void {
    // [MQTT-3.10.4-1], [MQTT-3.10.4-6]
    const codes = filters.map(filter => {
      if (!this.#session.grants.has(filter)) return reasons.NO_SUBSCRIPTION_EXISTED
      this.#front.persistence.sessions.revoke(this.#session, [filter])
      this.#front.live.remove(this.#outbound, filter)
      delete this.#seat.subscriptions[filter]
      return reasons.SUCCESS
    })
    this.#front.subscriptionLimits.recount(this.#seat)
    // [MQTT-3.10.4-4]
    this.#afterSaving(true, () => this.#asker.answer(this.#asker.codec.unsuback(packetId, codes)))
  }

  /** The connection is gone; the session may keep what it has. */
  close(): void {
    for (const filter of this.#session.grants.keys()) this.#front.live.remove(this.#outbound, filter)
    this.#front.subscriptionLimits.forget(this.#seat)
  }

  #begin(grant: Grant): void {
    this.#seat.subscriptions[grant.topic] = true
    this.#front.live.add(this.#outbound, grant)
  }

  /** [MQTT-3.8.4-7] */
  #judge({ filter, qos }: SubscriptionRequest): number {
    const { topicLimits, subscriptionLimits, maySubscribe } = this.#front
    if (!isTopicFilter(filter, topicLimits)) return reasons.TOPIC_FILTER_INVALID
    // 0x87 would say more; some clients take 0x80 only, as 3.1.1 has it. The reason stands in words beside it.
    if (!maySubscribe(this.#asker.access, filter)) return reasons.UNSPECIFIED_ERROR
    return subscriptionLimits.admit(this.#seat, filter) ? qos : reasons.QUOTA_EXCEEDED
  }

  /** What a session has is on the disk before it is acknowledged. */
  #afterSaving(isChanged: boolean, acknowledge: () => void): void {
    if (this.#session.isVolatile || !isChanged) acknowledge()
    else
      void this.#front.persistence.saved().then(() => {
        if (this.#asker.isOpen) acknowledge()
      })
  }

  /** With the reason in words, unless the client does not want it, or it is too much for it [MQTT-3.9.2-1]. */
  #suback(packetId: number, codes: readonly number[]): Buffer {
    const { codec } = this.#asker
    const plain = codec.suback(packetId, codes, NO_PROPERTIES)
    const isDenied = codes.includes(reasons.UNSPECIFIED_ERROR)
    if (!isDenied || !this.#asker.wantsReasons) return plain
    const explained = codec.suback(packetId, codes, { reasonString: 'not authorised to read all of it' })
    return explained.length <= this.#asker.maxPacketBytes ? explained : plain
  }
}

function toGrant(request: SubscriptionRequest, subscriptionIdentifier: number | undefined): Grant {
  const { filter: topic, qos, isNoLocal: nl, isRetainAsPublished: rap, retainHandling: rh } = request
  const grant = { topic, qos, rh, rap, nl }
  return subscriptionIdentifier === undefined ? grant : { ...grant, subscriptionIdentifier }
}

/** [MQTT-3.3.1-9], [MQTT-3.3.1-10], [MQTT-3.3.1-11]; a shared subscription gets none (4.8.2). */
function isReplayed({ filter, retainHandling }: SubscriptionRequest, wasThere: boolean): boolean {
  return !isShared(filter) && (retainHandling === 0 || (retainHandling === 1 && !wasThere))
}
