/** For tests and benchmarks: a broker in a process of its own, whose memory and event loop can be asked about. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { startBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'
import type { GuardLimits } from './limits.ts'

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

export async function spawnBroker(limits: Partial<GuardLimits> = {}): Promise<BrokerProcess> {
  const child = spawn(process.execPath, ['--expose-gc', import.meta.filename, JSON.stringify(limits)], {
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

async function serve(limits: Partial<GuardLimits>): Promise<void> {
  const directory = newDirectory()
  const { broker, port, close } = await startBroker({ directory: directory.path, limits })
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

if (process.argv[1] === import.meta.filename) await serve(JSON.parse(process.argv[2] ?? '{}'))
