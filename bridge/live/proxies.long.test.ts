/** The proxy configurations of docs/live-protocol.md, run by the real proxies. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { connectLive, type LiveTransport } from './client.ts'
import { startLive, TestClient } from './fixture.ts'

const page = readFileSync(new URL('../../docs/live-protocol.md', import.meta.url), 'utf8')
/** Longer than any timeout in the configurations, and than nginx's own 60 s. */
const IDLE_MS = 180_000

const running: ChildProcess[] = []
const folders: string[] = []
afterEach(() => {
  for (const proxy of running.splice(0)) proxy.kill()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

async function startProxy(kind: 'nginx' | 'haproxy', bridgePort: number): Promise<number> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'trestle-proxy-'))
  folders.push(folder)
  const config = new RegExp(`\`\`\`${kind}\\n(.*?)\`\`\``, 's')
    .exec(page)![1]!
    .replace(/(listen |bind :)80/, kind === 'nginx' ? `$1127.0.0.1:${port}` : `bind 127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${bridgePort}`)
  const path = join(folder, 'proxy.conf')
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    name => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    path,
    kind === 'haproxy'
      ? config
      : `daemon off; pid ${folder}/pid; error_log ${folder}/log;
         events {} http { access_log off; ${paths.join(' ')} ${config} }`,
  )
  const args = kind === 'nginx' ? ['-p', folder, '-c', path] : ['-db', '-f', path]
  const proxy = spawn(kind, args, { stdio: 'ignore' })
  running.push(proxy)
  const failed = new Promise<never>((_, reject) => {
    proxy.once('error', reject)
    proxy.once('exit', code => reject(new Error(`${kind} ended: ${code}`)))
  })
  failed.catch(() => undefined)
  while (!(await Promise.race([accepts(port), failed]))) await sleep(50)
  return port
}

test.each(['nginx', 'haproxy'] as const)(
  '%s: idle connections live on, over each transport',
  { timeout: 240_000 },
  async kind => {
    await using live = await startLive()
    const port = await startProxy(kind, live.port)
    const url = `http://127.0.0.1:${port}/live`

    const seen = new Map<LiveTransport, unknown[]>()
    const ends: string[] = []
    const clients = (['websocket', 'events', 'poll'] as const).map(transport => {
      const client = connectLive({
        url,
        transports: [transport],
        onState: state => {
          if (state.kind === 'waiting' || state.kind === 'closed')
            ends.push(`${transport}: ${state.code} ${state.reason}`)
        },
      })
      const values: unknown[] = []
      seen.set(transport, values)
      client.subscribe({
        snapshot: false,
        onReadings: readings => values.push(...readings.map(one => one.values.x)),
      })
      return client
    })
    const startMs = performance.now()
    while (clients.some(({ state }) => state.kind !== 'open')) await sleep(10)
    expect(performance.now() - startMs).toBeLessThan(1000)
    using fromPage = await TestClient.connect(url.replace('http', 'ws'), [], {
      origin: `http://127.0.0.1:${port}`,
    })
    await fromPage.next('hello')

    await sleep(500)
    live.offer('a', { x: 1 })
    await sleep(IDLE_MS)
    expect(ends).toEqual([])
    live.offer('a', { x: 2 })
    await sleep(500)
    for (const values of seen.values()) expect(values).toEqual([1, 2])
    for (const client of clients) client.close()
  },
)

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
