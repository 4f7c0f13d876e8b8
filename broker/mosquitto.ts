/** For tests: a real Mosquitto on a port and with a memory of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A machine may be busy, and its disk too. */
const START_TIMEOUT_MS = 60_000
/** What it says once its port is its own, and its memory read. */
const RUNNING = /mosquitto version \S+ running/
/** Debian keeps servers out of the path of ordinary users. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin`

export interface Mosquitto {
  readonly port: number
  readonly directory: string
  /** With the same port and memory. */
  restart(): Promise<void>
  /** Ends it and removes its memory. */
  stop(): Promise<void>
}

/** `lines` of its configuration, beside a listener on loopback that lets everybody in and forgets nothing. */
export async function startMosquitto(
  lines: (directory: string) => readonly string[] = () => [],
): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), 'trestle-mosquitto-'))
  const port = await freePort()
  const configPath = join(directory, 'mosquitto.conf')
  writeFileSync(
    configPath,
    [
      // As root it would become somebody who may not write here.
      'user root',
      'per_listener_settings false',
      `listener ${port} 127.0.0.1`,
      'persistence true',
      `persistence_location ${directory}/`,
      'autosave_interval 1',
      'max_queued_messages 0',
      'set_tcp_nodelay true',
      'log_dest stderr',
      'log_type information',
      'log_type error',
      ...(lines(directory).some(line => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...lines(directory),
      '',
    ].join('\n'),
  )
  let child = await start(configPath)

  async function halt(): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return {
    port,
    directory,
    async restart() {
      await halt()
      child = await start(configPath)
    },
    async stop() {
      await halt()
      rmSync(directory, { recursive: true })
    },
  }
}

async function start(configPath: string): Promise<ChildProcess> {
  const child = spawn('mosquitto', ['-c', configPath], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await running(child)
  return child
}

/** Whoever answers on the port may be somebody else, who took it meanwhile: it says so itself. */
async function running(child: ChildProcess): Promise<void> {
  let words = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const fail = (why: string) => reject(new Error(`mosquitto ${why}: ${words}`))
  const timer = setTimeout(() => fail('is not ready in time'), START_TIMEOUT_MS)
  child.once('error', reject)
  child.once('exit', code => fail(`ended with ${code}`))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-4096)
    if (RUNNING.test(words)) resolve()
  })
  try {
    await promise
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    clearTimeout(timer)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
