/**
 * `$SYS/broker/...`: how the broker is, under Mosquitto's names, for the tools that know them. Only what is counted
 * here is told: of packets nothing but the publishes that were taken, and no bytes.
 */

import type { Publication } from './delivery.ts'

/** Totals since the start, but for what is now. */
export interface Figures {
  readonly clientsConnected: number
  readonly clientsTotal: number
  readonly clientsMaximum: number
  /** Sessions ended because their client stayed away. */
  readonly sessionsExpired: number
  readonly connections: number
  readonly received: number
  readonly dropped: number
  readonly retained: number
  readonly subscriptions: number
  readonly queued: number
  readonly queuedBytes: number
}

/** In these, a load is told per minute: moving averages, as of a machine's load. */
const LOADS = { '1min': 60, '5min': 300, '15min': 900 } as const

const LOAD_OF = {
  connections: 'connections',
  'publish/received': 'received',
  'publish/dropped': 'dropped',
} as const satisfies Record<string, keyof Figures>

export class Status {
  readonly #version: string
  readonly #startedMs = performance.now()
  readonly #told = new Map<string, string>()
  readonly #loads = new Map<string, number>()
  #before: Figures | null = null
  #beforeMs = performance.now()

  constructor(version: string) {
    this.#version = version
  }

  /** What has changed since it was asked last. */
  news(figures: Figures): Publication[] {
    const news: Publication[] = []
    for (const [name, value] of Object.entries({ ...this.#topics(figures), ...this.#load(figures) })) {
      const text = String(value)
      if (this.#told.get(name) === text) continue
      this.#told.set(name, text)
      news.push({ topic: `$SYS/broker/${name}`, payload: Buffer.from(text), qos: 0, retain: true })
    }
    return news
  }

  #topics(figures: Figures): Record<string, string | number> {
    return {
      version: `trestle version ${this.#version}`,
      uptime: `${Math.floor((performance.now() - this.#startedMs) / 1000)} seconds`,
      'clients/connected': figures.clientsConnected,
      'clients/disconnected': figures.clientsTotal - figures.clientsConnected,
      'clients/total': figures.clientsTotal,
      'clients/maximum': figures.clientsMaximum,
      'clients/expired': figures.sessionsExpired,
      'subscriptions/count': figures.subscriptions,
      'retained messages/count': figures.retained,
      'store/messages/count': figures.retained + figures.queued,
      'store/messages/bytes': figures.queuedBytes,
      'publish/messages/received': figures.received,
      'publish/messages/dropped': figures.dropped,
    }
  }

  /** Mosquitto's formula: what passed in the last interval, as per minute, counts by how long the interval was. */
  #load(figures: Figures): Record<string, string> {
    const nowMs = performance.now()
    const elapsedS = Math.max((nowMs - this.#beforeMs) / 1000, 0.001)
    const before = this.#before
    this.#before = figures
    this.#beforeMs = nowMs
    if (before === null) return {}
    const loads: Record<string, string> = {}
    for (const [name, key] of Object.entries(LOAD_OF)) {
      const perMinute = ((figures[key] - before[key]) * 60) / elapsedS
      for (const [window, seconds] of Object.entries(LOADS)) {
        const topic = `load/${name}/${window}`
        const weight = Math.exp(-elapsedS / seconds)
        const load = perMinute + weight * ((this.#loads.get(topic) ?? 0) - perMinute)
        this.#loads.set(topic, load)
        loads[topic] = load.toFixed(2)
      }
    }
    return loads
  }
}
