/**
 * Pictures of the page for the documentation, made from the real thing: a bridge of its own, an hour of a
 * simulated house put into it with the times that devices write into their messages, then the same house live.
 *
 *   node dashboards/screenshots.ts [folder]     writes fleet-light.png, device-dark.png, ... (docs/pictures)
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import type { BrowserContext, Page } from 'playwright-core'
import { launch, ROOT, start, startBridge, withDataDir } from './own-bridge.ts'

const folder = process.argv[2] ?? join(ROOT, 'docs/pictures')
const HISTORY_MS = 3_600_000
/** One message of a topic in so long is enough for a line. */
const LEAST_STEP_MS = 10_000
/** Long enough for every device to have spoken, and for charts to have a course. */
const LIVE_MS = 40_000
const SETTLE_MS = 4_000
/** What is this young is told as it comes, without a time of its own. */
const LIVE_FROM_MS = 2_000
/** How often the phone's sensors move. */
const MOVE_MS = 60

interface Shot {
  readonly name: string
  readonly hash: string
  readonly scheme: 'light' | 'dark'
  readonly size: readonly [number, number]
  readonly prepare?: (page: Page) => Promise<void>
}

const DESKTOP = [1440, 900] as const
const PHONE = [390, 844] as const
/** Together below 1.5 MB: paper, lines and text compress well. */
const SHOTS: readonly Shot[] = [
  { name: 'fleet-light', hash: '#/fleet', scheme: 'light', size: DESKTOP },
  { name: 'fleet-dark', hash: '#/fleet', scheme: 'dark', size: DESKTOP },
  { name: 'fleet-phone', hash: '#/fleet', scheme: 'light', size: PHONE },
  { name: 'device-light', hash: '#/device/weather-station?range=1h', scheme: 'light', size: DESKTOP },
  { name: 'device-dark', hash: '#/device/weather-station?range=1h', scheme: 'dark', size: DESKTOP },
  { name: 'messages-dark', hash: '#/messages', scheme: 'dark', size: DESKTOP },
  { name: 'health-light', hash: '#/health', scheme: 'light', size: DESKTOP },
  { name: 'sensor-phone', hash: '#/sensor', scheme: 'light', size: PHONE, prepare: sendAsPhone },
]

await withDataDir(async dataDir => {
  const { mqtt, http } = await startBridge(dataDir)
  await playHouse(mqtt)
  await sleep(SETTLE_MS)
  await mkdir(folder, { recursive: true })
  await takeAll(`http://127.0.0.1:${http}/`)
})
// What the house would still say is not waited for.
process.exit()

/**
 * One simulated house, told line by line: its last hour at once, as far as its messages can carry their time, then
 * everything when it is due. Resolves when the hour is told; the rest goes on for as long as pictures are taken.
 */
async function playHouse(port: number): Promise<void> {
  const startMs = Date.now() - HISTORY_MS
  const seconds = String((HISTORY_MS + 3 * LIVE_MS) / 1000)
  const dryRun = start(
    ['simulators/main.ts', 'home', '--dry-run', '--seconds', seconds, '--start', String(startMs)],
    'pipe',
  )
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`)
  const hour = Promise.withResolvers<void>()
  void tell(createInterface(dryRun.stdout!), client, startMs, hour.resolve).catch(hour.reject)
  return hour.promise
}

async function tell(
  lines: AsyncIterable<string>,
  client: MqttClient,
  startMs: number,
  onHour: () => void,
): Promise<void> {
  const lastOf = new Map<string, number>()
  let sending: Promise<unknown>[] = []
  for await (const line of lines) {
    const { time, topic, payload, retain } = JSON.parse(line) as Said
    if (payload === undefined) continue
    const dueMs = startMs + time - Date.now()
    const isLive = dueMs > -LIVE_FROM_MS
    if (isLive) {
      onHour()
      if (dueMs > 0) await sleep(dueMs)
    } else if (!retain && time - (lastOf.get(topic) ?? -LEAST_STEP_MS) < LEAST_STEP_MS) continue
    const dated = retain || isLive ? payload : withTime(topic, payload, startMs + time)
    if (dated === null) continue
    lastOf.set(topic, time)
    sending.push(client.publishAsync(topic, dated, { qos: 1, retain }))
    if (sending.length >= (isLive ? 1 : 200)) {
      await Promise.all(sending)
      sending = []
    }
  }
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
  const browser = await launch()
  const pages: { readonly name: string; readonly page: Page }[] = []
  for (const { name, hash, scheme, size, prepare } of SHOTS) {
    const context = await browser.newContext({
      viewport: { width: size[0], height: size[1] },
      colorScheme: scheme,
      deviceScaleFactor: size === PHONE ? 2 : 1,
      permissions: ['accelerometer', 'gyroscope', 'geolocation'],
    })
    const page = await context.newPage()
    if (prepare) await moveSensors(context, page)
    await page.goto(url + hash)
    await prepare?.(page)
    pages.push({ name, page })
  }
  await sleep(LIVE_MS)
  for (const { name, page } of pages) await page.screenshot({ path: join(folder, `${name}.png`) })
  await browser.close()
}

async function sendAsPhone(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Change' }).click()
  await page.getByLabel('Name', { exact: true }).fill('Mia’s phone')
  await page.getByRole('combobox', { name: 'Room' }).fill('Living room')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: '10', exact: true }).click()
  await page.getByRole('button', { name: 'Start sending' }).click()
  await page.mouse.move(0, 0)
}

/** A phone in a hand: slowly turned, slightly shaking. */
async function moveSensors(context: BrowserContext, page: Page): Promise<void> {
  const cdp = await context.newCDPSession(page)
  const types = ['accelerometer', 'linear-acceleration', 'gyroscope'] as const
  for (const type of types) await cdp.send('Emulation.setSensorOverrideEnabled', { enabled: true, type })
  await cdp.send('DeviceOrientation.setDeviceOrientationOverride', { alpha: 80, beta: 31, gamma: -12 })
  let at = 0
  const timer = setInterval(() => {
    at += MOVE_MS / 1000
    const sway = Math.sin(at) + 0.3 * Math.sin(3.7 * at)
    const shake = 0.05 * Math.sin(29 * at) * Math.sin(0.7 * at)
    const readings = {
      accelerometer: { x: 0.4 * sway, y: 1.2 + 0.2 * sway, z: 9.68 + 0.06 * sway + shake },
      'linear-acceleration': { x: 0.1 * sway, y: shake, z: shake },
      gyroscope: { x: 0.06 * sway, y: 0.09 * Math.cos(0.8 * at), z: shake },
    }
    for (const type of types) {
      const reading = { xyz: readings[type] }
      void cdp
        .send('Emulation.setSensorOverrideReadings', { type, reading })
        .catch(() => clearInterval(timer))
    }
  }, MOVE_MS)
}
