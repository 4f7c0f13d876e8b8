/** The page in a real browser, against the real bridge: what an operator sees. */

import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { connectAsync, type MqttClient } from 'mqtt'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databasePath } from '../../bridge/identity/store.ts'
import { People } from '../../bridge/test/people.ts'
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

/** By its id, as the bridge tells it. */
async function knownDevice(id: RegExp): Promise<string | undefined> {
  const answer = await fetch(`http://127.0.0.1:${bridge.http}/api/devices`)
  const { devices } = (await answer.json()) as { devices: { id: string }[] }
  return devices.find(device => id.test(device.id))?.id
}

/** What would do something if it were taken for more than text. */
const MARKUP = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '"><script>alert(1)</script>',
  "'><img src=x onerror=alert(1)>",
  '<svg onload=alert(1)>',
  '<svg><script>alert(1)</script></svg>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<a href="javascript:alert(1)">x</a>',
  'javascript:alert(1)',
  '<body onload=alert(1)>',
  '<details open ontoggle=alert(1)>',
  '<input autofocus onfocus=alert(1)>',
  '<math><mi xlink:href="javascript:alert(1)">',
  '</title><script>alert(1)</script>',
  '</style><script>alert(1)</script>',
  '<!--><script>alert(1)</script>-->',
  '{{constructor.constructor("alert(1)")()}}',
  '$'.concat('{globalThis.pwned=1}'),
  '&lt;script&gt;alert(1)&lt;/script&gt;',
  '__proto__[pwned]',
]

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
    const dialogs: string[] = []
    page.on('dialog', dialog => {
      dialogs.push(dialog.message())
      void dialog.dismiss()
    })
    await publish('home/kitchen/thermo/temperature', '22.25')
    for (const [at, markup] of MARKUP.entries()) {
      await publish(`home/hall/n${at} ${markup.replaceAll(/[/+#]/g, '_')}/temperature`, String(at))
      // Values and payloads are a device's own words too.
      await publish(`home/hall/says-${at}/state`, JSON.stringify({ says: markup, [markup]: at }))
    }
    await page.locator('.value', { hasText: /^22\.[23]/ }).waitFor()
    for (const view of ['#/fleet', '#/device/says-0', '#/messages', '#/fleet']) {
      await open(view)
      await page.locator('h1').waitFor()
    }
    await row('Says 0').waitFor()
    expect(
      await page.locator('.row img, .row svg[onload], .row script, .row iframe, .row math').count(),
    ).toBe(0)
    expect(await page.evaluate('globalThis.pwned')).toBeUndefined()
    expect(dialogs).toEqual([])
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
    await expect.poll(() => page.locator('.row').count()).toBe(1)
    expect(page.url()).toContain('q=kitchen')
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('.row').count()).toBeGreaterThan(1)
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
    await publish('home/attic/tank/level', '{"also broken":')
    await page.getByRole('button', { name: 'Replay home/attic/tank/level' }).click()
    await page.getByText('0 read and stored, 1 still held.').waitFor()
    await page.getByRole('button', { name: 'Replay all' }).click()
    await page.getByRole('button', { name: 'Replay', exact: true }).click()
    await page.getByText('0 read and stored, 2 still held.').waitFor()
    await open('#/health')
    await page.getByText(/Held: home\/attic\/tank\/level/).waitFor()
    // Told only while something goes out.
    const speaking = setInterval(() => void publish('home/attic/tank/level', '5'), 500)
    try {
      await page.getByText(/half within/).waitFor()
    } finally {
      clearInterval(speaking)
    }
  }, 40_000)

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

  test('a device is forgotten after a question, on this page and on others; if it speaks again it is back', async () => {
    await publish('home/attic/boiler/power', '12')
    const context = await browser.newContext()
    const others = [await context.newPage(), await context.newPage()] as const
    const [list, same] = others
    await list.goto(`http://127.0.0.1:${bridge.http}/#/fleet?q=boiler`)
    await same.goto(`http://127.0.0.1:${bridge.http}/#/device/boiler`)
    const listed = list.getByRole('link', { name: 'Boiler', exact: true })
    await listed.waitFor()
    await same.getByRole('heading', { name: 'Boiler', exact: true }).waitFor()

    await open('#/device/boiler')
    const forget = page.getByRole('button', { name: 'Forget this device' })
    const dialog = page.getByRole('dialog', { name: 'Forget Boiler?' })
    const yes = dialog.getByRole('button', { name: 'Forget', exact: true })
    await forget.click()
    await dialog.getByText('Everything that is stored of it, under the id boiler').waitFor()
    // What is behind the question hears no key.
    for (const key of ['j', 'Escape']) await page.keyboard.press(key)
    await dialog.waitFor({ state: 'hidden' })
    expect(page.url()).toContain('#/device/boiler')
    await forget.click()
    await page.route('**/api/devices/boiler', route => route.abort())
    await yes.click()
    await dialog.getByText('Not forgotten: The bridge does not answer.').waitFor()
    await page.unroute('**/api/devices/boiler')
    await yes.click()
    await page.getByRole('heading', { name: 'Fleet' }).waitFor()
    await open('#/fleet?q=boiler')
    await page.getByText('No device matches “boiler”.').waitFor()
    // Told, and not found out by asking for the list, which they do once a minute.
    await list.getByText('No device matches “boiler”.').waitFor({ timeout: 10_000 })
    await same.getByText('was taken out of the fleet').waitFor({ timeout: 10_000 })

    await publish('home/attic/boiler/power', '13')
    await row('Boiler').locator('.value', { hasText: '13' }).waitFor()
    await listed.waitFor()
    await same.getByRole('heading', { name: 'Boiler', exact: true }).waitFor()
    await context.close()
  }, 40_000)

  test('what a forgotten device may have left at the broker is told, with what to do about it', async () => {
    // No name may hold such a character: the bridge knows the device by another, and cannot clear the topic.
    await publish('home/attic/ket\u202etle/power', '7')
    await expect.poll(() => knownDevice(/^ket.*tle~/)).toBeDefined()
    const id = (await knownDevice(/^ket.*tle~/))!
    await open(`#/device/${encodeURIComponent(id)}`)
    await page.getByRole('button', { name: 'Forget this device' }).click()
    await page.getByRole('button', { name: 'Forget', exact: true }).click()
    const left = page.getByRole('dialog', { name: /is forgotten, and may come back/ })
    await left.getByText('only who published it can clear it').waitFor()
    expect(await left.getByText(/^home\/attic\/ket.*tle\/power~/).count()).toBe(1)
    await left.getByRole('button', { name: 'Understood' }).click()
    await left.waitFor({ state: 'hidden' })

    // A broker that was away: its topics can be cleared by hand.
    await publish('home/attic/kettle/power', '8')
    await open('#/device/kettle')
    const answer = { id: 'kettle', retainedLeft: ['home/attic/kettle/power'] }
    await page.route('**/api/devices/kettle', route => route.fulfill({ json: answer }))
    await page.getByRole('button', { name: 'Forget this device' }).click()
    await page.getByRole('button', { name: 'Forget', exact: true }).click()
    await left.getByText(`-p ${bridge.mqtt} -q 1 -r -n -t 'home/attic/kettle/power'`).waitFor()
    await page.getByRole('heading', { name: 'Fleet' }).waitFor()
    await left.getByRole('button', { name: 'Understood' }).click()
    await page.unroute('**/api/devices/kettle')
  }, 40_000)

  test('a device that was forgotten while the page was too slow to hear of it is gone with the gap', async () => {
    await publish('home/attic/stove/power', '12')
    const context = await browser.newContext()
    const slow = await context.newPage()
    let isBehind = false
    let endIt: (frame: object) => void = () => undefined
    await slow.routeWebSocket('**/live', socket => {
      endIt = frame => socket.send(JSON.stringify(frame))
      socket.connectToServer().onMessage(frame => {
        if (!isBehind) socket.send(frame)
      })
    })
    await slow.goto(`http://127.0.0.1:${bridge.http}/#/fleet?q=stove`)
    await slow.getByRole('link', { name: 'Stove', exact: true }).waitFor()
    await slow.waitForLoadState('networkidle')
    isBehind = true
    await fetch(`http://127.0.0.1:${bridge.http}/api/devices/stove`, {
      method: 'DELETE',
      headers: { 'content-type': 'application/json' },
    })
    endIt({ op: 'gap', id: 1, from: 1, to: 2, reason: 'slow-client' })
    endIt({ op: 'snapshot', id: 1, cursor: 'none', seq: 2, readings: [] })
    await slow.getByText('No device matches “stove”.').waitFor({ timeout: 10_000 })
    await context.close()
  }, 40_000)

  test('a browser that keeps nothing for pages shows it all the same', async () => {
    const context = await browser.newContext()
    await context.addInitScript(() => {
      const get = () => {
        throw new DOMException('storage is forbidden', 'SecurityError')
      }
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(globalThis, name, { get })
    })
    const strict = await context.newPage()
    await strict.goto(`http://127.0.0.1:${bridge.http}/#/fleet`)
    await strict.getByRole('heading', { name: 'Fleet' }).waitFor()
    await context.close()
  })

  test('asked nothing of any other host, and broke no rule of its policy', () => {
    expect(offOrigin).toEqual([])
    expect(refused).toEqual([])
  })
})

