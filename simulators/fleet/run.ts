/** `simulate fleet`: one run from the options to the report. */

import { Api } from '../check/api.ts'
import { Dashboards } from '../check/dashboards.ts'
import { FleetCheck } from '../check/fleet-check.ts'
import { type Report, reportOf } from '../check/report.ts'
import { startLinkFaults } from '../faults/link-faults.ts'
import { MessageFaults } from '../faults/message-faults.ts'
import { messageFaultsOf, SLOW_PART } from '../faults/plan.ts'
import type { RunSettings } from '../options.ts'
import { startProgress } from '../progress.ts'
import { Random } from '../random.ts'
import { fleetDevices } from './device.ts'
import { Fleet } from './fleet.ts'

export interface FleetRunOptions extends RunSettings {
  readonly devices: number
  readonly rate: number
  readonly connections?: number | undefined
  readonly prefix: string
  readonly fields: number
  readonly window: number
  readonly dashboards: number
}

export async function runFleet(options: FleetRunOptions): Promise<Report> {
  const { target, devices, seed, startMs, seconds, qos, faults: plan, prefix, patienceMs } = options
  const api = options.checkUrl === undefined ? null : new Api(options.checkUrl, options.token)
  const random = new Random(seed)
  const messageFaults = messageFaultsOf(plan)
  const faults =
    messageFaults === null ? undefined : new MessageFaults(messageFaults, random.fork('message faults'))
  const skewMs = plan['clock-skew'] === undefined ? 0 : Math.min(0, faults?.skewMs ?? 0)
  const check =
    api &&
    new FleetCheck({
      api,
      devices: fleetDevices(devices, seed, prefix, options.fields),
      prefix,
      fromMs: startMs + skewMs,
      patienceMs,
    })
  const slow = plan['slow-link']
  const fleet = new Fleet({
    ...options,
    faults,
    slowLink: slow === undefined ? undefined : { bytesPerS: slow, part: SLOW_PART },
    watcher: check ?? undefined,
  })
  const dashboards =
    api && options.dashboards > 0 ? new Dashboards(api, watchedTopics(fleet, options.dashboards)) : null
  if (options.dashboards > 0 && api === null)
    throw new Error('--dashboards needs --check: that is where they connect')
  try {
    await check?.begin()
    await dashboards?.open()
    await fleet.connect()
    const linkFaults = await startLinkFaults(plan, fleet, { target, api, random: random.fork('link faults') })
    const beganMs = performance.now()
    const progress = startProgress(seconds * 1000, () => inWords(fleet, check))
    await fleet.run(seconds * 1000, options.signal)
    linkFaults.stop()
    await fleet.settled(patienceMs)
    const tookS = (performance.now() - beganMs) / 1000
    const findings = (await check?.finish(fleet)) ?? null
    progress.stop()
    const { sent, acknowledged, spoilt, omitted, repeated } = fleet.stats
    const details = {
      devices,
      connections: fleet.connections.length,
      reconnects: fleet.stats.lost,
      retransmitted: fleet.retransmitted,
      ...(dashboards === null ? {} : { dashboards: dashboards.counts }),
      ...(Object.keys(plan).length === 0
        ? {}
        : { faults: { ...faults?.counts, ...linkFaults.counts, spoilt, omitted, repeated } }),
    }
    return reportOf(
      { scenario: 'fleet', seed, startMs, seconds: tookS, qos, sent, acknowledged, details },
      findings,
    )
  } finally {
    check?.close()
    dashboards?.close()
    fleet.close()
  }
}

/** One room after the other. */
function watchedTopics(fleet: Fleet, count: number): string[] {
  const rooms = [...new Set(fleet.devices.map(device => device.room))]
  return Array.from({ length: count }, (_, i) => `home/${rooms[i % rooms.length]}/#`)
}

function inWords(fleet: Fleet, check: FleetCheck | null): string {
  const { sent, acknowledged, open } = fleet.stats
  const live = check === null ? '' : `  live ${check.tally.counts.live.toLocaleString('en')}`
  const connections = `${open}/${fleet.connections.length} connected`
  return `sent ${sent.toLocaleString('en')}  acknowledged ${acknowledged.toLocaleString('en')}${live}  ${connections}`
}
