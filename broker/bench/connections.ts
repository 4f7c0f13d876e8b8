/**
 * What connections cost: many idle ones, then all of them lost and back at once. The broker is a process of its own.
 *
 *   node broker/bench/connections.ts [clients] [--tls]
 *
 * Over TLS every handshake is a full one, as after a restart of the broker; the clients' half of it is done by this
 * process, on the same machine. Needs openssl.
 */

import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectSecure } from 'node:tls'
import { parseArgs } from 'node:util'
import { type BrokerProcess, spawnBroker } from '../guard/broker-process.ts'
import { hello } from '../guard/fixture.ts'

/** Loopback has many addresses: more than one has ports. */
const CLIENTS_PER_ADDRESS = 5000
const { values, positionals } = parseArgs({ allowPositionals: true, options: { tls: { type: 'boolean' } } })
const isSecure = values.tls === true
const count = Number(positionals[0] ?? 10_000)

const broker = await spawnBroker({ isSecure })
const empty = await broker.figures()
let clients = await report('connecting', broker, () => connectAll(broker.port))
await sleep(1000)
const held = await broker.figures()
say(
  `${held.clients} idle: ${mib(held.rssBytes)} MiB, ${Math.round((held.rssBytes - empty.rssBytes) / count)} B each`,
)
for (const socket of clients) socket.destroy()
clients = await report('all back at once', broker, () => connectAll(broker.port))
const back = await broker.figures()
say(`${back.clients} back: ${mib(back.rssBytes)} MiB; closed by the guard: ${JSON.stringify(back.closed)}`)
for (const socket of clients) socket.destroy()
await broker.close()

async function report<T>(name: string, { figures }: BrokerProcess, act: () => Promise<T>): Promise<T> {
  const before = await figures()
  const beganMs = performance.now()
  const result = await act()
  const tookMs = performance.now() - beganMs
  const { lagMs, cpuMs } = await figures()
  const each = (cpuMs - before.cpuMs) / count
  say(
    `${name}: ${Math.round(tookMs)} ms; longest lag ${Math.round(lagMs)} ms; ${each.toFixed(3)} ms of CPU each`,
  )
  return result
}

/** As fast as this process can: some at a time, so that each says CONNECT as soon as it is connected. */
async function connectAll(port: number): Promise<Socket[]> {
  const opening: Promise<Socket>[] = []
  for (let i = 0; i < count; i++) {
    opening.push(keepOpening(port, i))
    if (i % 100 === 99) await new Promise(resolve => setImmediate(resolve))
  }
  return Promise.all(opening)
}

async function keepOpening(port: number, i: number): Promise<Socket> {
  const localAddress = `127.0.0.${2 + Math.floor(i / CLIENTS_PER_ADDRESS)}`
  for (;;) {
    const socket = await open(port, localAddress, `client-${i}`)
    if (socket !== null) return socket
    await sleep(1000)
  }
}

/** Null: it was not let in. */
function open(port: number, localAddress: string, clientId: string): Promise<Socket | null> {
  return new Promise(resolve => {
    const plain = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    const socket = isSecure ? connectSecure({ socket: plain, rejectUnauthorized: false }) : plain
    plain.on('error', () => resolve(null))
    socket.once(isSecure ? 'secureConnect' : 'connect', () =>
      socket.write(hello({ clientId, keepalive: 600 })),
    )
    socket.once('data', bytes => resolve(bytes[3] === 0 ? socket : null))
    socket.on('error', () => resolve(null))
    socket.once('close', () => resolve(null))
  })
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 ** 2)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
