/**
 * The page's bars, measured: a bridge of its own, the fleet simulator and Chromium, all on this machine.
 *
 *     npm run bench -- page [--runs 3] [--seconds 20] [--heap-minutes 1] [--json]
 *
 * Medians of the runs, each with its bar. Bars are for an idle machine with two cores. With `--json` the last line
 * is everything as JSON. The exit code tells nothing of the bars: a loaded machine is no fault of the page.
 */

import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connectAsync } from 'mqtt'
import type { Browser } from 'playwright-core'
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
    'heap-minutes': { type: 'string', default: '1' },
    devices: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
})
const runs = Number(options.runs)
const seconds = Number(options.seconds)
const heapMs = Number(options['heap-minutes']) * 60_000
const WARM_MS = 6_000

type Figures = Record<string, number>

/** Name, unit, bar: `<=` unless it begins with `>`. */
const BARS: Readonly<Record<string, readonly [unit: string, bar: string]>> = {
  'initial JS + CSS, gzipped': ['kB', '80'],
  'lazy JS + CSS, gzipped': ['kB', ''],
  'first value': ['ms', '1000'],
  '1,000/s: messages taken by the bridge': ['/s', ''],
  '1,000/s: frames': ['fps', '>55'],
  '1,000/s: p99 frame': ['ms', '34'],
  '1,000/s: main thread busy': ['%', '35'],
  '1,000/s: publish to DOM, p99': ['ms', '250'],
  '5,000/s: messages taken by the bridge': ['/s', ''],
  '5,000/s: frames': ['fps', '>45'],
  '5,000/s: p99 frame': ['ms', ''],
  '5,000/s: main thread busy': ['%', ''],
  '5,000/s: skipped is shown (1: yes)': ['', '>1'],
  'heap growth': ['MB', '5'],
  'killed: until the banner': ['ms', '2000'],
  'restarted: until live': ['ms', '3000'],
  'clock 10 min ahead: age of a fresh value': ['s', '3'],
  'clock 10 min behind: age of a fresh value': ['s', '3'],
}

const all: Figures[] = []
for (let run = 1; run <= runs; run++) {
  process.stderr.write(`run ${run} of ${runs}, load ${loadavg()[0]!.toFixed(1)}\n`)
  all.push(await withDataDir(measure))
}
report(all)

async function measure(dataDir: string): Promise<Figures> {
  const figures: Figures = {}
  const { initial, lazy } = await sizes()
  figures['initial JS + CSS, gzipped'] = initial
  figures['lazy JS + CSS, gzipped'] = lazy
  const browser = await launch()
  try {
    let bridge = await startBridge(dataDir)
    await atThousand(browser, bridge, figures)
    await atFiveThousand(browser, bridge, figures)
    bridge = await throughOutage(browser, bridge, dataDir, figures)
    await stop(bridge.process)
  } finally {
    await browser.close()
  }
  await rm(dataDir, { recursive: true, force: true })
  return figures
}

async function atThousand(browser: Browser, bridge: Bridge, figures: Figures): Promise<void> {
  const fleet = load(bridge, 1_000)
  const device = await connectAsync(`mqtt://127.0.0.1:${bridge.mqtt}`)
  await sleep(WARM_MS)
  figures['first value'] = await firstValueMs(browser, url(bridge))
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  await page.goto(url(bridge))
  await sleep(WARM_MS)
  const received = await countReceived(bridge)
  const { fps, p99FrameMs, busy } = await smoothness(page, seconds)
  figures['1,000/s: messages taken by the bridge'] = (await received()) / seconds
  figures['1,000/s: frames'] = fps
  figures['1,000/s: p99 frame'] = p99FrameMs
  figures['1,000/s: main thread busy'] = busy
  figures['1,000/s: publish to DOM, p99'] = percentile(await publishToDomMs(page, device), 0.99)
  const before = await heapMB(page)
  await sleep(heapMs)
  figures['heap growth'] = (await heapMB(page)) - before
  await page.close()
  await stop(fleet)
  for (const [name, sign] of [
    ['ahead', 1],
    ['behind', -1],
  ] as const) {
    const { ageS, state } = await ageWithSkew(browser, url(bridge), device, sign)
    figures[`clock 10 min ${name}: age of a fresh value`] = state === 'reporting' ? ageS : Number.NaN
  }
  await device.endAsync()
}

async function atFiveThousand(browser: Browser, bridge: Bridge, figures: Figures): Promise<void> {
  const fleet = load(bridge, 5_000)
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  await page.goto(url(bridge))
  await sleep(WARM_MS)
  const received = await countReceived(bridge)
  const { fps, p99FrameMs, busy, skippedShown } = await smoothness(page, seconds)
  figures['5,000/s: messages taken by the bridge'] = (await received()) / seconds
  figures['5,000/s: frames'] = fps
  figures['5,000/s: p99 frame'] = p99FrameMs
  figures['5,000/s: main thread busy'] = busy
  figures['5,000/s: skipped is shown (1: yes)'] = Number(skippedShown)
  await page.close()
  await stop(fleet)
}

async function throughOutage(
  browser: Browser,
  bridge: Bridge,
  dataDir: string,
  figures: Figures,
): Promise<Bridge> {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } })
  await page.goto(url(bridge))
  await page.locator('.row').first().waitFor()
  const { bridge: again, bannerMs, backMs } = await outage(page, bridge, dataDir)
  figures['killed: until the banner'] = bannerMs
  figures['restarted: until live'] = backMs
  await page.close()
  return again
}

/** How many messages the bridge took since: that the load was there. */
async function countReceived({ http }: Bridge): Promise<() => Promise<number>> {
  const look = async () =>
    ((await (await fetch(`http://127.0.0.1:${http}/api/ledger`)).json()) as { received: number }).received
  const before = await look()
  return async () => (await look()) - before
}

/** Until it is stopped. */
function load({ mqtt }: Bridge, rate: number) {
  const args = ['fleet', '--devices', options.devices, '--rate', String(rate), '-p', String(mqtt)]
  const fleet = start(['simulators/main.ts', ...args], 'ignore')
  void once(fleet, 'exit')
  return fleet
}

function url({ http }: Bridge): string {
  return `http://127.0.0.1:${http}/#/fleet`
}

function report(all: readonly Figures[]): void {
  const medians = Object.fromEntries(
    Object.keys(BARS).map(name => [
      name,
      percentile(
        all.map(figures => figures[name] ?? Number.NaN),
        0.5,
      ),
    ]),
  )
  const width = Math.max(...Object.keys(BARS).map(name => name.length))
  for (const [name, [unit, bar]] of Object.entries(BARS)) {
    const value = medians[name]!
    const word = bar === '' ? '' : `${bar.startsWith('>') ? '>= ' : '<= '}${bar.replace('>', '')}`
    const mark = bar === '' ? '' : isWithin(value, bar) ? 'ok' : 'MISSED'
    console.info(
      `${name.padEnd(width)}  ${value.toFixed(value < 10 ? 2 : 0).padStart(7)} ${unit.padEnd(4)} ${word.padEnd(8)} ${mark}`,
    )
  }
  if (options.json) console.info(JSON.stringify({ runs: all, medians, load: loadavg()[0] }))
}

function isWithin(value: number, bar: string): boolean {
  return bar.startsWith('>') ? value >= Number(bar.slice(1)) : value <= Number(bar)
}
