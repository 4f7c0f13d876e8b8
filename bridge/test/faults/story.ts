/**
 * A data directory and devices that outlive the bridge: it is killed and started again on the same port, while the
 * devices go on sending and send again what was not acknowledged. At the end the invariant is checked against an
 * independent reader of the store:
 *
 *   acknowledged is a subset of stored + quarantined + reported; nothing is stored that was not sent, nothing twice;
 *   the ledger balances
 */

import { InfluxDB } from 'influx'
import type { Ledger } from '../../ledger.ts'
import { freePort } from '../free-port.ts'
import { LOAD_BASE_MS, type Load, type LoadOptions, startLoad } from '../load.ts'
import {
  eventually,
  newDataDir,
  removeDataDir,
  startTrestle,
  type Trestle,
  type TrestleOptions,
} from '../trestle.ts'

const DRAIN_WITHIN_MS = 60_000

export interface StoryReport {
  readonly sent: number
  readonly acknowledged: number
  readonly stored: number
  readonly lost: number
  readonly duplicates: number
  readonly invented: number
  readonly ledger: Ledger
}

export class Story {
  readonly dataDir: string
  readonly #env: Readonly<Record<string, string>>
  readonly #bounds: StoryBounds
  readonly #port: number
  readonly #loads: Load[] = []
  #trestle: Trestle | null = null

  private constructor(
    port: number,
    env: Readonly<Record<string, string>>,
    dataDir: string,
    bounds: StoryBounds,
  ) {
    this.#port = port
    this.#bounds = bounds
    this.#env = { ...env, TRESTLE_MQTT_PORT: String(port) }
    this.dataDir = dataDir
  }

  /** With the bridge running. */
  static async begin(
    env: Readonly<Record<string, string>> = {},
    dataDir = newDataDir(),
    bounds: StoryBounds = {},
  ): Promise<Story> {
    const story = new Story(await freePort(), env, dataDir, bounds)
    await story.start()
    return story
  }

  get trestle(): Trestle {
    if (this.#trestle === null) throw new Error('the bridge is not running')
    return this.#trestle
  }

  async start(extra: Readonly<Record<string, string>> = {}): Promise<Trestle> {
    const env = { ...this.#env, ...extra }
    this.#trestle = await startTrestle({ env, dataDir: this.dataDir, ...this.#bounds })
    return this.#trestle
  }

  async kill(): Promise<void> {
    await this.trestle.kill()
    this.#trestle = null
  }

  async restart(): Promise<void> {
    await this.kill()
    await this.start()
  }

  send(options: Omit<LoadOptions, 'port'>): Load {
    const load = startLoad({ ...options, port: this.#port })
    this.#loads.push(load)
    return load
  }

  get acknowledged(): number {
    return this.#loads.reduce((sum, { acked }) => sum + acked.size, 0)
  }

  /** Ends the load, lets the store take everything, and compares. `reported`: losses that the bridge may tell of. */
  async check({ influxUrl = null, withinMs = DRAIN_WITHIN_MS }: CheckOptions = {}): Promise<StoryReport> {
    for (const load of this.#loads) await load.stop()
    const ledger = await eventually(
      () => this.trestle.ledger(),
      ({ waiting }) => waiting === 0,
      withinMs,
    )
    const sent = new Set(this.#loads.flatMap(load => [...load.sent]))
    const acknowledged = new Set(this.#loads.flatMap(load => [...load.acked]))
    const stored =
      influxUrl === null ? await readHistory(this.trestle, devicesOf(sent)) : await readInflux(influxUrl)
    return {
      sent: sent.size,
      acknowledged: acknowledged.size,
      stored: stored.size,
      lost: [...acknowledged].filter(key => !stored.has(key)).length,
      duplicates: [...stored.values()].filter(times => times !== 1).length,
      invented: [...stored.keys()].filter(key => !sent.has(key)).length,
      ledger,
    }
  }

  async end(beforeRemoval: () => void = () => undefined): Promise<void> {
    for (const load of this.#loads) await load.stop()
    await this.#trestle?.kill()
    beforeRemoval()
    removeDataDir(this.dataDir)
  }
}

/** What the process is bounded by from outside. */
type StoryBounds = Pick<TrestleOptions, 'openFiles'>

interface CheckOptions {
  /** Read from there, by the `influx` package; else by the history of the bridge. */
  readonly influxUrl?: string | null
  readonly withinMs?: number
}

function devicesOf(keys: ReadonlySet<string>): string[] {
  return [...new Set([...keys].map(key => key.split(' ')[0]!))]
}

/** How often each `device seq` is stored. */
async function readHistory(trestle: Trestle, devices: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const device of devices) {
    let from: number | null = LOAD_BASE_MS
    while (from !== null) {
      const page: { points: { value: number }[]; next: number | null } | null = await trestle
        .get<{ points: { value: number }[]; next: number | null }>(
          `/api/history?device=${device}&field=seq&points=raw&from=${from}&to=${LOAD_BASE_MS + 86_400_000}`,
        )
        .catch(() => null)
      for (const { value } of page?.points ?? []) count(counts, `${device} ${value}`)
      from = page?.next ?? null
    }
  }
  return counts
}

async function readInflux(url: string): Promise<Map<string, number>> {
  const { hostname, port } = new URL(url)
  const influx = new InfluxDB({ host: hostname, port: Number(port), database: 'trestle' })
  const counts = new Map<string, number>()
  const rows = await influx.query<{ device: string; seq: number | null }>('SELECT seq, device FROM reading')
  for (const { device, seq } of rows) if (seq !== null) count(counts, `${device} ${seq}`)
  return counts
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
