/** People, programs and strangers before a bridge that knows some of them: HTTP, live, and the tools beside it. */

import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { SessionView } from '../http/session.ts'
import { databasePath } from '../identity/store.ts'
import { TestClient } from '../live/fixture.ts'
import { exchange } from '../tls/fixture.ts'
import { connect } from './load.ts'
import { People } from './people.ts'
import { tool } from './tool.ts'
import { cleanEnv, eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

let trestle: Trestle
let people: People
const tokens: Record<string, string> = {}
const dataDir = newDataDir()

beforeAll(async () => {
  mkdirSync(join(dataDir, 'data'))
  people = new People(join(dataDir, 'data'))
  await people.addUser('vera', 'viewer', 'vera likes looking')
  await people.addUser('olga', 'operator', 'olga likes switches')
  for (const role of ['viewer', 'operator', 'admin'] as const) tokens[role] = people.addToken(role, role)
  trestle = await startTrestle({ dataDir })
  const device = connect(trestle.mqtt)
  await device.publishAsync('home/hall/lamp-1/state', '{"on":false}', { qos: 1 })
  await device.endAsync()
})

afterAll(async () => {
  people.close()
  await trestle.stop()
  removeDataDir(dataDir)
})

const JSON_TYPE = { 'content-type': 'application/json' }

async function ask(path: string, init: RequestInit = {}): Promise<{ status: number; code?: string }> {
  const response = await fetch(trestle.url + path, init)
  const body = (await response.json().catch(() => ({}))) as { code?: string }
  return { status: response.status, ...(response.ok ? {} : { code: body.code }) }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function logIn(name: string, password: string): Promise<Response> {
  return fetch(`${trestle.url}/api/login`, {
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify({ name, password }),
  })
}

describe('over HTTP', () => {
  const post = (body: unknown) => ({ method: 'POST', headers: JSON_TYPE, body: JSON.stringify(body) })
  const command = post({ payload: 'ON', qos: 0, answer: false })
  const [UNKNOWN, NO, YES] = [401, 403, 200]

  it.each<[string, RequestInit, number, number, number, number]>([
    //                                                   stranger viewer operator admin
    ['/healthz', {}, YES, YES, YES, YES],
    ['/readyz', {}, YES, YES, YES, YES],
    ['/api/session', {}, YES, YES, YES, YES],
    ['/', {}, YES, YES, YES, YES],
    ['/metrics', {}, UNKNOWN, YES, YES, YES],
    ['/api/devices', {}, UNKNOWN, YES, YES, YES],
    ['/api/devices/lamp-1', {}, UNKNOWN, YES, YES, YES],
    ['/api/history?device=lamp-1&field=on', {}, UNKNOWN, YES, YES, YES],
    ['/api/ledger', {}, UNKNOWN, YES, YES, YES],
    ['/api/quarantine', {}, UNKNOWN, YES, YES, YES],
    ['/live/poll', {}, UNKNOWN, YES, YES, YES],
    ['/live/events?stream=none', {}, UNKNOWN, YES, YES, YES],
    ['/api/explain', post({ topic: 'a', payload: '1' }), UNKNOWN, YES, YES, YES],
    ['/api/devices/lamp-1/commands', command, UNKNOWN, NO, YES, YES],
    ['/api/quarantine/replay', post({}), UNKNOWN, NO, YES, YES],
    ['/api/spool/replay', post({ since: Date.now() }), UNKNOWN, NO, YES, YES],
    ['/api/whatever-comes-later', post({}), UNKNOWN, NO, NO, 404],
    ['/api/devices/nobody', { method: 'DELETE', headers: JSON_TYPE }, UNKNOWN, NO, NO, 404],
    ['/api/nothing', {}, UNKNOWN, 404, 404, 404],
  ])('%s %o: a stranger gets %i, a viewer %i, an operator %i, an admin %i', async (path, init, ...wanted) => {
    const who = [{}, bearer(tokens.viewer!), bearer(tokens.operator!), bearer(tokens.admin!)]
    const found: number[] = []
    for (const headers of who) {
      const signal = AbortSignal.timeout(5000)
      const response = await fetch(trestle.url + path, {
        ...init,
        signal,
        headers: { ...init.headers, ...headers } as Record<string, string>,
      })
      found.push(response.status)
      await response.body?.cancel()
    }
    expect(found).toEqual(wanted)
  })

  it('refusals have a code, and say how to do better', async () => {
    const response = await fetch(`${trestle.url}/api/devices`)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="trestle"')
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 401, code: 'not-authorised' })
    const viewer = { ...JSON_TYPE, ...bearer(tokens.viewer!) }
    expect(await ask('/api/quarantine/replay', { method: 'POST', headers: viewer })).toEqual({
      status: 403,
      code: 'forbidden',
    })
  })

  it('a token counts in its header only: not in the address, not as a cookie, not damaged', async () => {
    const token = tokens.admin!
    const [body, mac] = token.split('.') as [string, string]
    for (const [path, headers] of [
      [`/api/devices?token=${token}`, {}],
      [`/api/devices?access_token=${token}`, {}],
      ['/api/devices', { cookie: `trestle_session=${token}` }],
      ['/api/devices', bearer(`${body}x.${mac}`)],
      ['/api/devices', bearer(`${body}.${mac.slice(0, -1)}`)],
      ['/api/devices', bearer('')],
      ['/api/devices', { authorization: `Basic ${Buffer.from(`admin:${token}`).toString('base64')}` }],
    ] as const)
      expect((await ask(path, { headers })).status, JSON.stringify([path, headers])).toBe(401)
  })

  it('no other spelling of a path gets around', async () => {
    for (const path of [
      '/API/ledger',
      '//api/ledger',
      '/api//ledger',
      '/api/ledger/',
      '/./api/ledger',
      '/x/../api/ledger',
      '/%61pi/ledger',
      '/api%2fledger',
      '/api/%2e/ledger',
      '/api\\ledger',
      '/api/ledger;x',
      '/api/ledger%00',
      '/api/login/../ledger',
      '/healthz/../api/ledger',
      `http://127.0.0.1:${trestle.http}/api/ledger`,
      '/metrics/',
      '/%6detrics',
      '/live/../metrics',
    ]) {
      const answer = await exchange(
        trestle.http,
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      )
      expect([400, 401, 404], path).toContain(Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]))
      expect(answer, path).not.toMatch(/"received"|trestle_/)
    }
  })

  it('a login gives a cookie that no script can read and no other page can use; logging out takes it away', async () => {
    const response = await logIn('vera', 'vera likes looking')
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      needsLogin: true,
      principal: { name: 'vera', role: 'viewer', expiresAtMs: expect.any(Number) },
    })
    const [set] = response.headers.getSetCookie()
    const [pair, ...attributes] = set!.split('; ')
    expect(attributes.map(text => text.split('=')[0])).toEqual(
      expect.arrayContaining(['HttpOnly', 'SameSite', 'Path', 'Expires']),
    )
    expect(attributes).toEqual(expect.arrayContaining(['SameSite=Strict', 'Path=/']))
    // Over plain http a browser would not keep it.
    expect(attributes).not.toContain('Secure')
    const headers = { cookie: pair! }
    expect((await ask('/api/devices', { headers })).status).toBe(200)
    const view = (await (await fetch(`${trestle.url}/api/session`, { headers })).json()) as SessionView
    expect(view).toMatchObject({ needsLogin: true, principal: { name: 'vera', role: 'viewer' } })
    const out = await fetch(`${trestle.url}/api/logout`, {
      method: 'POST',
      headers: { ...headers, ...JSON_TYPE },
    })
    expect(await out.json()).toEqual({ needsLogin: true, principal: null })
    expect(out.headers.getSetCookie()[0]).toMatch(/^trestle_session=; Max-Age=0;/)
  })

  it('logging out ends the session here, not only in the browser: a copy of the cookie opens nothing, over any transport', async () => {
    const cookieOf = (response: Response) => response.headers.getSetCookie()[0]!.split(';')[0]!
    const cookie = cookieOf(await logIn('vera', 'vera likes looking'))
    const other = cookieOf(await logIn('vera', 'vera likes looking'))
    const live = `ws://127.0.0.1:${trestle.http}/live`
    using socket = await TestClient.connect(live, [], { cookie })
    using stays = await TestClient.connect(live, [], { cookie: other })
    await socket.next('hello')
    await stays.next('hello')
    const events = (await fetch(`${trestle.url}/live/events`, { headers: { cookie } })).text()
    const poll = fetch(`${trestle.url}/live/poll?devices=nobody&cursor=none`, { headers: { cookie } })
    const byMqtt = async (session: string) => {
      const client = await mqtt.connectAsync(`ws://127.0.0.1:${trestle.http}/mqtt`, {
        wsOptions: { headers: { cookie: session } },
        reconnectPeriod: 0,
      })
      onTestFinished(() => void client.end(true))
      return client
    }
    const [device, neighbour] = await Promise.all([byMqtt(cookie), byMqtt(other)])
    const closed = new Promise<void>(resolve => device.once('close', () => resolve()))
    const out = await fetch(`${trestle.url}/api/logout`, {
      method: 'POST',
      headers: { cookie, ...JSON_TYPE },
    })
    expect(out.status).toBe(200)
    expect((await socket.closed).code).toBe(4401)
    await Promise.all([closed, events, poll])
    for (const path of ['/api/devices', '/live/events', '/live/poll'])
      expect((await ask(path, { headers: { cookie } })).status, path).toBe(401)
    using stranger = await TestClient.connect(live, [], { cookie })
    stranger.send({ op: 'subscribe', id: 1 })
    expect((await stranger.closed).code).toBe(4401)
    expect(stranger.frames).toEqual([])
    // Whoever is logged in elsewhere stays.
    stays.send({ op: 'ping' })
    await stays.next('pong')
    await neighbour.subscribeAsync('home/#')
    expect((await ask('/api/devices', { headers: { cookie: other } })).status).toBe(200)
  })

  it('logging out while the disk does not take it: out at once, and for good as soon as it does', async () => {
    const cookie = (await logIn('vera', 'vera likes looking')).headers.getSetCookie()[0]!.split(';')[0]!
    const logOut = () =>
      fetch(`${trestle.url}/api/logout`, { method: 'POST', headers: { cookie, ...JSON_TYPE } })
    const database = new DatabaseSync(databasePath(join(trestle.dataDir, 'data')), { timeout: 5000 })
    onTestFinished(() => database.close())
    database.exec('ALTER TABLE endedSession RENAME TO elsewhere')
    for (let time = 0; time < 2; time++) {
      const out = await logOut()
      expect(out.status).toBe(202)
      expect(await out.json()).toEqual({ needsLogin: true, principal: null, kept: false })
      expect(out.headers.getSetCookie()[0]).toMatch(/^trestle_session=; Max-Age=0;/)
      expect((await ask('/api/devices', { headers: { cookie } })).status).toBe(401)
    }
    database.exec('ALTER TABLE elsewhere RENAME TO endedSession')
    const kept = await eventually(logOut, ({ status }) => status !== 202)
    expect(kept.status).toBe(200)
    expect(await kept.json()).toEqual({ needsLogin: true, principal: null })
  })

  it('behind a proxy that ends TLS the cookie is for https alone', async () => {
    const response = await fetch(`${trestle.url}/api/login`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'x-forwarded-proto': 'https' },
      body: JSON.stringify({ name: 'vera', password: 'vera likes looking' }),
    })
    expect(response.headers.getSetCookie()[0]).toContain('Secure')
  })

  it('a wrong password and an unknown name read the same', async () => {
    const answers = []
    for (const [name, password] of [
      ['vera', 'wrong'],
      ['nobody', 'wrong'],
    ] as const) {
      const response = await logIn(name, password)
      expect(response.status).toBe(401)
      expect(response.headers.getSetCookie()).toEqual([])
      answers.push(await response.text())
    }
    expect(answers[0]).toBe(answers[1])
    expect(JSON.parse(answers[0]!)).toMatchObject({ code: 'wrong-credentials' })
  })

  it('guessing is held up, by the address that a proxy tells, and by words that say how long', async () => {
    const guess = (n: number, from: string) =>
      fetch(`${trestle.url}/api/login`, {
        method: 'POST',
        headers: { ...JSON_TYPE, 'x-forwarded-for': `10.9.9.9, ${from}` },
        body: JSON.stringify({ name: 'vera', password: `guess ${n}` }),
      })
    let refusal: Response | undefined
    for (let n = 0; n < 30 && refusal === undefined; n++) {
      const response = await guess(n, '198.51.100.7')
      if (response.status === 429) refusal = response
      else expect(response.status).toBe(401)
    }
    expect(Number(refusal?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refusal?.json()).toMatchObject({ code: 'too-many-attempts' })
    // Whoever sits at the machine itself is not locked out by that.
    expect((await logIn('vera', 'vera likes looking')).status).toBe(200)
  })

  it.each([
    [
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'name=vera&password=x',
      415,
      'json-only',
    ],
    ['text', { 'content-type': 'text/plain' }, '{"name":"vera","password":"x"}', 415, 'json-only'],
    ['nothing', {}, '', 415, 'json-only'],
    ['no JSON', JSON_TYPE, '{', 400, 'bad-body'],
    ['another shape', JSON_TYPE, '{"name":["vera"],"password":{"$ne":1}}', 400, 'bad-body'],
    ['more than it asks for', JSON_TYPE, '{"name":"vera","password":"x","role":"admin"}', 400, 'bad-body'],
    ['too much', JSON_TYPE, `{"name":"vera","password":"${'x'.repeat(20_000)}"}`, 413, 'body-too-large'],
    ['a foreign page', { ...JSON_TYPE, origin: 'https://evil.example' }, '{}', 403, 'foreign-origin'],
    [
      'a foreign page that says less',
      { ...JSON_TYPE, 'sec-fetch-site': 'cross-site' },
      '{}',
      403,
      'foreign-origin',
    ],
  ])('a login by %s is none', async (_, headers, body, status, code) => {
    expect(
      await ask('/api/login', { method: 'POST', headers: headers as Record<string, string>, body }),
    ).toEqual({
      status,
      code,
    })
  })

  it('strangers hear whether it is ready, and nothing of what is behind it', async () => {
    const stranger = await (await fetch(`${trestle.url}/readyz`)).json()
    expect(stranger).toEqual({ ready: true, reason: null, store: { ok: true, kind: null, since: null } })
    const known = await fetch(`${trestle.url}/readyz`, { headers: bearer(tokens.viewer!) })
    expect(await known.json()).toMatchObject({ mqtt: trestle.mqtt, mqtts: null, hasAuthority: false })
    expect(await (await fetch(`${trestle.url}/healthz`)).json()).toEqual({ ok: true })
  })

  it('what a person was shown is not kept for the next at that browser', async () => {
    for (const path of ['/api/devices', '/api/ledger', '/metrics', '/api/session']) {
      const response = await fetch(trestle.url + path, { headers: bearer(tokens.viewer!) })
      expect(response.headers.get('cache-control'), path).toBe('no-store')
      await response.body?.cancel()
    }
  })
})

