/** What an owner does: `trestle tls init`, a start, and every client of the house over TLS. */

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { generate } from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { ask, openTls } from '../tls/fixture.ts'
import { tool } from './tool.ts'
import { cleanEnv, eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

let dataDir: string
let trestle: Trestle
let ca: string
let caFile: string
let url: string

beforeAll(async () => {
  dataDir = newDataDir()
  const said = JSON.parse(
    await tool(dataDir, ['tls', 'init', '--host', 'trestle.local', '--ip', '192.168.1.10', '--json']),
  )
  caFile = said.ca
  ca = readFileSync(caFile, 'utf8')
  trestle = await startTrestle({ dataDir, env: { TRESTLE_MQTTS_PORT: '0' } })
  url = `https://localhost:${trestle.http}`
}, 30_000)
afterAll(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

const hasReading = (device: string) =>
  eventually(
    async () => (await ask(`${url}/api/devices`, { ca })).body,
    body => body.includes(`"id":"${device}"`),
  )

describe('after `tls init`, without a setting,', () => {
  it('the HTTP port is https, the same port sends plain http there and hands out the authority', async () => {
    expect(await ask(`${url}/healthz`, { ca })).toMatchObject({ status: 200, body: '{"ok":true}' })
    const plain = `http://localhost:${trestle.http}`
    expect(await ask(plain)).toMatchObject({ status: 308, headers: { location: `${url}/` } })
    for (const answer of [await ask(`${plain}/ca.crt`), await ask(`${url}/ca.crt`, { ca })]) {
      expect(answer).toMatchObject({
        status: 200,
        body: ca,
        headers: { 'content-type': 'application/x-x509-ca-cert' },
      })
    }
    await expect(ask(url, { ca: undefined as never })).rejects.toThrow(/verify/)
  })

  it('mosquitto_pub publishes with --cafile, and without it does not', async () => {
    const message = ['-h', 'localhost', '-p', String(trestle.mqtts), '-q', '1', '-m', '{"temperature":21.5}']
    await run('mosquitto_pub', ['--cafile', caFile, ...message, '-t', 'home/kitchen/thermo-1/state'])
    await hasReading('thermo-1')
    const untrusting = run('mosquitto_pub', [
      '--capath',
      dataDir,
      ...message,
      '-t',
      'home/kitchen/thermo-2/state',
    ])
    await expect(untrusting).rejects.toThrow(/TLS|certificate|Error/)
  })

  it('MQTT.js publishes over mqtts and over wss', async () => {
    for (const [device, address] of [
      ['over-mqtts', `mqtts://localhost:${trestle.mqtts}`],
      ['over-wss', `wss://localhost:${trestle.http}/mqtt`],
    ] as const) {
      const client = await connectAsync(address, { ca, reconnectPeriod: 0 })
      await client.publishAsync(`home/kitchen/${device}/state`, '{"temperature":20}', { qos: 1 })
      await client.endAsync()
      await hasReading(device)
    }
  })

  it('the page watches over wss from its own origin, and a page of elsewhere does not', async () => {
    const open = (origin: string) =>
      new WebSocket(`wss://localhost:${trestle.http}/live`, 'trestle.live.v1', { ca, origin })
    const socket = open(url)
    const [hello] = await once(socket, 'message')
    expect(JSON.parse(String(hello))).toMatchObject({ op: 'hello' })
    socket.terminate()
    const foreign = open('https://elsewhere.example')
    expect(String(await once(foreign, 'error').catch(error => error))).toContain('403')
  })

  it('the tools of this machine reach the bridge, and so does the health check of the image', async () => {
    const ports = { TRESTLE_HTTP_PORT: String(trestle.http), TRESTLE_MQTTS_PORT: String(trestle.mqtts) }
    const said = await tool(dataDir, ['doctor'], { env: ports })
    expect(said).toMatch(/^ok {4}the bridge runs and takes messages$/m)
    expect(said).toMatch(/^ok {4}tls: expiry: /m)
    await run(process.execPath, [join(ROOT, 'deploy/health.mjs')], { env: cleanEnv(ports) })
  })

  it('a simulated fleet comes over TLS, and everything arrives', async () => {
    const words = [
      'fleet',
      '--devices',
      '20',
      '--rate',
      '200',
      '--seconds',
      '2',
      '--cafile',
      caFile,
      '-h',
      'localhost',
    ]
    const child = spawn(
      process.execPath,
      [join(ROOT, 'simulators/main.ts'), ...words, '-p', String(trestle.mqtts), '--check', url, '--json'],
      { env: cleanEnv({ NODE_EXTRA_CA_CERTS: caFile }), stdio: ['ignore', 'pipe', 'ignore'] },
    )
    let said = ''
    child.stdout.setEncoding('utf8').on('data', text => (said += text))
    const [code] = await once(child, 'close')
    const report = JSON.parse(said.trim().split('\n').at(-1)!)
    expect(report).toMatchObject({ ok: true })
    expect(report.sent).toBeGreaterThan(100)
    expect([report.acknowledged, report.stored, code]).toEqual([report.sent, report.sent, 0])
  }, 60_000)
})

describe('a renewed certificate', () => {
  it('is used from then on, and 1,000 open sessions do not notice', async () => {
    const sessions: TLSSocket[] = []
    for (let i = 0; i < 1000; i += 50) {
      sessions.push(
        ...(await Promise.all(Array.from({ length: 50 }, (_, at) => session(`session-${i + at}`)))),
      )
    }
    const before = sessions[0]!.getPeerX509Certificate()!.serialNumber
    await tool(dataDir, ['tls', 'renew', '--host', 'bridge.lan'])
    process.kill(trestle.pid, 'SIGHUP')
    const renewed = await eventually(
      async () => {
        const socket = await openTls(trestle.mqtts!, { ca, servername: 'localhost' })
        const certificate = socket.getPeerX509Certificate()!
        socket.destroy()
        return certificate
      },
      ({ serialNumber }) => serialNumber !== before,
    )
    expect(renewed.subjectAltName).toContain('DNS:bridge.lan')
    expect(renewed.subjectAltName).toContain('IP Address:192.168.1.10')
    const answers = await Promise.all(sessions.map(ping))
    expect(answers.filter(answer => answer === 'pingresp')).toHaveLength(1000)
    for (const socket of sessions) socket.destroy()
    const metrics = (await ask(`${url}/metrics`, { ca })).body
    expect(metrics).toMatch(/^trestle_tls_reloads_total 1$/m)
    expect(Number(/^trestle_tls_certificate_seconds_left (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(
      800 * 86_400,
    )
  }, 60_000)

  it('that is broken is not used, and the next whole one is', async () => {
    const cert = join(dataDir, 'data/tls/server.pem')
    const whole = readFileSync(cert)
    writeFileSync(cert, 'broken')
    process.kill(trestle.pid, 'SIGHUP')
    await eventually(
      async () => trestle.stderr(),
      said => said.includes('the old one stays'),
    )
    expect(await ask(`${url}/healthz`, { ca })).toMatchObject({ status: 200 })
    writeFileSync(cert, whole)
    expect(trestle.stderr()).toContain('there is no PEM certificate in it')
    expect(trestle.stderr()).not.toContain('PRIVATE KEY')
  })
})

describe('a device that shows a certificate', () => {
  it('is known by it, speaks for itself alone, and is out once it is revoked', async () => {
    // Another one stays: while nobody at all is known, loopback is open.
    await tool(dataDir, ['device', 'add', 'lamp-2'])
    await tool(dataDir, ['device', 'add', 'lamp-1', '--certificate'])
    const [cert = '', key = ''] = (await tool(dataDir, ['tls', 'device', 'lamp-1'])).split('\n')
    expect([cert, key.split(' ', 1)[0]]).toEqual(['lamp-1.pem', 'lamp-1.key'])
    const publish = (topic: string, ...more: string[]) =>
      run(
        'mosquitto_pub',
        [
          '--cafile',
          caFile,
          '-h',
          'localhost',
          '-p',
          String(trestle.mqtts),
          '-q',
          '1',
          '-m',
          '1',
          '-t',
          topic,
          ...more,
        ],
        { cwd: dataDir },
      )
    const shown = ['--cert', 'lamp-1.pem', '--key', 'lamp-1.key', '-i', 'lamp-1']
    // The bridge learns of new devices within a second or so.
    await eventually(
      () =>
        publish('home/hall/lamp-1/brightness', ...shown).then(
          () => 'in',
          () => 'out',
        ),
      answer => answer === 'in',
    )
    await expect(publish('home/hall/lamp-1/brightness')).rejects.toThrow(/not authorised/i)
    const other = await connectAsync(`mqtts://localhost:${trestle.mqtts}`, {
      ca,
      cert: readFileSync(join(dataDir, 'lamp-1.pem')),
      key: readFileSync(join(dataDir, 'lamp-1.key')),
      clientId: 'lamp-1-other',
      reconnectPeriod: 0,
    })
    const closed = new Promise<void>(resolve => other.once('close', () => resolve()))
    // Acknowledged or not, it is not stored: that is for its connection to show.
    other.publish('home/hall/lamp-2/brightness', '1', { qos: 1 }, () => undefined)
    await closed
    await tool(dataDir, ['device', 'revoke', 'lamp-1'])
    await eventually(
      () =>
        publish('home/hall/lamp-1/brightness', ...shown).then(
          () => 'in',
          () => 'out',
        ),
      answer => answer === 'out',
    )
  }, 60_000)
})

/** A raw client, connected and accepted. */
async function session(clientId: string): Promise<TLSSocket> {
  const socket = await openTls(trestle.mqtts!, { ca })
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId,
      keepalive: 600,
    }),
  )
  await once(socket, 'data')
  return socket
}

async function ping(socket: TLSSocket): Promise<string> {
  socket.write(generate({ cmd: 'pingreq' }))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  return answer.toString('hex') === 'd000' ? 'pingresp' : answer.toString('hex')
}
