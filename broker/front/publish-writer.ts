/** PUBLISH to one client, by the topic aliases that it takes, and no larger than it takes. */

import type { Codec } from './codec/codec.ts'
import { remainingS } from './message.ts'

/** What the client said in CONNECT. */
export interface Taker {
  readonly maxPacketBytes: number
  readonly topicAliases: number
}

interface Wire {
  readonly codec: Codec
  write(bytes: Uint8Array): void
}

/** One that is sent now, whatever brought it. */
export interface Sending {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
  readonly packetId: number
  readonly raw: Buffer | null
  readonly expiresAtMs: number | null
  readonly subscriptionIds: readonly number[] | null
}

/** Payloads up to this are copied behind their header: one write less. */
const SMALL_BYTES = 4096

export class PublishWriter {
  readonly #wire: Wire
  readonly #taker: Taker
  readonly #stats: { tooLarge: number }
  #aliases: Map<string, number> | null = null

  constructor(wire: Wire, taker: Taker, stats: { tooLarge: number }) {
    this.#wire = wire
    this.#taker = taker
    this.#stats = stats
  }

  /** False: it is larger than the client takes, which is counted. */
  publish(sending: Sending): boolean {
    const { topic, payload, qos } = sending
    const alias = this.#aliasOf(topic)
    const isKnown = alias !== null && !alias.isNew
    const head = this.#wire.codec.publishHead({
      ...sending,
      // MQTT.js hands an aliased QoS 2 message to its application without a topic: those always carry it.
      topic: isKnown && qos < 2 ? '' : topic,
      messageExpiryS: remainingS(sending.expiresAtMs),
      topicAlias: alias?.number ?? 0,
      payloadBytes: payload.length,
    })
    // [MQTT-3.1.2-24]
    if (head.length + payload.length > this.#taker.maxPacketBytes) {
      this.#stats.tooLarge++
      return false
    }
    if (alias?.isNew) this.#aliases!.set(topic, alias.number)
    if (payload.length <= SMALL_BYTES) {
      this.#wire.write(Buffer.concat([head, payload]))
    } else {
      this.#wire.write(head)
      this.#wire.write(payload)
    }
    return true
  }

  /** [MQTT-3.1.2-26], [MQTT-3.1.2-27]: as many as the client takes, first come, first served. */
  #aliasOf(topic: string): { readonly number: number; readonly isNew: boolean } | null {
    const { topicAliases } = this.#taker
    if (topicAliases === 0) return null
    this.#aliases ??= new Map()
    const known = this.#aliases.get(topic)
    if (known !== undefined) return { number: known, isNew: false }
    return this.#aliases.size < topicAliases ? { number: this.#aliases.size + 1, isNew: true } : null
  }
}
