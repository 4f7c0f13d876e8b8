/** For tests: a real Mosquitto on a port and with a memory of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const START_TIMEOUT_MS = 10_000
/** In which it has found out that its port is taken. */
const BIND_MS = 100
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
      'log_dest none',
      ...(lines(directory).some(line => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
      ...lines(directory),
      '',
    ].join('\n'),
  )
  let child = await start(configPath, port)

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
      child = await start(configPath, port)
    },
    async stop() {
      await halt()
      rmSync(directory, { recursive: true })
    },
  }
}

async function start(configPath: string, port: number): Promise<ChildProcess> {
  const child = spawn('mosquitto', ['-c', configPath], {
    env: { ...process.env, PATH },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', text => (words += text))
  const failed = once(child, 'error').then(([error]) => Promise.reject(error))
  await Promise.race([failed, untilAnswering(child, port, () => words)])
  return child
}

async function untilAnswering(child: ChildProcess, port: number, words: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline && child.exitCode === null) {
    if (await answers(port)) {
      // Something else may have taken the port meanwhile, and answer in its place: then this one ends at once.
      await sleep(BIND_MS)
      if (child.exitCode === null) return
    }
    await sleep(20)
  }
  child.kill('SIGKILL')
  throw new Error(`mosquitto does not answer on ${port}: ${words()}`)
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
