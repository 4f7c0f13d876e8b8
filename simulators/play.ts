/** `simulate home` and scenario files: one run of single devices, from the settings to the report. */

import { Api } from './check/api.ts'
import { untilStill } from './check/patience.ts'
import { type Report, reportOf } from './check/report.ts'
import { TopicCheck } from './check/topic-check.ts'
import type { Device } from './device.ts'
import { startLinkFaults } from './faults/link-faults.ts'
import { MessageFaults } from './faults/message-faults.ts'
import { messageFaultsOf, SLOW_PART } from './faults/plan.ts'
import type { RunSettings } from './options.ts'
import { startProgress } from './progress.ts'
import { Random } from './random.ts'
import { type Outgoing, Simulation } from './simulation.ts'
import { sleep } from './sleep.ts'
import { Station } from './station.ts'

export interface Scene {
  readonly name: string
  devices(random: Random, startMs: number): Device[]
}

export async function play(scene: Scene, settings: RunSettings): Promise<Report> {
  const { target, seed, seconds, qos, faults: plan, patienceMs, signal } = settings
  const api = settings.checkUrl === undefined ? null : new Api(settings.checkUrl, settings.token)
  const random = new Random(seed)
  const messageFaults = messageFaultsOf(plan)
  const faults =
    messageFaults === null ? undefined : new MessageFaults(messageFaults, random.fork('message faults'))
  const slow = plan['slow-link']
  const slowLink = slow === undefined ? undefined : { bytesPerS: slow, part: SLOW_PART }
  const check = api && new TopicCheck({ api, patienceMs })
  await check?.begin()
  const startMs = settings.startMs ?? Date.now()
  const simulation = new Simulation(scene.devices(random, startMs), random, startMs)
  const station = new Station(simulation, { ...settings, faults, slowLink, watcher: check ?? undefined })
  try {
    await connected(station, signal)
    const linkFaults = await startLinkFaults(plan, station, {
      target,
      api,
      random: random.fork('link faults'),
    })
    const beganMs = performance.now()
    const progress = startProgress(seconds * 1000, () => inWords(station, check))
    await sleep(seconds * 1000, signal)
    linkFaults.stop()
    station.silence()
    const tookS = (performance.now() - beganMs) / 1000
    await untilStill(
      () => station.pending === 0,
      () => station.pending,
      patienceMs,
    )
    const findings = (await check?.finish()) ?? null
    progress.stop()
    const { sent, acknowledged, ...rest } = station.stats
    const struck =
      Object.keys(plan).length === 0 ? {} : { faults: { ...faults?.counts, ...linkFaults.counts } }
    const details = { devices: simulation.size, connections: station.links, ...rest, ...struck }
    return reportOf(
      { scenario: scene.name, seed, startMs, seconds: tookS, qos, sent, acknowledged, details },
      findings,
    )
  } finally {
    check?.close()
    await station.stop()
  }
}

/** Everything that the devices say in so many seconds, without a broker and at once. */
export function* rehearse(scene: Scene, seed: number, startMs: number, seconds: number): Generator<Outgoing> {
  const random = new Random(seed)
  const simulation = new Simulation(scene.devices(random, startMs), random, startMs)
  for (const client of simulation.clients) yield* simulation.greetings(client, startMs)
  const endMs = startMs + seconds * 1000
  for (let nextMs = simulation.nextMs; nextMs <= endMs; nextMs = simulation.nextMs)
    yield* simulation.advance(nextMs)
}

const CONNECT_MS = 10_000

/** Devices come up one by one and need nobody to wait; but a run that nobody hears should not look like one. */
async function connected(station: Station, signal: AbortSignal): Promise<void> {
  const deadlineMs = performance.now() + CONNECT_MS
  while (station.connected < station.links && performance.now() < deadlineMs) await sleep(20, signal)
  if (station.connected === 0) throw new Error('no device got a connection to the broker')
}

function inWords({ stats, connected, links }: Station, check: TopicCheck | null): string {
  const live = check === null ? '' : `  live ${check.counts.live}`
  return `sent ${stats.sent}  acknowledged ${stats.acknowledged}${live}  commands ${stats.commands}  ${connected}/${links} connected`
}
