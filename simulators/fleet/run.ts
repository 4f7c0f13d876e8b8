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
import { type FleetDevice, fleetDevices } from './device.ts'
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
  const { target, seed, seconds, qos, faults: plan, prefix, patienceMs, signal } = options
  const api = options.checkUrl === undefined ? null : new Api(options.checkUrl, options.token)
  if (options.dashboards > 0 && api === null)
    throw new Error('--dashboards needs --check: that is where they connect')
  const random = new Random(seed)
  const faultOptions = messageFaultsOf(plan)
  const faults =
    faultOptions === null ? undefined : new MessageFaults(faultOptions, random.fork('message faults'))
  const slow = plan['slow-link']
  const slowLink = slow === undefined ? undefined : { bytesPerS: slow, part: SLOW_PART }
  const devices = fleetDevices(options.devices, seed, prefix, options.fields)
  const check = api && new FleetCheck({ api, devices, prefix, qos, patienceMs })
  const dashboards = api && new Dashboards(api, watchedRooms(devices, options.dashboards))
  const fleet = new Fleet(devices, { ...options, faults, slowLink, watcher: check ?? undefined })
  try {
    await check?.begin()
    await dashboards?.open()
    await fleet.connect(signal)
    const linkFaults = await startLinkFaults(plan, fleet, { target, api, random: random.fork('link faults') })
    const startMs = options.startMs ?? Date.now()
    const beganMs = performance.now()
    const progress = startProgress(seconds * 1000, () => inWords(fleet, check))
    await fleet.run({ startMs, durationMs: seconds * 1000, patienceMs, signal })
    linkFaults.stop()
    await fleet.settled(patienceMs)
    const tookS = (performance.now() - beganMs) / 1000
    const skewMs = Math.min(0, plan['clock-skew'] === undefined ? 0 : (faults?.skewMs ?? 0))
    const findings = check && (await check.finish(startMs + skewMs))
    const shown = dashboards && check && (await dashboards.finish(room => check.sentByRoom(room), patienceMs))
    progress.stop()
    const struck =
      Object.keys(plan).length === 0 ? {} : { faults: { ...faults?.counts, ...linkFaults.counts } }
    const { sent, acknowledged, open: _open, ...rest } = fleet.stats
    const links = { connections: fleet.links, retransmitted: fleet.retransmitted, pending: fleet.pending }
    const details = {
      devices: devices.length,
      ...links,
      ...rest,
      ...struck,
      ...(shown === null ? {} : { dashboards: shown }),
    }
    const report = reportOf(
      { scenario: 'fleet', seed, startMs, seconds: tookS, qos, sent, acknowledged, details },
      findings,
    )
    return { ...report, ok: report.ok && fleet.pending === 0 && shown?.ok !== false }
  } finally {
    check?.close()
    dashboards?.close()
    fleet.close()
  }
}

/** One room after the other. */
function watchedRooms(devices: readonly FleetDevice[], count: number): string[] {
  const rooms = [...new Set(devices.map(device => device.room))]
  return Array.from({ length: count }, (_, i) => rooms[i % rooms.length]!)
}

function inWords(fleet: Fleet, check: FleetCheck | null): string {
  const { sent, acknowledged, open } = fleet.stats
  const live = check === null ? '' : `  live ${check.tally.counts.live.toLocaleString('en')}`
  const connections = `${open}/${fleet.links} connected`
  return `sent ${sent.toLocaleString('en')}  acknowledged ${acknowledged.toLocaleString('en')}${live}  ${connections}`
}
