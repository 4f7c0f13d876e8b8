/** The command, against Trestle itself: a process each, as people run them. */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Report } from './check/report.ts'

const ROOT = new URL('..', import.meta.url).pathname
const EXAMPLE = join(ROOT, 'simulators/scenarios/greenhouse.yaml')

describe('simulate', () => {
  let bridge: ChildProcess
  let dataDir: string
  let broker: string[]
  let url: string

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'simulate-'))
    const settings = {
      TRESTLE_DEMO: '0',
      TRESTLE_MQTT_PORT: '0',
      TRESTLE_HTTP_PORT: '0',
      TRESTLE_DATA_DIR: dataDir,
    }
    bridge = spawn(process.execPath, ['bridge/main.ts'], {
      cwd: ROOT,
      env: { ...process.env, ...settings },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const died = once(bridge, 'exit').then(([code]) =>
      Promise.reject(new Error(`the bridge ended with ${code}`)),
    )
    const [line] = (await Promise.race([once(createInterface(bridge.stdout!), 'line'), died])) as [string]
    died.catch(() => undefined)
    const ready = JSON.parse(line) as { mqtt: number; url: string }
    broker = ['-p', String(ready.mqtt)]
    url = ready.url
  })
  afterAll(async () => {
    if (bridge.exitCode === null) {
      bridge.kill('SIGTERM')
      await once(bridge, 'exit')
    }
    rmSync(dataDir, { recursive: true })
  })

  it('fleet --check: sent = acknowledged = stored = seen live', async () => {
    const flags = ['--devices', '50', '--rate', '1000', '--seconds', '2', '--dashboards', '5']
    const { code, report } = await simulate(['fleet', ...flags, ...broker, '--check', url, '--json'])
    expect(report).toMatchObject({ sent: 2000, acknowledged: 2000, stored: 2000, live: 2000, ok: true })
    expect(report.check?.ledger).toMatchObject({ received: 2000, stored: 2000, balanced: true })
    expect(report.details.dashboards).toMatchObject({ open: 5, expected: 2000, readings: 2000, ok: true })
    expect(code).toBe(0)
  })

  it('fleet --check with faults: nothing that was acknowledged is missing', async () => {
    const fault =
      'drop=0.02,duplicate=0.05,reorder=0.05,bad-json=0.05,type-flip=0.05,clock-skew=0.05,mass-reconnect=0.5'
    const flags = [
      '--devices',
      '20',
      '--rate',
      '500',
      '--seconds',
      '2',
      '--prefix',
      'faulty',
      '--fault',
      fault,
    ]
    const { code, report } = await simulate(['fleet', ...flags, ...broker, '--check', url, '--json'])
    expect(report).toMatchObject({
      acknowledged: report.sent,
      stored: report.sent,
      live: report.sent,
      ok: true,
    })
    expect(report.sent).toBeGreaterThan(850)
    expect(report.check?.ledger?.quarantined).toBe(report.details.spoilt)
    expect(code).toBe(0)
  })

  it('home --check: every device of every family is understood, stored and shown', async () => {
    const { code, report } = await simulate(['home', ...broker, '--seconds', '3', '--check', url, '--json'])
    expect(report).toMatchObject({
      acknowledged: report.sent,
      stored: report.sent,
      live: report.sent,
      ok: true,
    })
    expect(report.sent).toBeGreaterThan(80)
    expect(code).toBe(0)
  })

  it('a scenario file by its name', async () => {
    const { code, report } = await simulate([EXAMPLE, ...broker, '--seconds', '1', '--json'])
    expect(report).toMatchObject({ scenario: 'greenhouse', stored: null, live: null, ok: true })
    expect(code).toBe(0)
  })

  it('--dry-run: the same bytes for the same seed', async () => {
    const speak = (seed: string) => simulate(['home', '--dry-run', '--seconds', '30', '--seed', seed])
    const [first, second, other] = await Promise.all([speak('5'), speak('5'), speak('6')])
    expect(first.stdout.split('\n').length).toBeGreaterThan(500)
    expect(second.stdout).toBe(first.stdout)
    expect(other.stdout).not.toBe(first.stdout)
  })

  it('says what is wrong with its options, exit code 2', async () => {
    const { code, stderr } = await simulate(['fleet', '--fault', 'dorp=1'])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('dorp') })
    expect((await simulate(['nowhere.yaml'])).code).toBe(2)
    expect((await simulate(['fleet', '-q', '7'])).code).toBe(2)
  })
})

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** The last line, when it is one. */
  readonly report: Report
}

function simulate(words: readonly string[]): Promise<Outcome> {
  return new Promise(resolve => {
    const command = [join(ROOT, 'simulators/main.ts'), ...words]
    execFile(process.execPath, command, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      const last = stdout.trim().split('\n').at(-1) ?? ''
      const report = (last.startsWith('{') ? JSON.parse(last) : null) as Report
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr, report })
    })
  })
}
