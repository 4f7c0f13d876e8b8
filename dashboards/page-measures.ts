/** What is measured of the page in a browser, each on its own. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { MqttClient } from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { type Bridge, ROOT, startBridge, stop } from './own-bridge.ts'

/** Sorts before every other room, so that its row is in view. */
const PROBE = { topic: 'home/attic/stopwatch/temperature', name: 'Stopwatch' }
const PROBES = 100
const PROBE_EVERY_MS = 90
const SKEW_MS = 600_000

export const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ??
  Number.NaN

/** Scripts and styles that come before anything is asked for, and those that come later; gzipped, in kB. */
export async function sizes(): Promise<{ initial: number; lazy: number }> {
  const dist = join(ROOT, 'dashboards/live/dist')
  const html = await readFile(join(dist, 'index.html'), 'utf8')
  const sum = { initial: 0, lazy: 0 }
  for (const name of await readdir(join(dist, 'assets'))) {
    if (!/\.(js|css)$/.test(name)) continue
    const bytes = gzipSync(await readFile(join(dist, 'assets', name))).length
    sum[html.includes(name) ? 'initial' : 'lazy'] += bytes / 1000
  }
  return sum
}

/** From the start of a cold navigation to the first value in a row. */
export async function firstValueMs(browser: Browser, url: string): Promise<number> {
  const page = await browser.newPage()
  await page.addInitScript(`
    new MutationObserver((_, observer) => {
      const value = document.querySelector('.row .value')
      if (!value || !/\\d/.test(value.textContent)) return
      window.firstValueMs = performance.now()
      observer.disconnect()
    }).observe(document, { childList: true, subtree: true, characterData: true })`)
  await page.goto(url)
  await page.locator('.row .value').first().waitFor()
  await sleep(500)
  const ms = (await page.evaluate('window.firstValueMs')) as number
  await page.close()
  return ms
}

export interface Smoothness {
  readonly fps: number
  readonly p99FrameMs: number
  /** Of the page's main thread, per cent. */
  readonly busy: number
  readonly skippedShown: boolean
}

export async function smoothness(page: Page, seconds: number): Promise<Smoothness> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Performance.enable')
  const taskS = async () =>
    (await cdp.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')!.value
  const before = await taskS()
  const frames = (await page.evaluate(`new Promise(resolve => {
    const frames = []
    const began = performance.now()
    let last = began
    const step = now => {
      frames.push(now - last)
      last = now
      if (now - began < ${seconds * 1000}) requestAnimationFrame(step)
      else resolve(frames.slice(1))
    }
    requestAnimationFrame(step)
  })`)) as number[]
  const busy = (100 * ((await taskS()) - before)) / seconds
  const skippedShown = await page.locator('.foot', { hasText: 'not drawn' }).isVisible()
  await cdp.detach()
  return { fps: frames.length / seconds, p99FrameMs: percentile(frames, 0.99), busy, skippedShown }
}

/** From just before the publish to the text in its row. */
export async function publishToDomMs(page: Page, device: MqttClient): Promise<readonly number[]> {
  await device.publishAsync(PROBE.topic, '0.5', { qos: 1 })
  const row = page.locator('.row', { has: page.getByRole('link', { name: PROBE.name, exact: true }) })
  await row.waitFor()
  await page.evaluate(`(() => {
    window.seen = []
    const row = [...document.querySelectorAll('.row')].find(row => row.textContent.includes('${PROBE.name}'))
    const value = row.querySelector('.value')
    new MutationObserver(() => window.seen.push([Number(value.textContent.match(/[\\d.]+/)?.[0]), Date.now()]))
      .observe(value, { childList: true, subtree: true, characterData: true })
  })()`)
  const sent = new Map<number, number>()
  for (let at = 1; at <= PROBES; at++) {
    const value = at / 2
    sent.set(value, Date.now())
    await device.publishAsync(PROBE.topic, String(value), { qos: 1 })
    await sleep(PROBE_EVERY_MS)
  }
  await sleep(500)
  const seen = (await page.evaluate('window.seen')) as [number, number][]
  const first = new Map(seen.toReversed())
  return [...first].flatMap(([value, ms]) => (sent.has(value) ? [ms - sent.get(value)!] : []))
}

export async function heapMB(page: Page): Promise<number> {
  const cdp = await page.context().newCDPSession(page)
  for (let i = 0; i < 3; i++) await cdp.send('HeapProfiler.collectGarbage')
  const { usedSize } = await cdp.send('Runtime.getHeapUsage')
  await cdp.detach()
  return usedSize / 1e6
}

/** The bridge is killed; how long until the page says so, and until it is live again after the restart. */
export async function outage(
  page: Page,
  bridge: Bridge,
  dataDir: string,
): Promise<{ bridge: Bridge; bannerMs: number; backMs: number }> {
  const killedMs = Date.now()
  await stop(bridge.process, 'SIGKILL')
  await page.locator('.banner').waitFor()
  const bannerMs = Date.now() - killedMs
  await sleep(2_000)
  const again = await startBridge(dataDir, bridge)
  const readyMs = Date.now()
  await page.locator('.banner').waitFor({ state: 'detached' })
  return { bridge: again, bannerMs, backMs: Date.now() - readyMs }
}

/** With the browser's clock off, how many seconds old the page says that a value of this second is. */
export async function ageWithSkew(
  browser: Browser,
  url: string,
  device: MqttClient,
  sign: 1 | -1,
): Promise<{ ageS: number; state: string | null }> {
  const page = await browser.newPage()
  await page.addInitScript(`{
    const RealDate = Date
    const skew = ${sign * SKEW_MS}
    window.Date = class extends RealDate {
      constructor(...args) { args.length === 0 ? super(RealDate.now() + skew) : super(...args) }
      static now() { return RealDate.now() + skew }
    }
  }`)
  await page.goto(url)
  const row = page.locator('.row', { has: page.getByRole('link', { name: PROBE.name, exact: true }) })
  await row.waitFor()
  await device.publishAsync(PROBE.topic, '1.5', { qos: 1 })
  await sleep(1_500)
  const text = (await row.locator('.age').textContent()) ?? ''
  const state = await row.getAttribute('data-state')
  await page.close()
  return { ageS: /^\d+ s/.test(text) ? Number.parseInt(text, 10) : Number.NaN, state }
}
