/**
 * The page's bars, measured: a bridge of its own, the fleet simulator and Chromium, all on this machine.
 *
 *     npm run bench -- page                                  three runs of some two minutes, and their medians
 *     npm run bench -- page --runs 1 --json >> page.jsonl    one run, as a line of JSON
 *     npm run bench -- page --report page.jsonl              the medians of runs that were made earlier
 *     npm run bench -- page --heap 10                        how the heap grows in ten minutes, and nothing else
 *
 * `--seconds 20` is how long frames are counted, `--devices 500` how many there are. A step that fails costs its
 * figures, not the run: it is told, and the exit code is 1. The bars say nothing to the exit code: a loaded machine is
 * no fault of the page.
 */

import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectAsync } from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { type Run, report } from './bench-page-report.ts'
import { type Bridge, launch, start, startBridge, stop, withDataDir } from './own-bridge.ts'
import {
  ageWithSkew,
  firstValueMs,
  heapMB,
  outage,
  percentile,
  publishToDomMs,
  sizes,
  smoothness,
} from './page-measures.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '20' },
    devices: { type: 'string', default: '500' },
    heap: { type: 'string' },
    report: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(options.seconds)
const heapMs = Number(options.heap ?? 0) * 60_000

const WARM_MS = 6_000
/** Beyond its own length a step is given so much; Chromium on a busy machine has been seen to hang. */
const STEP_MS = 90_000

interface Surroundings {
  readonly browser: Browser
  readonly dataDir: string
  bridge: Bridge
}

type Step = readonly [
  name: string,
  lengthMs: number,
  measure: (around: Surroundings) => Promise<Run['figures']>,
]

const STEPS: readonly Step[] = [
  ['sizes', 0, sizeFigures],
  ['1,000/s', seconds * 1000, atThousand],
  ['5,000/s', seconds * 1000, atFiveThousand],
  ['clocks', 0, withWrongClocks],
  ['outage', 0, throughOutage],
]
const HEAP: readonly Step[] = [['heap', heapMs, heapGrowth]]

process.once('SIGINT', () => process.exit(130))
const runs = options.report === undefined ? await measureAll() : await readRuns(options.report)
if (!options.json) console.info(report(runs))
if (runs.some(({ failed }) => Object.keys(failed).length > 0)) process.exitCode = 1

async function measureAll(): Promise<readonly Run[]> {
  const steps = options.heap === undefined ? STEPS : HEAP
  const count = options.heap === undefined ? Number(options.runs) : 1
  const made: Run[] = []
  for (let at = 1; at <= count; at++) {
    process.stderr.write(`run ${at} of ${count}, load ${loadavg()[0]!.toFixed(1)}\n`)
    const run = await withDataDir(dataDir => measure(dataDir, steps))
    made.push(run)
    if (options.json) console.info(JSON.stringify(run))
  }
  return made
}

async function readRuns(file: string): Promise<readonly Run[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(line => line.startsWith('{'))
  return lines.map(line => JSON.parse(line) as Run)
}

async function measure(dataDir: string, steps: readonly Step[]): Promise<Run> {
  const figures: Record<string, number> = {}
  const failed: Record<string, string> = {}
  const load = loadavg()[0]!
  const browser = await launch()
  const around = { browser, dataDir, bridge: await startBridge(dataDir) }
  try {
    for (const [name, lengthMs, step] of steps) {
      const startedMs = performance.now()
      try {
        Object.assign(figures, await withDeadline(step(around), lengthMs + STEP_MS))
      } catch (error) {
        failed[name] = (error as Error).message
      }
      // What a step that failed left behind shall not disturb the next.
      for (const context of browser.contexts()) await context.close()
      const tookS = ((performance.now() - startedMs) / 1000).toFixed(0)
      process.stderr.write(`  ${name}: ${failed[name] ?? 'measured'}, ${tookS} s\n`)
    }
  } finally {
    await browser.close()
    await stop(around.bridge.process)
  }
  return { figures, load, failed }
}

async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`nothing after ${ms / 1000} s`)), ms)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(timer)
  }
}

async function sizeFigures(): Promise<Run['figures']> {
  const { initial, lazy } = await sizes()
  return { 'initial JS + CSS, gzipped': initial, 'lazy JS + CSS, gzipped': lazy }
}