describe('where the bridge knows people', () => {
  const ownDir = mkdtempSync(join(tmpdir(), 'trestle-page-'))
  const people = new People(ownDir)
  let own: Bridge
  let context: BrowserContext
  let signedIn: Page
  const at = (hash = '') => `http://localhost:${own.http}/${hash}`

  beforeAll(async () => {
    await people.addUser('vera', 'viewer', 'vera likes looking')
    await people.addUser('olga', 'operator', 'olga likes switches')
    await people.addUser('ada', 'admin', 'ada keeps the house')
    await people.addDevice('phone-mia', 'a secret of its own')
    await people.addDevice('lamp', 'another secret')
    own = await startBridge(ownDir)
    context = await browser.newContext({ viewport: { width: 1400, height: 900 } })
    signedIn = await context.newPage()
    const lamp = await connectAsync(`mqtt://127.0.0.1:${own.mqtt}`, {
      clientId: 'lamp',
      username: 'lamp',
      password: 'another secret',
    })
    await lamp.publishAsync('home/hall/lamp/state', '{"brightness":3}', { qos: 1 })
    await lamp.endAsync()
  }, 30_000)
  afterAll(async () => {
    people.close()
    await context?.close()
    if (own) await stop(own.process, 'SIGKILL')
    await rm(ownDir, { recursive: true, force: true })
  })

  const logIn = async (to: Page, name: string, password: string) => {
    await to.getByLabel('User name').fill(name)
    await to.getByLabel('Password', { exact: true }).fill(password)
    await to.keyboard.press('Enter')
  }

  test('it asks who it is, tells what was wrong in words, and goes on to where the address points', async () => {
    await signedIn.goto(at('#/device/lamp'))
    await signedIn.getByRole('heading', { name: 'Sign in' }).waitFor()
    // By keyboard alone, from where the page puts it.
    await signedIn.keyboard.type('vera')
    await signedIn.keyboard.press('Tab')
    await signedIn.keyboard.type('wrong')
    await signedIn.keyboard.press('Enter')
    await signedIn.getByText('The user name or the password is wrong.').waitFor()
    await logIn(signedIn, 'vera', 'vera likes looking')
    await signedIn.getByRole('heading', { name: 'Lamp' }).waitFor()
    await signedIn.locator('.legend b', { hasText: '3' }).waitFor()
    expect(await signedIn.evaluate('document.cookie')).toBe('')
  })

  test('a viewer sees why nothing can be sent, and who is logged in', async () => {
    await signedIn.getByText('You can watch, not send commands.').waitFor()
    await signedIn.goto(at('#/connect'))
    await signedIn.getByText('npm run trestle -- device add thermo', { exact: true }).waitFor()
    await signedIn.getByText(`mosquitto_pub -h localhost -p ${own.mqtt} -u thermo -P SECRET`).waitFor()
    await signedIn.goto(at('#/device/lamp'))
    expect(await signedIn.getByRole('button', { name: 'Send' }).count()).toBe(0)
    expect(await signedIn.getByRole('button', { name: 'Forget this device' }).count()).toBe(0)
    await signedIn.goto(at('#/fleet'))
    await signedIn.getByLabel('Page settings').click()
    await signedIn.getByText('viewer', { exact: true }).waitFor()
    await signedIn.getByRole('button', { name: 'Sign out' }).click()
    await signedIn.getByRole('heading', { name: 'Sign in' }).waitFor()
    await signedIn.reload()
    await signedIn.getByRole('heading', { name: 'Sign in' }).waitFor()
  })

  test('a logout that the bridge cannot keep yet, or does not hear of, is told', async () => {
    await people.addUser('lou', 'viewer', 'lou is about to go')
    const visits = await browser.newContext()
    const visitor = await visits.newPage()
    await visitor.goto(at('#/fleet'))
    await logIn(visitor, 'lou', 'lou is about to go')
    const signOut = async () => {
      await visitor.getByLabel('Page settings').click()
      await visitor.getByRole('button', { name: 'Sign out' }).click()
    }
    await visitor.route('**/api/logout', route => route.abort())
    await signOut()
    await visitor.getByText('Still signed in: The bridge does not answer.').waitFor()
    await visitor.unroute('**/api/logout')
    await visitor.getByLabel('Page settings').click()
    const database = new DatabaseSync(databasePath(ownDir), { timeout: 5000 })
    database.exec('ALTER TABLE endedSession RENAME TO elsewhere')
    await signOut()
    await visitor.getByRole('heading', { name: 'Sign in' }).waitFor()
    await visitor.getByText('The bridge could not write that down yet').waitFor()
    database.exec('ALTER TABLE elsewhere RENAME TO endedSession')
    database.close()
    // It was said of that logout, and not of what ends later on the same page.
    await logIn(visitor, 'lou', 'lou is about to go')
    await visitor.getByRole('heading', { name: 'Fleet' }).waitFor()
    people.removeUser('lou')
    await visitor.getByText('Your session ended.').waitFor({ timeout: 10_000 })
    expect(await visitor.getByText('could not write that down').count()).toBe(0)
    await visitor.reload()
    await visitor.getByRole('heading', { name: 'Sign in' }).waitFor()
    expect(await visitor.getByText('could not write that down').count()).toBe(0)
    await visits.close()
  })

  test('a session that ends leads back to the login, and from there to the same place', async () => {
    await people.addUser('tom', 'operator', 'tom is a guest here')
    await signedIn.goto(at('#/messages?q=home%2F%23'))
    await expect
      .poll(
        async () => {
          await logIn(signedIn, 'tom', 'tom is a guest here')
          return signedIn
            .getByRole('heading', { name: 'Messages' })
            .waitFor({ timeout: 1500 })
            .then(
              () => true,
              () => false,
            )
        },
        { timeout: 10_000 },
      )
      .toBe(true)
    people.removeUser('tom')
    await signedIn.getByText('Your session ended.').waitFor({ timeout: 10_000 })
    await logIn(signedIn, 'olga', 'olga likes switches')
    await signedIn.getByRole('heading', { name: 'Messages' }).waitFor()
    expect(signedIn.url()).toContain('q=home')
  })

  test('an operator sends commands; forgetting a device is for an admin', async () => {
    const visits = [
      ['olga', 'olga likes switches', 0],
      ['ada', 'ada keeps the house', 1],
    ] as const
    for (const [name, password, count] of visits) {
      const own = await browser.newContext()
      const visitor = await own.newPage()
      await visitor.goto(at('#/device/lamp'))
      await visitor.getByRole('heading', { name: 'Sign in' }).waitFor()
      await logIn(visitor, name, password)
      await visitor.getByRole('button', { name: 'Send' }).waitFor()
      expect(await visitor.getByRole('button', { name: 'Forget this device' }).count(), name).toBe(count)
      await own.close()
    }
  })

  test('taking one’s time at the login is no fault of its scripts', async () => {
    const visits = await browser.newContext()
    const visitor = await visits.newPage()
    const faults: string[] = []
    visitor.on('pageerror', error => faults.push(error.message))
    await visitor.goto(at())
    await visitor.getByRole('heading', { name: 'Sign in' }).waitFor()
    // Longer than a lost connection goes without a banner: then the page has given it up.
    await visitor.waitForTimeout(1_500)
    await logIn(visitor, 'olga', 'olga likes switches')
    await visitor.getByRole('link', { name: 'Lamp', exact: true }).waitFor()
    await visits.close()
    expect(faults).toEqual([])
  })

  test('a page of another place cannot act with the cookie of who looks at it, nor watch', async () => {
    const device = await connectAsync(`mqtt://127.0.0.1:${own.mqtt}`, {
      clientId: 'lamp',
      username: 'lamp',
      password: 'another secret',
    })
    const heard: string[] = []
    device.on('message', topic => heard.push(topic))
    await device.subscribeAsync('home/hall/lamp/#', { qos: 1 })
    const foreign = createServer((_, response) => {
      response.setHeader('content-type', 'text/html').end(FOREIGN_PAGE(own.http))
    })
    foreign.listen(0, '127.0.0.1')
    await once(foreign, 'listening')
    const page = await context.newPage()
    // Of the same site, so that the browser does send the cookie: it is the origin that differs.
    const elsewhere = `http://localhost:${(foreign.address() as AddressInfo).port}/`
    await page.goto(elsewhere)
    await page.waitForFunction('globalThis.outcomes?.length === 6')
    expect(await page.evaluate('globalThis.outcomes')).toEqual([
      'socket refused',
      'mqtt refused',
      'events refused',
      'answer unread',
      'answer unread',
      'answer unread',
    ])
    for (const id of ['as-form', 'as-text', 'as-multipart']) {
      const posted = page.waitForResponse(response => response.request().method() === 'POST')
      await page.evaluate(`document.getElementById('${id}').submit()`)
      expect((await posted).status(), id).toBe(403)
      await page.waitForURL(/\/api\//)
      await page.goto(elsewhere)
      await page.waitForFunction('globalThis.outcomes?.length === 6')
    }
    await page.close()
    foreign.close()
    await device.publishAsync('home/hall/lamp/state', '{"brightness":4}', { qos: 1 })
    await expect.poll(() => heard).toContain('home/hall/lamp/state')
    expect(heard.filter(topic => topic.endsWith('/set'))).toEqual([])
    await device.endAsync(true)
    // The cookie itself was good all the time.
    await signedIn.reload()
    await signedIn.getByRole('heading', { name: 'Messages' }).waitFor()
  })

  test('a phone becomes the device of the code that it scanned, and the address forgets it', async () => {
    const phones = await browser.newContext({ viewport: { width: 390, height: 844 } })
    const phone = await phones.newPage()
    const link = (secret: string) =>
      at(`#/sensor?${new URLSearchParams({ username: 'phone-mia', password: secret })}`)
    const battery = () => phone.getByText(/%, no permission needed/).waitFor()
    await phone.goto(link('not its secret'))
    await battery()
    expect(phone.url()).toBe(at('#/sensor'))
    await phone.getByRole('button', { name: 'Start sending' }).click()
    await phone.getByText('does not know phone-mia by this secret').waitFor()
    await phone.getByText('Not let in').waitFor()

    await phone.goto('about:blank')
    await phone.goto(link('a secret of its own'))
    await battery()
    await phone.getByRole('switch', { name: 'Keep its secret in this browser' }).click()
    await phone.reload()
    await battery()
    await phone.getByRole('button', { name: 'Start sending' }).click()
    await expect
      .poll(async () => Number(await phone.locator('.sent dd').nth(1).textContent()), { timeout: 10_000 })
      .toBeGreaterThan(0)
    await phone.getByText('Sending', { exact: true }).waitFor()
    await phones.close()
  })

  test.each(['light', 'dark'] as const)(
    'the login has no fault that axe knows, nor scrolls sideways: %s',
    async colorScheme => {
      const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')
      const strangers = await browser.newContext({ colorScheme, bypassCSP: true })
      const login = await strangers.newPage()
      for (const width of [1400, 320]) {
        await login.setViewportSize({ width, height: 800 })
        for (const hash of ['#/fleet', '#/sensor']) {
          await login.goto('about:blank')
          await login.goto(at(hash))
          await login.locator('h1').waitFor()
          expect(await faultsOf(login, axe), `${hash} ${width}`).toEqual([])
        }
      }
      await strangers.close()
    },
  )
})

/** Tries whatever a page may try without being asked. */
const FOREIGN_PAGE = (port: number) => `<!doctype html>
<form id="as-form" method="post" action="http://localhost:${port}/api/devices/lamp/commands"><input name="payload" value="ON"></form>
<form id="as-text" method="post" enctype="text/plain" action="http://localhost:${port}/api/devices/lamp/commands"><input name='{"payload":"ON","x":"' value='"}'></form>
<form id="as-multipart" method="post" enctype="multipart/form-data" action="http://localhost:${port}/api/quarantine/replay"></form>
<script>
  const outcomes = (globalThis.outcomes = [])
  const after = (work) => { chain = chain.then(work).then(text => outcomes.push(text)) }
  let chain = Promise.resolve()
  const socket = (name, path, protocol) => after(() => new Promise(resolve => {
    const socket = new WebSocket('ws://localhost:${port}' + path, protocol)
    socket.onopen = () => resolve(name + ' open')
    socket.onerror = () => resolve(name + ' refused')
  }))
  socket('socket', '/live', 'trestle.live.v1')
  socket('mqtt', '/mqtt', 'mqtt')
  after(() => new Promise(resolve => {
    const events = new EventSource('http://localhost:${port}/live/events', { withCredentials: true })
    events.onopen = () => resolve('events open')
    events.onerror = () => { events.close(); resolve('events refused') }
  }))
  const ask = (path, init) => after(() => fetch('http://localhost:${port}' + path, { credentials: 'include', ...init })
    .then(response => response.type === 'opaque' ? 'answer unread' : 'answer read', () => 'answer unread'))
  ask('/api/devices', {})
  ask('/api/devices/lamp/commands', { method: 'POST', mode: 'no-cors', headers: { 'content-type': 'text/plain' }, body: '{"payload":"ON"}' })
  ask('/api/devices/lamp/commands', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"payload":"ON"}' })
</script>`

async function faultsOf(page: Page, axe: string): Promise<string[]> {
  await page.waitForTimeout(400)
  await page.evaluate(axe)
  const found = (await page.evaluate(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] })' +
      '.then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes[0].html))',
  )) as string[]
  const over = (await page.evaluate('document.documentElement.scrollWidth - innerWidth')) as number
  return over > 0 ? [...found, `${over} px sideways`] : found
}

