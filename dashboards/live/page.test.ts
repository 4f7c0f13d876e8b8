/** The page in a real browser, against the real bridge: what an operator sees. */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bridge, launch, ROOT, startBridge, stop } from '../own-bridge.ts'

let dataDir: string
let bridge: Bridge
let browser: Browser
let page: Page
let device: MqttClient
const offOrigin: string[] = []
const refused: string[] = []

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'trestle-page-'))
  bridge = await startBridge(dataDir, { mqtt: 0, http: 0 })
  browser = await launch()
  page = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme: 'light' })
  page.on('request', request => {
    const { hostname } = new URL(request.url())
    if (hostname !== '127.0.0.1') offOrigin.push(request.url())
  })
  page.on('console', message => {
    if (message.text().includes('Content Security Policy')) refused.push(message.text())
  })
  device = await connectAsync(`mqtt://127.0.0.1:${bridge.mqtt}`, { reconnectPeriod: 200 })
})

afterAll(async () => {
  await device?.endAsync(true)
  await browser?.close()
  if (bridge) await stop(bridge.process, 'SIGKILL')
  await rm(dataDir, { recursive: true, force: true })
})

const publish = (topic: string, payload: string) => device.publishAsync(topic, payload, { qos: 1 })
const open = (hash = '') => page.goto(`http://127.0.0.1:${bridge.http}/${hash}`)
const row = (name: string) => page.locator('.row', { has: page.getByRole('link', { name, exact: true }) })