async function atThousand({ browser, bridge }: Surroundings): Promise<Run['figures']> {
  return underLoad(bridge, 1_000, async () => {
    const device = await connectAsync(`mqtt://127.0.0.1:${bridge.mqtt}`)
    const first = await firstValueMs(browser, url(bridge))
    const page = await openFleet(browser, bridge)
    const received = await countReceived(bridge)
    const { fps, p99FrameMs, busy } = await smoothness(page, seconds)
    const figures = {
      'first value': first,
      '1,000/s: messages taken by the bridge': (await received()) / seconds,
      '1,000/s: frames': fps,
      '1,000/s: p99 frame': p99FrameMs,
      '1,000/s: main thread busy': busy,
      '1,000/s: publish to DOM, p99': percentile(await publishToDomMs(page, device), 0.99),
    }
    await device.endAsync()
    return figures
  })
}

async function atFiveThousand({ browser, bridge }: Surroundings): Promise<Run['figures']> {
  return underLoad(bridge, 5_000, async () => {
    const page = await openFleet(browser, bridge)
    const received = await countReceived(bridge)
    const { fps, p99FrameMs, busy, skippedShown } = await smoothness(page, seconds)
    return {
      '5,000/s: messages taken by the bridge': (await received()) / seconds,
      '5,000/s: frames': fps,
      '5,000/s: p99 frame': p99FrameMs,
      '5,000/s: main thread busy': busy,
      '5,000/s: skipped is shown (1: yes)': Number(skippedShown),
    }
  })
}

async function heapGrowth({ browser, bridge }: Surroundings): Promise<Run['figures']> {
  return underLoad(bridge, 1_000, async () => {
    const page = await openFleet(browser, bridge)
    const before = await heapMB(page)
    await sleep(heapMs)
    return { 'heap growth': (await heapMB(page)) - before }
  })
}

async function withWrongClocks({ browser, bridge }: Surroundings): Promise<Run['figures']> {
  const figures: Record<string, number> = {}
  const device = await connectAsync(`mqtt://127.0.0.1:${bridge.mqtt}`)
  for (const [name, sign] of [
    ['ahead', 1],
    ['behind', -1],
  ] as const) {
    const { ageS, state } = await ageWithSkew(browser, url(bridge), device, sign)
    if (state !== 'reporting')
      throw new Error(`with its clock ${name}, the page calls a fresh value ${state}`)
    figures[`clock 10 min ${name}: age of a fresh value`] = ageS
  }
  await device.endAsync()
  return figures
}

async function throughOutage(around: Surroundings): Promise<Run['figures']> {
  const page = await openFleet(around.browser, around.bridge)
  const { bridge, bannerMs, backMs } = await outage(page, around.bridge, around.dataDir)
  around.bridge = bridge
  return { 'killed: until the banner': bannerMs, 'restarted: until live': backMs }
}

/** With the fleet simulator beside it, from when it has got going until the work is done. */
async function underLoad<T>(bridge: Bridge, rate: number, work: () => Promise<T>): Promise<T> {
  const args = ['fleet', '--devices', options.devices, '--rate', String(rate), '-p', String(bridge.mqtt)]
  const fleet = start(['simulators/main.ts', ...args], 'ignore')
  const ended = once(fleet, 'exit').then(([code]) => {
    throw new Error(`the fleet simulator ended with code ${code}`)
  })
  ended.catch(() => undefined)
  try {
    await Promise.race([sleep(WARM_MS), ended])
    return await Promise.race([work(), ended])
  } finally {
    await stop(fleet)
  }
}

async function openFleet(browser: Browser, bridge: Bridge): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  await page.goto(url(bridge))
  await page.locator('.row').first().waitFor()
  await sleep(WARM_MS)
  return page
}

/** How many messages the bridge took since: that the load was there. */
async function countReceived({ http }: Bridge): Promise<() => Promise<number>> {
  const look = async () =>
    ((await (await fetch(`http://127.0.0.1:${http}/api/ledger`)).json()) as { received: number }).received
  const before = await look()
  return async () => (await look()) - before
}

function url({ http }: Bridge): string {
  return `http://127.0.0.1:${http}/#/fleet`
}
