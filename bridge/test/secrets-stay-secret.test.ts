/** A canary in the place of every secret: none of them is ever printed, served, measured, or part of an address. */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { TestClient } from '../live/fixture.ts'
import { connect } from './load.ts'
import { People } from './people.ts'
import { tryTool } from './tool.ts'
import { newDataDir, removeDataDir, startTrestle } from './trestle.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

it('no secret is in logs, errors, metrics or addresses', async () => {
  const dataDir = newDataDir()
  mkdirSync(join(dataDir, 'data'))
  const people = new People(join(dataDir, 'data'))
  const secrets = {
    password: 'canary-1-password',
    wrongPassword: 'canary-2-wrong-password',
    token: people.addToken('canary', 'viewer'),
    revoked: people.addToken('revoked', 'viewer'),
    forged: 'trestle_canary-3-forged.canary-3-signature',
    cookie: 'canary-4-cookie',
    influxPassword: 'canary-5-influx',
    mqttPassword: 'canary-6-mqtt',
    otherAuthorization: 'Y2FuYXJ5LTctYmFzaWM=',
    urlPassword: 'canary-8-url',
    urlQuery: 'canary-9-query',
  }
  await people.addUser('vera', 'viewer', secrets.password)
  people.revokeToken('revoked')
  const env = {
    TRESTLE_LOG__LEVEL: 'trace',
    // Nobody listens there: the store is away, and its errors are told.
    INFLUX_URL: 'http://127.0.0.1:9',
    INFLUX_USERNAME: 'trestle',
    INFLUX_PASSWORD: secrets.influxPassword,
  }
  const trestle = await startTrestle({ dataDir, env })
  onTestFinished(async () => {
    await trestle.stop('SIGKILL')
    removeDataDir(dataDir)
  })
  const heard: string[] = []
  const ask = async (path: string, headers: Record<string, string>, body?: string): Promise<void> => {
    const response = await fetch(trestle.url + path, {
      headers: { ...headers, ...(body === undefined ? {} : JSON_TYPE) },
      ...(body === undefined ? {} : { method: 'POST', body }),
    })
    // The cookie of a login is where its secret belongs.
    const headersHeard = [...response.headers].filter(([name]) => name !== 'set-cookie')
    heard.push(path.split('?')[0]!, JSON.stringify(headersHeard), await response.text())
  }

  const login = (password: string) => ask('/api/login', {}, JSON.stringify({ name: 'vera', password }))
  const set = (
    await fetch(`${trestle.url}/api/login`, {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({ name: 'vera', password: secrets.password }),
    })
  ).headers.getSetCookie()[0]!
  const session = /trestle_session=([^;]+)/.exec(set)![1]!
  await login(secrets.password)
  await login(secrets.wrongPassword)
  await ask('/api/login', {}, `{"name":"vera","password":"${secrets.password}"`)
  await ask('/api/login', {}, `{"name":"vera","pass":"${secrets.password}"}`)
  for (const secret of Object.values(secrets)) {
    await ask('/api/ledger', { authorization: `Bearer ${secret}` })
    await ask('/api/ledger', { cookie: `trestle_session=${secret}` })
    await ask(`/api/ledger?token=${encodeURIComponent(secret)}`, {})
    await ask(`/live/poll?token=${encodeURIComponent(secret)}`, {})
  }
  await ask('/api/ledger', { authorization: `Basic ${secrets.otherAuthorization}` })
  const known = { authorization: `Bearer ${secrets.token}` }
  for (const path of [
    '/metrics',
    '/api/session',
    '/readyz',
    '/api/devices',
    '/live/poll',
    '/api/history?device=x&field=y',
  ])
    await ask(path, known)
  await ask('/api/session', { cookie: `trestle_session=${session}` })

  for (const token of [secrets.token, secrets.revoked, secrets.forged]) {
    const client = await TestClient.connect(
      `ws://127.0.0.1:${trestle.http}/live?token=${encodeURIComponent(token)}`,
    )
    client.send({ op: 'auth', token })
    if (token === secrets.token) await client.settle()
    client.close()
    heard.push(JSON.stringify(client.frames))
    const closed = await client.closed
    heard.push(closed.reason)
    await TestClient.connect(`ws://127.0.0.1:${trestle.http}/live`, [], {
      authorization: `Bearer ${token}`,
    }).then(
      client => client.close(),
      error => heard.push(String(error)),
    )
  }
  for (const password of [secrets.mqttPassword, secrets.revoked]) {
    const device = connect(trestle.mqtt, { username: 'vera', password, reconnectPeriod: 0 })
    await new Promise<void>(resolve => {
      device.on('error', () => resolve())
      device.on('connect', () => resolve())
      device.on('close', () => resolve())
    })
    await device.endAsync(true)
  }

  const device = connect(trestle.mqtt)
  await device.publishAsync('home/hall/thermo/temperature', '21', { qos: 1 })
  await device.endAsync()
  await expect.poll(() => trestle.stderr(), { timeout: 10_000 }).toContain('ECONNREFUSED')

  const toolEnv = { ...env, TRESTLE_HTTP_PORT: String(trestle.http), TRESTLE_TOKEN: secrets.forged }
  const INFLUX_URL = `http://trestle:x@${secrets.urlPassword}@127.0.0.1:9/?p=${secrets.urlQuery}`
  for (const [args, more] of [
    [['config', 'check', '--show'], {}],
    [['config', 'check', '--show'], { INFLUX_URL }],
    [['doctor'], { INFLUX_URL }],
    [['quarantine', 'list'], {}],
  ] as const) {
    const { stdout, stderr } = await tryTool(dataDir, args, { env: { ...toolEnv, ...more } })
    expect(stdout + stderr).not.toBe('')
    heard.push(stdout, stderr)
  }
  // A setting that is a secret, and a mistake at that.
  writeFileSync(join(dataDir, 'trestle.yaml'), `influx:\n  pasword: ${secrets.influxPassword}\n`)
  heard.push((await tryTool(dataDir, ['config', 'check'], { env: toolEnv })).stderr)

  await trestle.stop()
  people.close()
  heard.push(trestle.stderr())
  expect(heard.join('\n').length).toBeGreaterThan(10_000)
  for (const [name, secret] of [...Object.entries(secrets), ['session', session] as const]) {
    const at = heard.find(text => text.includes(secret) || text.includes(encodeURIComponent(secret)))
    expect(at, name).toBeUndefined()
  }
}, 60_000)
