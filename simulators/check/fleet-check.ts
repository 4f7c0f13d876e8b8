/**
 * Follows a fleet's readings by their numbers: sent, acknowledged, seen live, and found in the store. Speaks to
 * Trestle over the network only, as any dashboard and any program would.
 */

import { connectLive, type LiveSubscription } from '../../bridge/live/client.ts'
import type { LiveReading } from '../../bridge/live/protocol.ts'
import type { FleetMessage } from '../fleet/connection.ts'
import type { FleetDevice } from '../fleet/device.ts'
import type { FleetWatcher } from '../fleet/fleet.ts'
import { sleep } from '../sleep.ts'
import { type Api, type LedgerView, ledgerSince } from './api.ts'
import { FleetTally } from './fleet-tally.ts'
import { Latency } from './latency.ts'
import { untilDrained, untilStill, withDeadline } from './patience.ts'
import type { Findings } from './report.ts'

export interface FleetCheckOptions {
  readonly api: Api
  readonly devices: readonly FleetDevice[]
  readonly prefix: string
  readonly qos: 0 | 1 | 2
  /** Without anything new for so long, what is missing is missing. */
  readonly patienceMs: number
}

/** Between two looks for a reading that was just acknowledged: what the latency of the store is measured with. */
const PROBE_MS = 10
const PROBE_TIMEOUT_MS = 10_000
const HISTORY_AT_ONCE = 4

export class FleetCheck implements FleetWatcher {
  readonly tally: FleetTally
  readonly latency = { ack: new Latency(), live: new Latency(), stored: new Latency() }
  readonly gaps: string[] = []
  readonly #options: FleetCheckOptions
  readonly #live
  readonly #ending = new AbortController()
  #subscription: LiveSubscription | null = null
  #ledgerBefore: LedgerView | null = null
  /** The last that was acknowledged (with QoS 0: sent), until it is probed. */
  #lastSure: FleetMessage | null = null
  #probing: Promise<void> = Promise.resolve()

  constructor(options: FleetCheckOptions) {
    this.#options = options
    this.tally = new FleetTally(options.devices)
    this.#live = connectLive({
      url: options.api.liveUrl,
      transports: ['websocket'],
      ...(options.api.token === undefined ? {} : { token: options.api.token }),
    })
  }

  /** Resolves when everything that is sent from now on will be seen. */
  async begin(): Promise<void> {
    // A refusal says more than a live connection that does not come.
    await this.#options.api.ledger()
    this.#subscription = this.#live.subscribe({
      devices: [`${this.#options.prefix}-*`],
      fields: ['seq'],
      snapshot: false,
      onReadings: readings => this.#onReadings(readings),
      onGap: gap => this.gaps.push(`${gap.reason}: ${gap.from ?? 'unknown'} to ${gap.to}`),
    })
    await withDeadline(this.#subscription.ready, 10_000, `no live connection to ${this.#options.api.liveUrl}`)
    this.#ledgerBefore = await this.#options.api.ledger()
    this.#probing = this.#probe()
  }

  onSent(message: FleetMessage, nowMs: number): void {
    if (!message.isReading) return
    this.tally.sent(message, nowMs)
    if (this.#options.qos === 0) this.#lastSure = message
  }

  onAcknowledged(message: FleetMessage, nowMs: number): void {
    if (!message.isReading) return
    const tookMs = this.tally.arrived('acknowledged', message.index, message.seq, nowMs)
    if (tookMs === null) return
    this.latency.ack.record(tookMs)
    this.#lastSure = message
  }

  sentByRoom(room: string): number {
    const { devices } = this.#options
    return devices.reduce(
      (sum, device, index) => sum + (device.room === room ? this.tally.sentBy(index) : 0),
      0,
    )
  }

  /**
   * When the fleet has fallen silent: waits for what is on its way, then compares. No reading of this run is older
   * than `fromMs`, and none of an earlier one younger.
   */
  async finish(fromMs: number): Promise<Findings> {
    const { api, patienceMs, qos } = this.#options
    const { counts } = this.tally
    this.#ending.abort()
    await this.#probing
    await untilStill(
      () => counts.live >= counts.sent,
      () => counts.live,
      patienceMs,
    )
    await untilDrained(api, patienceMs)
    await untilStill(
      () => counts.stored >= counts.sent,
      () => this.#countStored(fromMs),
      patienceMs,
    )
    const ledger = this.#ledgerBefore && ledgerSince(this.#ledgerBefore, await api.ledger())
    return {
      ...counts,
      seenTwice: this.tally.twice.live,
      skipped: this.#subscription?.skipped ?? 0,
      gaps: this.gaps,
      ledger,
      latencyMs: {
        ack: this.latency.ack.summary,
        live: this.latency.live.summary,
        stored: this.latency.stored.summary,
      },
      missing: {
        acknowledged: qos === 0 ? [] : this.tally.missing('acknowledged').map(inWords),
        live: this.tally.missing('live').map(inWords),
        stored: this.tally.missing('stored').map(inWords),
      },
    }
  }

  close(): void {
    this.#ending.abort()
    this.#live.close()
  }

  #onReadings(readings: readonly LiveReading[]): void {
    const nowMs = performance.now()
    for (const { device, values } of readings) {
      const index = this.tally.indexOf(device)
      if (index === undefined || typeof values.seq !== 'number') continue
      const tookMs = this.tally.arrived('live', index, values.seq, nowMs)
      if (tookMs !== null) this.latency.live.record(tookMs)
    }
  }

  /** Looks up one acknowledged reading after the other, each until it is there. */
  async #probe(): Promise<void> {
    const { signal } = this.#ending
    while (!signal.aborted) {
      const message = this.#lastSure
      this.#lastSure = null
      if (message !== null) await this.#probeOne(message, signal).catch(() => undefined)
      await sleep(PROBE_MS)
    }
  }

  async #probeOne({ device, seq, payload, sentMs }: FleetMessage, signal: AbortSignal): Promise<void> {
    const { ts } = JSON.parse(payload) as { ts: number }
    const deadlineMs = sentMs + PROBE_TIMEOUT_MS
    while (!signal.aborted && performance.now() < deadlineMs) {
      for await (const point of this.#options.api.rawPoints(device.id, 'seq', ts - 1, ts + 1)) {
        if (point.value !== seq) continue
        this.latency.stored.record(performance.now() - sentMs)
        return
      }
      await sleep(PROBE_MS)
    }
  }

  async #countStored(fromMs: number): Promise<number> {
    const lacking = this.tally.lacking('stored')
    const workers = Array.from({ length: HISTORY_AT_ONCE }, async () => {
      for (let index = lacking.pop(); index !== undefined; index = lacking.pop())
        await this.#lookUp(index, fromMs)
    })
    await Promise.all(workers)
    return this.tally.counts.stored
  }

  async #lookUp(index: number, fromMs: number): Promise<void> {
    const { api, devices } = this.#options
    // To the end of time that a device may claim; a skewed clock lies within.
    const toMs = Date.now() + 86_400_000
    const points = api.rawPoints(devices[index]!.id, 'seq', fromMs, toMs)
    for await (const { value } of points) {
      if (typeof value === 'number') this.tally.arrived('stored', index, value, 0)
    }
  }
}

function inWords({ device, seq }: { device: string; seq: number }): string {
  return `${device} #${seq}`
}