/** With no place to break a line at. */
const LONG_NAME = 'anamethatislongandhasnoplacetobreakalineat'.repeat(2)
const VIEWS = ['#/fleet', '#/device/thermo', '#/messages', '#/health', '#/sensor', '#/connect']

describe('for everyone', () => {
  test.each(['light', 'dark'] as const)(
    'no view has a fault that axe knows, nor scrolls sideways: %s',
    async colorScheme => {
      const axe = await readFile(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')
      await publish(`home/hall/${LONG_NAME}/temperature`, '21.5')
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
          faults.push(...(await faultsOf(checked, axe)).map(fault => `${view} ${width}: ${fault}`))
        }
        await checked.goto(`http://127.0.0.1:${bridge.http}/#/device/${LONG_NAME}`)
        await checked.getByRole('button', { name: 'Forget this device' }).click()
        await checked.getByRole('dialog').waitFor()
        faults.push(...(await faultsOf(checked, axe)).map(fault => `forget ${width}: ${fault}`))
        const left = {
          id: LONG_NAME,
          retainedLeft: [`home/hall/${LONG_NAME}/temperature`, `${LONG_NAME}~0123456789abcdef`],
        }
        await checked.route('**/api/devices/*', route => route.fulfill({ json: left }))
        await checked.getByRole('button', { name: 'Forget', exact: true }).click()
        await checked.getByRole('dialog', { name: /may come back/ }).waitFor()
        faults.push(...(await faultsOf(checked, axe)).map(fault => `left behind ${width}: ${fault}`))
        await checked.unroute('**/api/devices/*')
      }
      await context.close()
      expect(faults).toEqual([])
    },
    60_000,
  )
})