describe('the page', () => {
  test('with no device yet, tells what to do; the first message replaces it', async () => {
    await open()
    await page.getByText('Waiting for the first message').waitFor()
    expect(await page.locator('code').allTextContents()).toContainEqual(
      expect.stringMatching(/^mosquitto_pub /),
    )
    await publish('home/kitchen/thermo/temperature', '21.5')
    await row('Thermo').waitFor()
    expect(await row('Thermo').locator('.value').textContent()).toMatch(/^21\.5/)
  })

  test('a published value is on the page at once, with what a device calls itself as text', async () => {
    const name = '<img src=x onerror=alert(1)>'
    await publish('home/kitchen/thermo/temperature', '22.25')
    await publish(`home/hall/${name}/temperature`, '3')
    await page.locator('.value', { hasText: /^22\.[23]/ }).waitFor()
    await row(name).waitFor()
    expect(await page.locator('.row img').count()).toBe(0)
  })

  test('a device shows its fields, live', async () => {
    await open('#/device/thermo')
    await page.getByRole('heading', { name: 'Thermo' }).waitFor()
    await publish('home/kitchen/thermo/temperature', '23.5')
    await page.locator('.legend b', { hasText: '23.5' }).waitFor()
    await page.locator('.chip', { hasText: 'Reporting' }).waitFor()
  })

  test('messages come with what became of them', async () => {
    await open('#/messages')
    const message = page.locator('.message-table tbody tr', { hasText: 'home/kitchen/thermo/humidity' })
    // Only what comes after the page asked for messages is shown.
    await expect
      .poll(
        async () => {
          await publish('home/kitchen/thermo/humidity', '48')
          return message.count()
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(0)
    await message.first().getByText('stored').waitFor()
  })

  test('health shows that the account balances', async () => {
    await open('#/health')
    await page.getByText('balanced, 0 unaccounted').waitFor()
  })

  test('a search finds, and the address holds it', async () => {
    await open()
    await row('Thermo').waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('kitchen')
    await page.waitForFunction('document.querySelectorAll(".row").length === 1')
    expect(page.url()).toContain('q=kitchen')
    await page.keyboard.press('Escape')
    await page.waitForFunction('document.querySelectorAll(".row").length === 2')
  })

  test('a killed bridge brings the banner within two seconds; back, the page is live again by itself', async () => {
    await open()
    await row('Thermo').waitFor()
    const killedMs = Date.now()
    await stop(bridge.process, 'SIGKILL')
    await page.getByText('lost its connection').waitFor()
    expect(Date.now() - killedMs).toBeLessThan(2500)
    expect(await row('Thermo').getAttribute('data-state')).toBe('unknown')

    bridge = await startBridge(dataDir, bridge)
    const backMs = Date.now()
    await page.locator('.banner').waitFor({ state: 'detached' })
    expect(Date.now() - backMs).toBeLessThan(3500)
    await publish('home/kitchen/thermo/temperature', '24.5')
    await page.locator('.value', { hasText: '24.5' }).waitFor()
  })

  test('a phone sends what it measures; what it measured while the bridge was away arrives too', async () => {
    const context = await browser.newContext({
      geolocation: { latitude: 52.5201, longitude: 13.4049 },
      permissions: ['geolocation', 'accelerometer', 'gyroscope'],
    })
    const phone = await context.newPage()
    phone.on('console', message => {
      if (message.text().includes('Content Security Policy')) refused.push(message.text())
    })
    const acknowledgedText = () => phone.locator('.sent dd').nth(1).textContent()
    const cdp = await context.newCDPSession(phone)
    for (const type of ['accelerometer', 'linear-acceleration', 'gyroscope'] as const) {
      await cdp.send('Emulation.setSensorOverrideEnabled', { enabled: true, type })
      await cdp.send('Emulation.setSensorOverrideReadings', {
        type,
        reading: { xyz: { x: 0, y: 0, z: type === 'accelerometer' ? 9.5 : 0.1 } },
      })
    }
    await phone.goto(`http://127.0.0.1:${bridge.http}/#/sensor`)
    await phone.locator('.sensor-words b', { hasText: '9.50' }).waitFor()
    await phone.getByRole('button', { name: 'Change' }).click()
    await phone.getByLabel('Name', { exact: true }).fill('Mia’s phone')
    await phone.getByRole('combobox', { name: 'Room' }).fill('Hall')
    await phone.getByRole('button', { name: 'Save' }).click()
    await phone.getByRole('button', { name: 'Start sending' }).click()
    await phone.getByText('Sending', { exact: true }).waitFor()
    await expect.poll(async () => Number(await acknowledgedText()), { timeout: 10_000 }).toBeGreaterThan(5)

    await stop(bridge.process, 'SIGKILL')
    await phone.getByText('wait here with the time they were measured').waitFor()
    bridge = await startBridge(dataDir, bridge)
    await phone.getByText('Sending', { exact: true }).waitFor()
    await phone.getByRole('button', { name: 'Stop sending' }).click()
    await phone.getByText('All arrived').waitFor()
    const acknowledged = Number(await acknowledgedText())

    const ownDevice = async () => {
      const answer = await fetch(`http://127.0.0.1:${bridge.http}/api/devices`)
      const { devices } = (await answer.json()) as {
        devices: { id: string; name: string; room: string; available: boolean }[]
      }
      return devices.find(({ id }) => id.startsWith('phone-'))!
    }
    // Its farewell follows the last reading, which is what the page waits for.
    await expect
      .poll(ownDevice, { timeout: 10_000 })
      .toMatchObject({ name: 'Mia’s phone', room: 'Hall', available: false })
    const mine = await ownDevice()
    await expect
      .poll(
        async () => {
          const query = `device=${mine.id}&field=acceleration&points=raw&limit=5000`
          const answer = await fetch(`http://127.0.0.1:${bridge.http}/api/history?${query}`)
          return ((await answer.json()) as { points: readonly unknown[] }).points.length
        },
        { timeout: 10_000 },
      )
      .toBe(acknowledged)
    await context.close()
  }, 40_000)

  test('what is held is explained, and replayed when asked twice', async () => {
    await publish('home/attic/cistern/level', '{"broken":')
    await open('#/messages?became=held')
    await page.getByRole('button', { name: 'Explain home/attic/cistern/level' }).click()
    await page.getByText(/Still held, by general/).waitFor()
    await page.getByRole('button', { name: 'Replay all' }).click()
    await page.getByRole('button', { name: 'Replay', exact: true }).click()
    await page.getByText('0 read and stored, 1 still held.').waitFor()
  })

  test('a switch tells the device, and shows what the device says', async () => {
    await device.subscribeAsync('cmnd/desk/POWER', { qos: 1 })
    const asked = new Promise<string>(resolve => {
      device.on('message', (topic, payload) => topic === 'cmnd/desk/POWER' && resolve(payload.toString()))
    })
    await publish('tele/desk/STATE', '{"POWER":"OFF"}')
    await open('#/device/desk')
    const power = page.getByRole('switch', { name: 'Power' })
    await power.click({ timeout: 8_000 })
    expect(await asked).toBe('ON')
    expect(await power.getAttribute('aria-checked')).toBe('false')
    await publish('tele/desk/STATE', '{"POWER":"ON"}')
    await page.getByText(/Power on: confirmed after \d+ ms/).waitFor()
    expect(await power.getAttribute('aria-checked')).toBe('true')
  })

  test('asked nothing of any other host, and broke no rule of its policy', () => {
    expect(offOrigin).toEqual([])
    expect(refused).toEqual([])
  })
})

const VIEWS = ['#/fleet', '#/device/thermo', '#/messages', '#/health', '#/sensor', '#/connect']

describe('for everyone', () => {
  test.each(['light', 'dark'] as const)(
    'no view has a fault that axe knows, nor scrolls sideways: %s',
    async colorScheme => {
      const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')
      // The page's policy refuses scripts from elsewhere, as it should; axe needs to get in.
      const context = await browser.newContext({ colorScheme, bypassCSP: true })
      const checked = await context.newPage()
      const faults: string[] = []
      for (const width of [1400, 320]) {
        await checked.setViewportSize({ width, height: 800 })
        for (const view of VIEWS) {
          await checked.goto('about:blank')
          await checked.goto(`http://127.0.0.1:${bridge.http}/${view}`)
          await checked.locator('h1').first().waitFor()
          await checked.waitForTimeout(400)
          await checked.evaluate(axe)
          const found = (await checked.evaluate(
            'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] })' +
              '.then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
          )) as string[]
          faults.push(...found.map(fault => `${view} ${width}: ${fault}`))
          const over = (await checked.evaluate('document.documentElement.scrollWidth - innerWidth')) as number
          if (over > 0) faults.push(`${view} ${width}: ${over} px sideways`)
        }
      }
      await context.close()
      expect(faults).toEqual([])
    },
    60_000,
  )
})