describe('live', () => {
  const url = () => `ws://127.0.0.1:${trestle.http}/live`

  it('by header, by cookie, or by the first frame; a viewer watches, an operator sends commands', async () => {
    const cookie = (await logIn('vera', 'vera likes looking')).headers.getSetCookie()[0]!.split(';')[0]!
    using vera = await TestClient.connect(url(), [], { cookie })
    using operator = await TestClient.connect(url(), [], bearer(tokens.operator!))
    using viewer = await TestClient.connect(url())
    viewer.send({ op: 'auth', token: tokens.viewer! })
    for (const client of [vera, operator, viewer]) {
      await client.next('hello')
      await client.subscribe({ id: 1 })
      await client.subscribe({ id: 2, stream: 'messages' })
    }
    const switchOn = { op: 'command', id: 3, device: 'lamp-1', payload: 'ON', answer: false } as const
    for (const client of [vera, viewer]) {
      client.send(switchOn)
      expect(await client.next('error')).toMatchObject({ id: 3, code: 'forbidden' })
    }
    operator.send(switchOn)
    expect(await operator.next('result', ({ id }) => id === 3)).toMatchObject({ result: 'offline' })
  })

  it('a token that does not hold is refused before the upgrade, or by 4401', async () => {
    await expect(TestClient.connect(url(), [], bearer('trestle_nonsense'))).rejects.toThrow('401')
    const client = await TestClient.connect(url())
    client.send({ op: 'auth', token: 'trestle_nonsense' })
    expect((await client.closed).code).toBe(4401)
    expect(client.frames).toEqual([])
  })

  it('a token that is revoked, or expires, ends what is open by it within 5 s, over every transport', async () => {
    const token = people.addToken('brief', 'viewer')
    const expiring = people.addToken('expiring', 'viewer', Date.now() + 3000)
    // The bridge looks for new ones about once a second.
    await expect
      .poll(() => ask('/api/devices', { headers: bearer(token) }), { timeout: 5000 })
      .toMatchObject({ status: 200 })
    using socket = await TestClient.connect(url(), [], bearer(token))
    using other = await TestClient.connect(url(), [], bearer(expiring))
    const events = await fetch(`${trestle.url}/live/events`, { headers: bearer(token) })
    const poll = fetch(`${trestle.url}/live/poll?devices=nobody&cursor=none`, { headers: bearer(token) })
    const ended = events.text()
    const revokedMs = performance.now()
    people.revokeToken('brief')
    const [closed] = await Promise.all([socket.closed, ended, poll])
    expect(closed.code).toBe(4401)
    expect(performance.now() - revokedMs).toBeLessThan(5000)
    expect((await other.closed).code).toBe(4401)
    expect(await ask('/live/poll', { headers: bearer(token) })).toEqual({
      status: 401,
      code: 'not-authorised',
    })
  })

  it('a user who is removed is sent away, and the cookie holds no longer', async () => {
    await people.addUser('tom', 'viewer', 'tom is a guest here')
    await expect
      .poll(async () => (await logIn('tom', 'tom is a guest here')).status, { timeout: 5000 })
      .toBe(200)
    const cookie = (await logIn('tom', 'tom is a guest here')).headers.getSetCookie()[0]!.split(';')[0]!
    using client = await TestClient.connect(url(), [], { cookie })
    await client.next('hello')
    people.removeUser('tom')
    expect((await client.closed).code).toBe(4401)
    expect((await ask('/api/devices', { headers: { cookie } })).status).toBe(401)
  })
})

