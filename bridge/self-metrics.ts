/**
 * The bridge's own figures in InfluxDB, beside the readings: one Grafana and one store then show whether the bridge is
 * well, also where nobody runs a Prometheus.
 *
 *   trestle,node=…                 every figure of `/metrics` as a float field; kinds as `name.kind`, `name` their sum
 *   trestle_device,node=…,name=…   silent_s: seconds since the device was last heard; available: 1 it is there, 0 it is not,
 *                                  -1 nobody knows, as in `GET /api/devices`
 *
 * They do not go through the spool: that one carries what devices were promised, and its account is the ledger's.
 * Points that the store does not take wait in memory instead, so that an outage is drawn once it is over. The tag is
 * `name` and not `device`, because what has a `device` is a reading to everybody who looks into the store.
 */

import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { DevicePresence } from './catalog/catalog.ts'
import type { Logger } from './log.ts'
import type { MetricSource } from './metrics.ts'
import { createDatabase } from './store/influx/admin.ts'
import type { InfluxServer } from './store/influx/client.ts'
import { InfluxStore } from './store/influx/influx-store.ts'
import { escapeName, escapeTagValue } from './store/line-protocol.ts'

export interface SelfMetricsOptions {
  readonly server: InfluxServer & { readonly timeoutMs: number }
  /** Whose figures they are. */
  readonly node: string
  readonly intervalMs: number
  readonly sources: readonly MetricSource[]
  readonly presences: () => Iterable<DevicePresence>
  readonly log: Pick<Logger, 'warn'>
}

/** An hour at the usual 10 s; then the oldest leave. They are figures, not readings: nobody was promised anything. */
const MAX_KEPT = 360
/** A line a device: seldom enough for ten thousand of them. One that comes or goes is told with the next figures. */
const DEVICES_EVERY_MS = 60_000

/** Neither there nor gone; a number, so that a query can ask for it. */
const UNKNOWN = -1

/** Writes at once, and then every `intervalMs`. */
export function startSelfMetrics(options: SelfMetricsOptions): { close(): Promise<void> } {
  const { server, node, intervalMs, presences, log } = options
  const store = new InfluxStore({ ...server, createDatabase: () => createDatabase(server) })
  const eventLoop = monitorEventLoopDelay({ resolution: 10 })
  eventLoop.enable()
  const sources = [...options.sources, ...processSources(eventLoop)]
  const nodeTag = `node=${escapeTagValue(node)}`
  let kept: string[] = []
  let devicesDueMs = 0
  /** Of each device, what the store was told last. */
  let told: ReadonlyMap<string, number> = new Map()
  let sending: Promise<void> | null = null

  function tick(): void {
    const nowMs = Date.now()
    kept.push(`trestle,${nodeTag} ${encodeFields(sources)} ${nowMs}000000\n`)
    if (kept.length > MAX_KEPT) kept.shift()
    eventLoop.reset()
    sending ??= send(nowMs).finally(() => {
      sending = null
    })
  }

  async function send(nowMs: number): Promise<void> {
    const points = kept
    kept = []
    // Also when the clock was set back.
    const isDue = nowMs >= devicesDueMs || nowMs < devicesDueMs - DEVICES_EVERY_MS
    const devices = deviceLines(nowMs, isDue)
    const lines = [...points, ...devices.lines]
    const batch = {
      lines: [Buffer.from(lines.join(''))],
      lineCount: lines.length,
      position: { block: 0 },
    }
    const verdict = await store.write(batch)
    switch (verdict.kind) {
      case 'written':
        told = devices.available
        if (isDue && devices.lines.length > 0) devicesDueMs = nowMs + DEVICES_EVERY_MS
        break
      case 'retry':
      case 'misconfigured':
        // The writer has the same server and tells about it.
        kept = [...points, ...kept].slice(-MAX_KEPT)
        break
      case 'split':
      case 'rejected':
        log.warn({ reason: verdict.reason }, 'the store refused our own figures')
    }
  }

  /** Of all devices, or of those of which something else was told. */
  function deviceLines(nowMs: number, ofAll: boolean) {
    const available = new Map<string, number>()
    const lines: string[] = []
    for (const presence of presences()) {
      const { device } = presence
      const now = presence.available === null ? UNKNOWN : Number(presence.available)
      available.set(device, now)
      if (!ofAll && told.get(device) === now) continue
      const silentS = Math.max(0, nowMs - presence.lastSeenMs) / 1000
      const fields = `silent_s=${silentS},available=${now}`
      lines.push(`trestle_device,${nodeTag},name=${escapeTagValue(device)} ${fields} ${nowMs}000000\n`)
    }
    return { lines, available }
  }

  const timer = setInterval(tick, intervalMs)
  tick()
  return {
    async close() {
      clearInterval(timer)
      eventLoop.disable()
      await sending
      await store.close()
    },
  }
}

function processSources(eventLoop: { percentile(of: number): number }): MetricSource[] {
  return [
    {
      name: 'process_resident_memory_bytes',
      help: 'Memory that the process takes',
      read: () => process.memoryUsage.rss(),
    },
    { name: 'process_uptime_seconds', help: 'Since the start', read: () => process.uptime() },
    {
      name: 'nodejs_eventloop_lag_p99_seconds',
      help: 'How late the event loop was, 99th percentile since the last point',
      read: () => eventLoop.percentile(99) / 1e9,
    },
  ]
}

/** Floats all of them: a field has one type for ever. */
function encodeFields(sources: readonly MetricSource[]): string {
  return sources
    .flatMap(({ name, read }) => {
      const figure = read()
      if (typeof figure === 'number') return [[name, figure] as const]
      const kinds = Object.entries(figure)
      const sum = kinds.reduce((total, [, value]) => total + value, 0)
      return [[name, sum] as const, ...kinds.map(([kind, value]) => [`${name}.${kind}`, value] as const)]
    })
    .filter(([, value]) => Number.isFinite(value))
    .map(([name, value]) => `${escapeName(name)}=${value}`)
    .join(',')
}
