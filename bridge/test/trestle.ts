/** The real bridge as a child process, with ports and data of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceView } from '../catalog/device.ts'
import type { Ledger } from '../ledger.ts'

export interface TrestleOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Of an earlier start; a new one otherwise. */
  readonly dataDir?: string
  /** Files and sockets that the process may have open; Linux. */
  readonly openFiles?: number
}

export interface Trestle {
  readonly mqtt: number
  /** Null: there is no TLS. */
  readonly mqtts: number | null
  readonly http: number
  readonly url: string
  readonly dataDir: string
  readonly pid: number
  /** Everything that went to stderr so far. */
  stderr(): string
  get<T>(path: string): Promise<T>
  ledger(): Promise<Ledger>
  devices(): Promise<DeviceView[]>
  /** Resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** kill -9, and the wait for its end. */
  kill(): Promise<void>
}

const MAIN = join(import.meta.dirname, '../main.ts')

export function newDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'trestle-test-'))
}

/** An environment without settings of the machine that runs the tests. */
export function cleanEnv(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TRESTLE|INFLUX|MQTT|VITEST|NODE_OPTIONS)/.test(name),
  )
  return { ...Object.fromEntries(inherited), ...extra }
}

/** Rejects with what the process said when it ends before it is ready. */
export async function startTrestle({
  env = {},
  dataDir = newDataDir(),
  openFiles,
}: TrestleOptions = {}): Promise<Trestle> {
  const program = [process.execPath, MAIN]
  const command = openFiles === undefined ? program : ['prlimit', `--nofile=${openFiles}`, ...program]
  const child = spawn(command[0]!, command.slice(1), {
    cwd: dataDir,
    env: cleanEnv({
      TRESTLE_MQTT_PORT: '0',
      TRESTLE_HTTP_PORT: '0',
      TRESTLE_DATA_DIR: join(dataDir, 'data'),
      TRESTLE_DEMO: '0',
      ...env,
    }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', text => errors.push(text))
  const ready = await readyLine(child, () => errors.join(''))
  const url = `http://127.0.0.1:${ready.http}`

  async function get<T>(path: string): Promise<T> {
    const response = await fetch(url + path)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  return {
    ...ready,
    url,
    dataDir,
    pid: child.pid!,
    stderr: () => errors.join(''),
    get,
    ledger: () => get<Ledger>('/api/ledger'),
    devices: async () => (await get<{ devices: DeviceView[] }>('/api/devices')).devices,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal)
        await once(child, 'exit')
      }
      return child.exitCode
    },
    async kill() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

export function removeDataDir(dataDir: string): void {
  rmSync(dataDir, { recursive: true, force: true })
}

/** Asks until `isDone` says so; rejects with the last answer after `withinMs`. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isDone: (answer: T) => boolean,
  withinMs = 15_000,
): Promise<T> {
  const until = Date.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (isDone(answer)) return answer
    if (Date.now() > until) throw new Error(`not in time: ${JSON.stringify(answer)?.slice(0, 2000)}`)
    await sleep(50)
  }
}

interface Ready {
  readonly mqtt: number
  readonly mqtts: number | null
  readonly http: number
}

async function readyLine(child: ChildProcess, said: () => string): Promise<Ready> {
  const lines = createInterface({ input: child.stdout! })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the bridge ended with ${code}: ${said()}`)
  })
  // Only the race below looks at it; a stop later on is no rejection that somebody forgot.
  ended.catch(() => undefined)
  const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string]
  return JSON.parse(line) as Ready
}
