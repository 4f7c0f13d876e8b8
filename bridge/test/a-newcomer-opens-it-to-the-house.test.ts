import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { listener } from '../../broker/fixture.ts'
import { tryTool } from './tool.ts'
import { cleanEnv, eventually, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
beforeAll(async () => {
  trestle = await startTrestle()
})
afterAll(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

const run = (words: readonly string[], input = '') => tryTool(trestle.dataDir, words, { input })

/** As somebody types it. Resolves with the exit code. */
function shell(line: string): Promise<number> {
  return new Promise(resolve =>
    execFile('sh', ['-c', line], { env: cleanEnv(), timeout: 10_000 }, error =>
      resolve(error === null ? 0 : Number(error.code)),
    ),
  )
}

function status(path: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<number> {
  return fetch(trestle.url + path, { ...init, headers }).then(response => response.status)
}

let line = ''
let gateway = ''

it('a device: the line that is printed works as it is, and not with another password', async () => {
  const { code, stdout, stderr } = await run(['device', 'add', 'thermo-1'])
  expect(code).toBe(0)
  expect(stderr).toContain('From now on MQTT asks for credentials')
  line = stdout.match(/^ {2}(mosquitto_pub .*)$/m)![1]!
  expect(stdout).toMatch(/mqtt\.connect\("thermo-1", "thermo-1", "[a-z2-7]{32}"\)/)
  expect(await shell(line)).toBe(0)
  expect(await shell(line.replace(/-P \S+/, '-P wrong'))).not.toBe(0)
  expect(await shell(line.replace(/-u \S+ -P \S+/, ''))).not.toBe(0)
  expect(await shell(line.replace(/-i \S+/, '-i other'))).not.toBe(0)
  expect(await shell(line.replace(/-t \S+/, '-t lamp/state'))).not.toBe(0)
  const devices = await eventually(
    () => trestle.devices(),
    found => found.length > 0,
  )
  expect(devices.map(({ id }) => id)).toEqual(['thermo-1'])
  expect(devices[0]?.fields.temperature?.value).toBe(21.5)
}, 60_000)

it('that names another in its payload or topic writes nothing there', async () => {
  gateway = JSON.parse((await run(['device', 'add', 'hub', '--gateway', '--json'])).stdout).password
  await eventually(
    () => shell(pub('hub', gateway, 'home/kitchen/stove/state', '{"temperature":180}')),
    exit => exit === 0,
  )
  const secret = line.match(/-P (\S+)/)![1]!
  const forged = [
    ['home/thermo-1/stove/state', '{"temperature":1}'],
    ['thermo-1/state', '{"device":"stove","temperature":1}'],
    ['thermo-1/state', '[{"bn":"stove","n":"temperature","v":1}]'],
    ['thermo-1/influx', 'reading,device=stove temperature=1'],
  ] as const
  const before = (await trestle.ledger()).received
  for (const [topic, payload] of forged) await shell(pub('thermo-1', secret, topic, payload))
  // As if it were its own, or not at all: never the other's.
  const ledger = await trestle.ledger()
  expect(ledger.received).toBeGreaterThan(before)
  expect(ledger.dropped.forbidden).toBeGreaterThan(0)
  const stove = (await trestle.devices()).find(({ id }) => id === 'stove')
  expect(stove?.fields.temperature?.value).toBe(180)
  expect(Object.keys(stove?.fields ?? {})).toEqual(['temperature'])
}, 60_000)

it('people: the first user closes page and API, a token opens them to a program, each by role', async () => {
  expect(await status('/api/devices')).toBe(200)
  const added = await run(['user', 'add', 'ann', '--role', 'admin', '--password-stdin'], 'correct horse\n')
  expect([added.code, added.stdout]).toEqual([0, ''])
  const token = JSON.parse(
    (await run(['token', 'add', 'grafana', '--role', 'viewer', '--expires', '90d', '--json'])).stdout,
  )
  expect(token).toMatchObject({ name: 'grafana', role: 'viewer', token: expect.stringMatching(/^trestle_/) })
  expect(Date.parse(token.expires) - Date.now()).toBeGreaterThan(89 * 86_400_000)
  await eventually(
    () => status('/api/devices'),
    code => code === 401,
  )
  const bearer = { authorization: `Bearer ${token.token}` }
  await eventually(
    () => status('/api/devices', bearer),
    code => code === 200,
  )
  const command = { method: 'POST', body: '{"payload":"ON"}' }
  const json = { 'content-type': 'application/json' }
  expect(await status('/api/devices/thermo-1/commands', { ...bearer, ...json }, command)).toBe(403)
  const login = (password: string) =>
    fetch(`${trestle.url}/api/login`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ name: 'ann', password }),
    })
  expect((await login('wrong')).status).toBe(401)
  const cookie = (await login('correct horse')).headers.get('set-cookie')!.split(';')[0]!
  expect(await status('/api/devices', { cookie })).toBe(200)
  // By MQTT the same people may read, and command as far as their role goes.
  const viewer = await listener(trestle.mqtt, { username: 'grafana', password: token.token })
  expect(await viewer.client.subscribeAsync('#')).toMatchObject([{ qos: 0 }])
  viewer.client.publish('thermo-1/set', 'x', { qos: 1 }, () => undefined)
  await new Promise<void>(resolve => viewer.client.once('close', () => resolve()))
  const socket = new WebSocket(`${trestle.url.replace('http', 'ws')}/live`, { headers: bearer })
  await once(socket, 'open')
  const closed = once(socket, 'close')
  await run(['token', 'revoke', 'grafana'])
  const [code] = await closed
  expect(code).toBe(4401)
  expect(await status('/api/devices', bearer)).toBe(401)
  await run(['user', 'remove', 'ann'])
  await eventually(
    () => status('/api/devices', { cookie }),
    found => found === 200,
  )
}, 60_000)

