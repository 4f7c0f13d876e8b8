/** A real InfluxDB 1.x for tests: ports and data of its own, gone when it stops. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'

const START_TIMEOUT_MS = 20_000

export interface Influxd {
  readonly url: string
  readonly port: number
  /** Ends it and removes its data. Once more does nothing. */
  stop(): Promise<void>
  /** Ends it; its data stay for `restart`. */
  halt(): Promise<void>
  /** With the same port and data, halted or not. */
  restart(): Promise<void>
}

export interface InfluxdOptions {
  /** Of the section `[http]`, as in `influxd config`; `auth-enabled` for one. */
  readonly http?: Readonly<Record<string, string | number | boolean>>
  /** Of the section `[data]`; `max-values-per-tag` for one. */
  readonly data?: Readonly<Record<string, string | number | boolean>>
}

/** Resolves once it answers. Rejects when it is not installed, with what it said when it does not start. */
export async function startInfluxd(options: InfluxdOptions = {}): Promise<Influxd> {
  const directory = mkdtempSync(join(tmpdir(), 'trestle-influxd-'))
  const [port, rpcPort] = [await freePort(), await freePort()]
  const configPath = join(directory, 'influxd.conf')
  writeFileSync(configPath, configuration(directory, port, rpcPort, options))
  const url = `http://127.0.0.1:${port}`
  let child = await start(configPath, url)

  async function halt(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }

  return {
    url,
    port,
    halt,
    async stop() {
      await halt()
      rmSync(directory, { recursive: true, force: true })
    },
    async restart() {
      await halt()
      child = await start(configPath, url)
    },
  }
}

async function start(configPath: string, url: string): Promise<ChildProcess> {
  const child = spawn('influxd', ['-config', configPath], { stdio: ['ignore', 'ignore', 'pipe'] })
  // A test that dies leaves no server behind.
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4000)
  })
  const failed = once(child, 'error').then(([error]) => Promise.reject(error))
  await Promise.race([failed, untilAnswering(url, child, () => words)])
  return child
}

async function untilAnswering(url: string, child: ChildProcess, words: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${url}/ping`).catch(() => null)
    if (answer?.status === 204) return
    await sleep(20)
  }
  child.kill('SIGKILL')
  throw new Error(`influxd does not answer on ${url}:\n${words()}`)
}

function configuration(
  directory: string,
  port: number,
  rpcPort: number,
  { http, data }: InfluxdOptions,
): string {
  return [
    'reporting-disabled = true',
    `bind-address = "127.0.0.1:${rpcPort}"`,
    section('meta', { dir: join(directory, 'meta') }),
    section('data', { dir: join(directory, 'data'), 'wal-dir': join(directory, 'wal'), ...data }),
    section('http', { 'bind-address': `127.0.0.1:${port}`, 'log-enabled': false, ...http }),
    section('monitor', { 'store-enabled': false }),
  ].join('\n')
}

function section(name: string, settings: Readonly<Record<string, string | number | boolean>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `  ${key} = ${JSON.stringify(value)}`)
  return [`[${name}]`, ...lines].join('\n')
}
