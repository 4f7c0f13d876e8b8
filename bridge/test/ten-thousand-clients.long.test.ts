/** A plant of 10,000 devices that say nothing, and come back all at once. */

import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { hello } from '../../broker/guard/fixture.ts'
import { LONG_MS } from './faults/long-run.ts'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const CLIENTS = 10_000
/** Loopback has many addresses: each has ports of its own. */
const CLIENTS_PER_ADDRESS = 5000
/** Connections that are begun at once, as a network lets them come. */
const AT_ONCE = 200
const MAX_BYTES = 400e6
const BACK_WITHIN_MS = 30_000

let trestle: Trestle
let sockets: Socket[] = []
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

/** Resolves with whether CONNACK lets it in. */
function login(i: number): Promise<boolean> {
  const localAddress = `127.0.0.${2 + Math.floor(i / CLIENTS_PER_ADDRESS)}`
  const socket = connect({ port: trestle.mqtt, host: '127.0.0.1', localAddress, noDelay: true })
  sockets.push(socket)
  return new Promise((resolve, reject) => {
    socket.once('connect', () => socket.write(hello({ clientId: `device-${i}`, keepalive: 600 })))
    socket.once('data', bytes => resolve(bytes[3] === 0))
    socket.once('error', reject)
    socket.once('close', () => resolve(false))
  })
}

async function everybody(): Promise<boolean[]> {
  const isIn: boolean[] = []
  let next = 0
  const some = async () => {
    while (next < CLIENTS) isIn.push(await login(next++))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, some))
  return isIn
}

function residentBytes(): number {
  const status = readFileSync(`/proc/${trestle.pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}

it(
  '10,000 idle clients are held at no more than 400 MB, and back within 30 s when all are lost at once',
  async () => {
    trestle = await startTrestle()
    expect((await everybody()).every(Boolean)).toBe(true)
    await sleep(2000)
    const heldBytes = residentBytes()
    const lost = sockets
    sockets = []
    for (const socket of lost) socket.destroy()
    const startMs = performance.now()
    expect((await everybody()).every(Boolean)).toBe(true)
    const tookMs = performance.now() - startMs
    const report = `${CLIENTS} idle clients: ${Math.round(heldBytes / 1e6)} MB resident; all of them back after ${Math.round(tookMs)} ms`
    console.info(`${report}, then ${Math.round(residentBytes() / 1e6)} MB`)
    expect(heldBytes).toBeLessThan(MAX_BYTES)
    expect(tookMs).toBeLessThan(BACK_WITHIN_MS)
  },
  LONG_MS,
)
