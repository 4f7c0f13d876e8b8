/**
 * Pictures of the page for the documentation, made from the real thing: a bridge of its own, an hour of a
 * simulated house put into it with the times that devices write into their messages, then the house live.
 *
 *   node dashboards/screenshots.ts [folder]     writes fleet-light.png, device-dark.png, ... (docs/images)
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { chromium, type Page } from 'playwright-core'

const root = join(import.meta.dirname, '..')
const folder = process.argv[2] ?? join(root, 'docs/images')
const HISTORY_MS = 3_600_000
/** One message of a topic in so long is enough for a line. */
const LEAST_STEP_MS = 10_000
/** Long enough for every device to have spoken, and for charts to have a course. */
const LIVE_MS = 40_000
const SETTLE_MS = 4_000
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'

interface Shot {
  readonly name: string
  readonly hash: string
  readonly scheme: 'light' | 'dark'
  readonly size: readonly [number, number]
}

const DESKTOP = [1440, 900] as const
const PHONE = [390, 844] as const
const SHOTS: readonly Shot[] = [
  { name: 'fleet-light', hash: '#/fleet', scheme: 'light', size: DESKTOP },
  { name: 'fleet-dark', hash: '#/fleet', scheme: 'dark', size: DESKTOP },
  { name: 'fleet-phone', hash: '#/fleet', scheme: 'light', size: PHONE },
  { name: 'device-light', hash: '#/device/weather-station?range=1h', scheme: 'light', size: DESKTOP },
  { name: 'device-dark', hash: '#/device/weather-station?range=1h', scheme: 'dark', size: DESKTOP },
  { name: 'device-phone', hash: '#/device/weather-station?range=1h', scheme: 'dark', size: PHONE },
  { name: 'messages-dark', hash: '#/messages', scheme: 'dark', size: DESKTOP },
  { name: 'health-light', hash: '#/health', scheme: 'light', size: DESKTOP },
]

const children: ChildProcess[] = []
const dataDir = await mkdtemp(join(tmpdir(), 'trestle-pictures-'))
try {
  const { mqtt, http } = await startBridge()
  await publishHistory(mqtt)
  start(['simulators/main.ts', 'home', '-p', String(mqtt)], 'ignore')
  await sleep(SETTLE_MS)
  await mkdir(folder, { recursive: true })
  await takeAll(`http://127.0.0.1:${http}/`)
} finally {
  for (const child of children) child.kill()
  await Promise.all(children.map(child => (child.exitCode === null ? once(child, 'exit') : null)))
  await rm(dataDir, { recursive: true, force: true })
}

function start(
  args: readonly string[],
  stdout: 'pipe' | 'ignore',
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', stdout, 'inherit'],
  })
  children.push(child)
  return child
}

async function startBridge(): Promise<{ mqtt: number; http: number }> {
  const env = { TRESTLE_MQTT_PORT: '0', TRESTLE_HTTP_PORT: '0', TRESTLE_DATA_DIR: dataDir, TRESTLE_DEMO: '0' }
  const bridge = start(['bridge/main.ts'], 'pipe', env)
  const exit = once(bridge, 'exit').then(([code]) => {
    throw new Error(`the bridge ended with code ${code} before it was ready`)
  })
  const [line] = (await Promise.race([once(createInterface(bridge.stdout!), 'line'), exit])) as [string]
  exit.catch(() => undefined)
  return JSON.parse(line) as { mqtt: number; http: number }
}

/** What the house would have said in the last hour, as far as its messages can carry their time. */
async function publishHistory(port: number): Promise<void> {
  const startMs = Date.now() - HISTORY_MS
  const seconds = String(HISTORY_MS / 1000 - 5)
  const dryRun = start(
    ['simulators/main.ts', 'home', '--dry-run', '--seconds', seconds, '--start', String(startMs)],
    'pipe',
  )
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`)
  const lastOf = new Map<string, number>()
  let sending: Promise<unknown>[] = []
  for await (const line of createInterface(dryRun.stdout!)) {
    const { time, topic, payload, retain } = JSON.parse(line) as Said
    if (payload === undefined || (!retain && time - (lastOf.get(topic) ?? -LEAST_STEP_MS) < LEAST_STEP_MS))
      continue
    const dated = retain ? payload : withTime(topic, payload, startMs + time)
    if (dated === null) continue
    lastOf.set(topic, time)
    sending.push(client.publishAsync(topic, dated, { qos: 1, retain }))
    if (sending.length >= 200) {
      await Promise.all(sending)
      sending = []
    }
  }
  await Promise.all(sending)
  await client.endAsync()
}

interface Said {
  readonly time: number
  readonly topic: string
  readonly payload?: string
  readonly retain: boolean
}

/** Zigbee2MQTT can say when it saw a device; some others do already. Null for those that cannot. */
function withTime(topic: string, payload: string, timeMs: number): string | null {
  if (topic.startsWith('zigbee2mqtt/') && payload.startsWith('{')) {
    return JSON.stringify({ ...(JSON.parse(payload) as object), last_seen: new Date(timeMs).toISOString() })
  }
  return /"(Time|ts|time)"/.test(payload) ? payload : null
}

/** All are opened first and watch for a while together: what they chart comes live. */
async function takeAll(url: string): Promise<void> {
  const args = [
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--disable-background-networking',
    '--disable-sync',
  ]
  const browser = await chromium.launch({ executablePath: CHROMIUM, args })
  const pages: { readonly name: string; readonly page: Page }[] = []
  for (const { name, hash, scheme, size } of SHOTS) {
    const viewport = { width: size[0], height: size[1] }
    const page = await browser.newPage({
      viewport,
      colorScheme: scheme,
      deviceScaleFactor: size === PHONE ? 2 : 1,
    })
    await page.goto(url + hash)
    pages.push({ name, page })
  }
  await sleep(LIVE_MS)
  for (const { name, page } of pages) await page.screenshot({ path: join(folder, `${name}.png`) })
  await browser.close()
}