it('the tools beside the bridge, and the simulators, show a token', async () => {
  const quarantine = (words: string[], env: Record<string, string> = {}) =>
    tool(dataDir, ['quarantine', ...words], { env: { TRESTLE_HTTP_PORT: String(trestle.http), ...env } })
  await expect(quarantine(['list'])).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('401'),
  })
  await quarantine(['list', '--token', tokens.viewer!])
  await quarantine(['replay'], { TRESTLE_TOKEN: tokens.operator! })
  const simulate = (env: Record<string, string>) =>
    run(
      process.execPath,
      [
        join(ROOT, 'simulators/main.ts'),
        ...['fleet', '-p', String(trestle.mqtt), '--devices', '5', '--rate', '20', '--seconds', '1'],
        ...['--dashboards', '2', '--check', trestle.url, '--json'],
      ],
      { cwd: dataDir, env: cleanEnv(env) },
    )
  await expect(simulate({})).rejects.toMatchObject({ stderr: expect.stringContaining('401') })
  const { stdout } = await simulate({ TRESTLE_TOKEN: tokens.viewer! })
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toMatchObject({ ok: true })
}, 60_000)

it('the first user closes a house that was open, also to who is in it', async () => {
  const own = newDataDir()
  const open = await startTrestle({ dataDir: own })
  onTestFinished(async () => {
    await open.stop()
    removeDataDir(own)
  })
  const url = `ws://127.0.0.1:${open.http}/live`
  using client = await TestClient.connect(url)
  await client.next('hello')
  expect(await open.get('/api/session')).toEqual({
    needsLogin: false,
    principal: { name: 'anyone', role: 'admin' },
  })
  const first = new People(join(own, 'data'))
  await first.addUser('vera', 'viewer', 'vera likes looking')
  expect((await client.closed).code).toBe(4401)
  expect((await fetch(`${open.url}/api/devices`)).status).toBe(401)
  first.close()
}, 30_000)

it('whoever logged out stays logged out after kill -9', async () => {
  const own = newDataDir()
  mkdirSync(join(own, 'data'))
  const family = new People(join(own, 'data'))
  await family.addUser('vera', 'viewer', 'vera likes looking')
  family.close()
  const first = await startTrestle({ dataDir: own })
  const cookies: string[] = []
  for (let n = 0; n < 2; n++) {
    const response = await fetch(`${first.url}/api/login`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: 'vera', password: 'vera likes looking' }),
    })
    cookies.push(response.headers.getSetCookie()[0]!.split(';')[0]!)
  }
  const [left, kept] = cookies as [string, string]
  await fetch(`${first.url}/api/logout`, { method: 'POST', headers: { cookie: left, ...JSON_TYPE } })
  await first.kill()
  const again = await startTrestle({ dataDir: own })
  onTestFinished(async () => {
    await again.stop()
    removeDataDir(own)
  })
  const statusOf = async (cookie: string) =>
    (await fetch(`${again.url}/api/devices`, { headers: { cookie } })).status
  expect(await statusOf(left)).toBe(401)
  expect(await statusOf(kept)).toBe(200)
}, 60_000)
