import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { startHome } from '../../simulators/home.ts'
import { connect } from './load.ts'
import { cleanEnv, eventually, newDataDir, removeDataDir, startTrestle } from './trestle.ts'

const MAIN = join(import.meta.dirname, '../main.ts')
const directories: string[] = []
afterEach(() => {
  for (const directory of directories.splice(0)) removeDataDir(directory)
})

function dataDir(): string {
  const directory = newDataDir()
  directories.push(directory)
  return directory
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the bridge where it must not start. */
async function runMain(env: Record<string, string>, cwd: string): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN], {
    cwd,
    env: cleanEnv({ TRESTLE_DEMO: '0', TRESTLE_MQTT_PORT: '0', TRESTLE_HTTP_PORT: '0', ...env }),
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => (stdout += text))
  child.stderr.on('data', text => (stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

describe('one clear line and exit code 2', () => {
  it('for a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    for (const name of ['TRESTLE_MQTT_PORT', 'TRESTLE_HTTP_PORT']) {
      const { code, stdout, stderr } = await runMain({ [name]: String(port) }, dataDir())
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(`port ${port} is in use`)])
    }
    taken.close()
  })

  it('for a data directory in use, which names the process', async () => {
    const directory = dataDir()
    const first = await startTrestle({ dataDir: directory })
    const second = await runMain({ TRESTLE_DATA_DIR: join(directory, 'data') }, directory)
    expect(second.code).toBe(2)
    expect(second.stderr.trim().split('\n')).toEqual([expect.stringContaining(`(pid ${first.pid})`)])
    expect(await first.stop()).toBe(0)
  })

  it('for a data directory that cannot be written', async () => {
    const directory = dataDir()
    writeFileSync(join(directory, 'file'), '')
    const { code, stderr } = await runMain({ TRESTLE_DATA_DIR: join(directory, 'file', 'data') }, directory)
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toContain('data directory')
  })

  it('for a data directory that cannot be made, even by root', async () => {
    const { code, stderr } = await runMain({ TRESTLE_DATA_DIR: '/proc/trestle/data' }, dataDir())
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('data directory /proc/trestle/data')])
  })

  it('for a data directory of a newer format', async () => {
    const directory = dataDir()
    mkdirSync(join(directory, 'data'))
    writeFileSync(
      join(directory, 'data', 'format.json'),
      JSON.stringify({ version: 99, nodeId: '0'.repeat(32) }),
    )
    const { code, stderr } = await runMain({ TRESTLE_DATA_DIR: join(directory, 'data') }, directory)
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining('format 99')])
  })

  it('for wrong settings, all of them at once', async () => {
    const directory = dataDir()
    writeFileSync(join(directory, 'trestle.yaml'), 'mqtt:\n  prot: 1883\nspool:\n  maxBytes: lots\n')
    const { code, stderr } = await runMain(
      { TRESTLE_HTTP_PORT: '99999', INFLUX_URL: 'localhost:8086' },
      directory,
    )
    expect(code).toBe(2)
    const lines = stderr.trim().split('\n')
    for (const part of ['mqtt.prot', 'spool.maxBytes', 'TRESTLE_HTTP_PORT', 'INFLUX_URL']) {
      expect(lines.filter(line => line.includes(part))).toHaveLength(1)
    }
    expect(lines).toHaveLength(4)
  })
})

it('a lock left by kill -9 does not block', async () => {
  const directory = dataDir()
  for (let i = 0; i < 3; i++) await (await startTrestle({ dataDir: directory })).kill()
  expect(await (await startTrestle({ dataDir: directory })).stop()).toBe(0)
})

it('SIGTERM finishes what was accepted, tells the clients why, and exits 0', async () => {
  const trestle = await startTrestle({ dataDir: dataDir() })
  const socket = new WebSocket(`ws://127.0.0.1:${trestle.http}/live`, 'trestle.live.v1')
  await once(socket, 'open')
  const closed = once(socket, 'close')
  const client = connect(trestle.mqtt, { reconnectPeriod: 0 })
  await new Promise<void>(resolve => client.once('connect', () => resolve()))
  const acked: number[] = []
  for (let i = 0; i < 2000; i++) {
    client.publish('home/room/thermo-1/state', `{"n":${i}}`, { qos: 1 }, error => {
      if (!error) acked.push(i)
    })
  }
  await eventually(
    async () => acked.length,
    length => length > 100,
  )

  const startedMs = performance.now()
  expect(await trestle.stop()).toBe(0)
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  expect((await closed)[0]).toBe(1012)
  await client.endAsync(true)

  const again = await startTrestle({ dataDir: trestle.dataDir })
  const ledger = await eventually(
    () => again.ledger(),
    ({ waiting }) => waiting === 0,
  )
  expect(ledger.balanced).toBe(true)
  expect(ledger.stored).toBeGreaterThanOrEqual(acked.length)
  expect(await again.stop('SIGINT')).toBe(0)
}, 30_000)

it('npm start passes SIGTERM on', async () => {
  const directory = dataDir()
  const child = spawn('npm', ['start', '--silent'], {
    cwd: join(import.meta.dirname, '../..'),
    env: cleanEnv({
      TRESTLE_DEMO: '0',
      TRESTLE_MQTT_PORT: '0',
      TRESTLE_HTTP_PORT: '0',
      TRESTLE_DATA_DIR: join(directory, 'data'),
    }),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  expect(JSON.parse(line.toString())).toMatchObject({ msg: 'ready', store: 'embedded', mqtts: null })
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(0)
}, 60_000)

it('on a first run a simulated home shows life at once, and TRESTLE_DEMO=0 keeps it away', async () => {
  const trestle = await startTrestle({ dataDir: dataDir(), env: { TRESTLE_DEMO: '' } })
  const devices = await eventually(
    () => trestle.devices(),
    ({ length }) => length >= 5,
  )
  expect(new Set(devices.map(device => device.room)).size).toBeGreaterThan(1)
  expect(await trestle.stop()).toBe(0)

  const quiet = await startTrestle({ dataDir: dataDir() })
  expect(await quiet.devices()).toEqual([])
  expect(await quiet.stop()).toBe(0)
})

it('the simulated home of a first run makes room for one that is started beside it', async () => {
  const trestle = await startTrestle({ dataDir: dataDir(), env: { TRESTLE_DEMO: '' } })
  await eventually(
    () => trestle.devices(),
    ({ length }) => length >= 5,
  )
  const beside = await startHome({ url: `mqtt://127.0.0.1:${trestle.mqtt}` })
  await eventually(
    async () => trestle.stderr(),
    said => said.includes('another one has taken its place'),
  )
  // What the first one threw out once more while it went comes back.
  await eventually(
    async () => beside.isConnected,
    isConnected => isConnected,
  )
  await beside.stop()
  expect(await trestle.stop()).toBe(0)
}, 60_000)
