/**
 * Follows the readings of devices that carry no numbers: as many readings must be seen live on each topic as were
 * published to it, and every field of every reading seen live must be in the store, at its time.
 */

import { connectLive, type LiveSubscription } from '../../bridge/live/client.ts'
import type { LiveReading } from '../../bridge/live/protocol.ts'
import type { Outgoing } from '../simulation.ts'
import type { StationWatcher } from '../station.ts'
import { type Api, type LedgerView, ledgerSince } from './api.ts'
import { Latency } from './latency.ts'
import { untilDrained, untilStill, withDeadline } from './patience.ts'
import type { Findings } from './report.ts'

export interface TopicCheckOptions {
  readonly api: Api
  readonly patienceMs: number
}

interface Topic {
  sent: number
  live: number
  /** Still to be seen, oldest first. */
  readonly sentMs: number[]
}

/** A reading as it was seen, until all of it is found in the store. */
interface Seen {
  readonly device: string
  readonly topic: string
  readonly timeUs: number
  readonly fields: readonly string[]
}

const LIVE_MS = 10_000

export class TopicCheck implements StationWatcher {
  readonly counts = { sent: 0, acknowledged: 0, live: 0, stored: 0 }
  readonly #latency = { ack: new Latency(), live: new Latency() }
  readonly #options: TopicCheckOptions
  readonly #topics = new Map<string, Topic>()
  readonly #sentMs = new WeakMap<Outgoing, number>()
  readonly #gaps: string[] = []
  readonly #live
  #seen: Seen[] = []
  #unstored: Seen[] = []
  #seenTwice = 0
  #subscription: LiveSubscription | null = null
  #ledgerBefore: LedgerView | null = null

  constructor(options: TopicCheckOptions) {
    this.#options = options
    const { liveUrl, token } = options.api
    this.#live = connectLive({
      url: liveUrl,
      transports: ['websocket'],
      ...(token === undefined ? {} : { token }),
    })
  }

  /** Resolves when everything that is sent from now on will be seen. */
  async begin(): Promise<void> {
    // A refusal says more than a live connection that does not come.
    await this.#options.api.ledger()
    this.#subscription = this.#live.subscribe({
      snapshot: false,
      onReadings: readings => this.#onReadings(readings),
      onGap: gap => this.#gaps.push(`${gap.reason}: ${gap.from ?? 'unknown'} to ${gap.to}`),
    })
    await withDeadline(
      this.#subscription.ready,
      LIVE_MS,
      `no live connection to ${this.#options.api.liveUrl}`,
    )
    this.#ledgerBefore = await this.#options.api.ledger()
  }

  onSent(message: Outgoing): void {
    const nowMs = performance.now()
    let topic = this.#topics.get(message.topic)
    if (topic === undefined) {
      topic = { sent: 0, live: 0, sentMs: [] }
      this.#topics.set(message.topic, topic)
    }
    topic.sent++
    topic.sentMs.push(nowMs)
    this.counts.sent++
    this.#sentMs.set(message, nowMs)
  }

  onAcknowledged(message: Outgoing): void {
    this.counts.acknowledged++
    this.#latency.ack.record(performance.now() - this.#sentMs.get(message)!)
  }

  /** When the devices have fallen silent: waits for what is on its way, then compares. */
  async finish(): Promise<Findings> {
    const { api, patienceMs } = this.#options
    const { counts } = this
    await untilStill(
      () => counts.live >= counts.sent,
      () => counts.live,
      patienceMs,
    )
    await untilDrained(api, patienceMs)
    this.#unstored = this.#seen
    this.#seen = []
    await untilStill(
      () => this.#unstored.length === 0,
      () => this.#lookUp(),
      patienceMs,
    )
    return {
      ...counts,
      seenTwice: this.#seenTwice,
      skipped: this.#subscription?.skipped ?? 0,
      gaps: this.#gaps,
      ledger: this.#ledgerBefore && ledgerSince(this.#ledgerBefore, await api.ledger()),
      latencyMs: { ack: this.#latency.ack.summary, live: this.#latency.live.summary, stored: null },
      missing: {
        acknowledged: [],
        live: [...this.#topics]
          .filter(([, { sent, live }]) => live < sent)
          .map(lackInWords)
          .slice(0, 10),
        stored: this.#unstored.slice(0, 10).map(seenInWords),
      },
    }
  }

  close(): void {
    this.#live.close()
  }

  #onReadings(readings: readonly LiveReading[]): void {
    const nowMs = performance.now()
    for (const { device, topic: name, time, values } of readings) {
      const topic = this.#topics.get(name)
      if (topic === undefined) continue
      const sentMs = topic.sentMs.shift()
      if (sentMs === undefined) {
        this.#seenTwice++
        continue
      }
      topic.live++
      this.counts.live++
      this.#latency.live.record(nowMs - sentMs)
      this.#seen.push({ device, topic: name, timeUs: Math.round(time * 1000), fields: Object.keys(values) })
    }
  }

  /** One question for each field of each device; then every reading is looked for among the times. */
  async #lookUp(): Promise<number> {
    const times = new Map<string, Set<number>>()
    const fromMs = Math.min(...this.#unstored.map(({ timeUs }) => timeUs)) / 1000 - 1
    const toMs = Math.max(...this.#unstored.map(({ timeUs }) => timeUs)) / 1000 + 1
    for (const { device, fields } of this.#unstored) {
      for (const field of fields) {
        if (!times.has(key(device, field)))
          times.set(key(device, field), await this.#timesOf(device, field, fromMs, toMs))
      }
    }
    const isStored = ({ device, fields, timeUs }: Seen) =>
      fields.every(field => times.get(key(device, field))!.has(timeUs))
    const before = this.#unstored.length
    this.#unstored = this.#unstored.filter(seen => !isStored(seen))
    this.counts.stored += before - this.#unstored.length
    return this.counts.stored
  }

  async #timesOf(device: string, field: string, fromMs: number, toMs: number): Promise<Set<number>> {
    const times = new Set<number>()
    for await (const { time } of this.#options.api.rawPoints(device, field, fromMs, toMs))
      times.add(Math.round(time * 1000))
    return times
  }
}

function key(device: string, field: string): string {
  return `${device}\0${field}`
}

function lackInWords([name, { sent, live }]: [string, Topic]): string {
  return `${name} (${sent - live} of ${sent})`
}

function seenInWords({ device, topic, timeUs }: Seen): string {
  return `${device} by ${topic} at ${new Date(timeUs / 1000).toISOString()}`
}
