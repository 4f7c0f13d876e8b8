/** A bridge of one's own and a browser, for what looks at the page from outside: pictures and measurements. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Browser, chromium } from 'playwright-core'

export const ROOT = join(import.meta.dirname, '..')
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
const ARGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export interface Bridge {
  readonly process: ChildProcess
  readonly mqtt: number
  readonly http: number
}

const children = new Set<ChildProcess>()

/** A program of this repository, ended with this one. */
export function start(
  args: readonly string[],
  stdout: 'pipe' | 'ignore',
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', stdout, stdout === 'ignore' ? 'ignore' : 'inherit'],
  })
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

export async function startBridge(dataDir: string, ports = { mqtt: 0, http: 0 }): Promise<Bridge> {
  const bridge = start(['bridge/main.ts'], 'pipe', {
    TRESTLE_MQTT_PORT: String(ports.mqtt),
    TRESTLE_HTTP_PORT: String(ports.http),
    TRESTLE_DATA_DIR: dataDir,
    TRESTLE_DEMO: '0',
  })
  const exit = once(bridge, 'exit').then(([code]) => {
    throw new Error(`the bridge ended with code ${code} before it was ready`)
  })
  const [line] = (await Promise.race([once(createInterface(bridge.stdout!), 'line'), exit])) as [string]
  exit.catch(() => undefined)
  return { process: bridge, ...(JSON.parse(line) as { mqtt: number; http: number }) }
}

export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGS })
}

/** Gives `work` a data directory, and leaves nothing behind: no file, no process. */
export async function withDataDir<T>(work: (dataDir: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trestle-page-'))
  try {
    return await work(dataDir)
  } finally {
    await Promise.all([...children].map(child => stop(child, 'SIGKILL')))
    await rm(dataDir, { recursive: true, force: true })
  }
}