it('rotating and revoking take effect within seconds, while the device is connected', async () => {
  const secret = line.match(/-P (\S+)/)![1]!
  const device = await listener(trestle.mqtt, {
    clientId: 'thermo-1',
    username: 'thermo-1',
    password: secret,
  })
  const closed = new Promise<void>(resolve => device.client.once('close', () => resolve()))
  const startedMs = performance.now()
  const rotated = JSON.parse((await run(['device', 'rotate', 'thermo-1', '--json'])).stdout)
  await closed
  expect(performance.now() - startedMs).toBeLessThan(5000)
  expect(rotated).toMatchObject({
    id: 'thermo-1',
    username: 'thermo-1',
    password: expect.stringMatching(/^[a-z2-7]{32}$/),
  })
  expect(await shell(line)).not.toBe(0)
  line = line.replace(/-P \S+/, `-P ${rotated.password}`)
  expect(await shell(line)).toBe(0)
  const list = JSON.parse((await run(['device', 'list', '--json'])).stdout)
  expect(list).toMatchObject([
    { id: 'hub', gateway: true, certificate: false, allow: [] },
    { id: 'thermo-1', gateway: false },
  ])
  expect((await run(['device', 'revoke', 'thermo-1'])).code).toBe(0)
  await eventually(
    () => shell(line),
    exit => exit !== 0,
  )
}, 60_000)

it('mistakes are told in a line, and change nothing', async () => {
  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [['device', 'add', 'a/b'], /letters, digits/],
    [['device', 'add', 'hub'], /there is a device or a user called hub/],
    [['user', 'add', 'hub', '--role', 'viewer', '--generate'], /a user or a device called hub/],
    [['user', 'add', 'x', '--role', 'god'], /Allowed choices are viewer, operator, admin/],
    [['user', 'add', 'x'], /--role/],
    [['device', 'add', 'x', '--allow', '$SYS/#'], /reserved/],
    [['device', 'revoke', 'nobody'], /no device called nobody/],
    [['token', 'add', 'x', '--role', 'viewer', '--expires', 'soon'], /90d/],
    [['user', 'password', 'nobody', '--generate'], /no user called nobody/],
  ]
  const results = await Promise.all(mistakes.map(([args]) => run(args)))
  for (const [i, [, words]] of mistakes.entries()) {
    expect(results[i]!.code).not.toBe(0)
    expect(results[i]!.stderr).toMatch(words)
    expect(results[i]!.stdout).toBe('')
  }
}, 60_000)

it('the files are for their owner alone, and what was written to the log holds no secret', () => {
  const directory = join(trestle.dataDir, 'data')
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
  }
  expect(statSync(directory).mode & 0o077).toBe(0)
  for (const secret of [line.match(/-P (\S+)/)![1]!, gateway, 'correct horse'])
    expect(trestle.stderr()).not.toContain(secret)
})

function pub(id: string, secret: string, topic: string, payload: string): string {
  return `mosquitto_pub -h 127.0.0.1 -p ${trestle.mqtt} -i ${id} -u ${id} -P ${secret} -q 1 -t ${topic} -m '${payload}'`
}

it('beyond loopback nobody is let in unknown, and nothing simulated pretends to be; anybody may by a word, with a warning', async () => {
  const closed = await startTrestle({ env: { TRESTLE_HOST: '0.0.0.0', TRESTLE_DEMO: '' } })
  expect((await fetch(`${closed.url}/api/devices`)).status).toBe(401)
  expect((await fetch(`${closed.url}/healthz`)).status).toBe(200)
  expect(await shell(`mosquitto_pub -h 127.0.0.1 -p ${closed.mqtt} -t a/b -m 1`)).not.toBe(0)
  expect(await shell(`mosquitto_pub -h 127.0.0.1 -p ${closed.mqtt} -u any -P thing -t a/b -m 1`)).not.toBe(0)
  expect(closed.stderr()).toMatch(/device add <id>.*user add <name>/)
  expect(closed.stderr()).not.toContain('simulated')
  // The line names an address that others reach, and nothing closes that was never open.
  const { stdout, stderr } = await tryTool(closed.dataDir, ['device', 'add', 'thermo-1'])
  expect(stderr).toBe('')
  expect(stdout).not.toContain('on this machine alone')
  expect(stdout).not.toMatch(/mosquitto_pub -h (127\.|0\.0)/)
  expect(await shell(stdout.match(/^ {2}(mosquitto_pub .*)$/m)![1]!)).toBe(0)
  await closed.stop()
  removeDataDir(closed.dataDir)
  const open = await startTrestle({ env: { TRESTLE_HOST: '0.0.0.0', TRESTLE_ALLOW_ANONYMOUS: '1' } })
  expect((await fetch(`${open.url}/api/devices`)).status).toBe(200)
  expect(await shell(`mosquitto_pub -h 127.0.0.1 -p ${open.mqtt} -t a/b -m 1`)).toBe(0)
  expect(open.stderr()).toContain('anyone on the network may publish and read')
  await open.stop()
  removeDataDir(open.dataDir)
}, 60_000)
