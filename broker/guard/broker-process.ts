/** For tests and benchmarks: a broker in a process of its own, whose memory and event loop can be asked about. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'

export interface Figures {
  readonly rssBytes: number
  readonly clients: number
  /** The longest since it was asked last. */
  readonly lagMs: number
  /** Of all threads, since the start. */
  readonly cpuMs: number
  readonly heapBytes: number
  readonly closed: Readonly<Record<string, number>>
}

export interface BrokerProcess {
  readonly port: number
  figures(): Promise<Figures>
  close(): Promise<void>
}

/** `isSecure`: over TLS, by a certificate of the moment that nobody trusts. */
export async function spawnBroker({ isSecure = false } = {}): Promise<BrokerProcess> {
  const child = spawn(process.execPath, ['--expose-gc', import.meta.filename, isSecure ? 'tls' : 'tcp'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { PATH: process.env.PATH },
  })
  const port = (await answer(child)) as number
  return {
    port,
    figures() {
      child.send('figures')
      return answer(child) as Promise<Figures>
    },
    async close() {
      const gone = once(child, 'exit')
      child.disconnect()
      await gone
    },
  }
}

async function answer(child: ChildProcess): Promise<unknown> {
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the broker ended with ${code}`)
    }),
  ])
  return message
}

async function serve(isSecure: boolean): Promise<void> {
  const directory = newDirectory()
  const listener = isSecure ? { tls: { options: makePair(), serve: () => undefined } } : {}
  const { broker, port, close } = await startBroker({ directory: directory.path, listener })
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  process.on('message', () => {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    const figures: Figures = {
      rssBytes: process.memoryUsage.rss(),
      clients: broker.clients,
      lagMs: delay.max / 1e6,
      cpuMs: (user + system) / 1000,
      heapBytes: process.memoryUsage().heapUsed,
      closed: broker.stats.closed,
    }
    delay.reset()
    process.send!(figures)
  })
  process.on('disconnect', async () => {
    await close()
    directory.remove()
    process.exit(0)
  })
  process.send!(port)
}

/** Of the kind that `trestle tls init` makes. */
function makePair(): { readonly key: string; readonly cert: string } {
  const words =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout - -subj /CN=localhost -days 1'
  const both = execFileSync('openssl', words.split(' '), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return { key: both, cert: both }
}

if (process.argv[1] === import.meta.filename) await serve(process.argv[2] === 'tls')
