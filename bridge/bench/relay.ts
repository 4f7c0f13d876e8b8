/**
 * What the relay costs, alone: readings are offered in this process, clients run in another one.
 *
 *     node bridge/bench/relay.ts [--clients 1000] [--rate 500] [--seconds 10]
 *
 * One JSON line: deliveries a second, latency from offer to client, CPU seconds of this process per million
 * deliveries. The clients read raw sockets, so that they cost less than what they measure.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { Relay } from '../live/relay.ts'
import { attachLive } from '../live/sockets.ts'
import type { AcceptedReading } from '../telemetry/reading.ts'

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '10' },
    warm: { type: 'string', default: '2' },
    receive: { type: 'string' },
    base: { type: 'string' },
  },
})
const MARK = Buffer.from('"time":')
const readBuffer = Buffer.alloc(256 * 1024)
/** The mark, 13 digits, a point and 3 more: what must have come before a reading counts. */
const MARK_AND_TIME = 24
/** Wall clock minus monotonic clock, the same in both processes. */
const baseMs = Number(values.base ?? Date.now() - Number(process.hrtime.bigint()) / 1e6)
const clients = Number(values.clients)
const rate = Number(values.rate)
const seconds = Number(values.seconds)
const warmSeconds = Number(values.warm)

if (values.receive) receive(Number(values.receive))
else await feed()

interface Received {
  readonly deliveries: number
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly cpuS: number
}

async function feed(): Promise<void> {
  const relay = new Relay({ node: 'bench', epoch: 'bench', lastReadings: () => [] })
  const server = createServer()
  const live = attachLive(server, relay)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const child = fork(import.meta.filename, [`--clients=${clients}`, `--receive=${port}`, `--base=${baseMs}`])
  child.on('exit', code => code && process.exit(code))
  await message(child, 'connected')

  let seq = 0
  const offerFor = async (forSeconds: number): Promise<void> => {
    const startMs = nowMs()
    const total = rate * forSeconds
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((nowMs() - startMs) / 1000) * rate))
      for (; sent < due; sent++) relay.offer({ epoch: 'bench', readings: [reading(++seq)] })
      await new Promise(resolve => setTimeout(resolve, 1))
    }
  }
  await offerFor(warmSeconds)
  await new Promise(resolve => setTimeout(resolve, 500))
  child.send('count')
  await message(child, 'counting')
  const cpu = process.cpuUsage()
  const before = { ...relay.stats }
  const startMs = nowMs()
  await offerFor(seconds)
  const elapsed = (nowMs() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await new Promise(resolve => setTimeout(resolve, 500))
  const received = message<Received>(child, 'received')
  child.send('finish')
  const { deliveries, p50, p99, max, ...clientProcess } = await received
  const cpuS = (user + system) / 1e6
  const line = {
    clients,
    rate,
    deliveriesPerS: Math.round(deliveries / elapsed),
    missing: relay.stats.deliveries - before.deliveries - deliveries,
    p50Ms: p50,
    p99Ms: p99,
    maxMs: max,
    cpuS: round(cpuS),
    cpuSPerMillionDeliveries: round((cpuS * 1e6) / deliveries),
    clientsCpuS: round(clientProcess.cpuS),
    frames: relay.stats.frames - before.frames,
    peakRssMB: Math.round(process.resourceUsage().maxRSS / 1024),
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
  await live.close()
  server.close()
  child.disconnect()
}

function reading(seq: number): AcceptedReading {
  const device = `sensor-${seq % 1000}`
  const timeUs = Math.round(nowMs() * 1000)
  const fields = [
    { name: 'temperature', value: 20 + (seq % 100) / 10 },
    { name: 'humidity', value: 40 + (seq % 30) },
    { name: 'battery', value: 90 },
  ]
  const tags = { topic: `home/room-${seq % 20}/${device}/state`, room: `room-${seq % 20}` }
  return { seq, device, topic: tags.topic, tags, fields, timeUs, receivedUs: timeUs }
}

/** Milliseconds since the epoch by the monotonic clock, which all processes of a machine share. */
function nowMs(): number {
  return baseMs + Number(process.hrtime.bigint()) / 1e6
}

function message<T>(child: ChildProcess, kind: string): Promise<T> {
  return new Promise(resolve => {
    child.on('message', (received: { kind: string; value: T }) => {
      if (received.kind === kind) resolve(received.value)
    })
  })
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}

// the other process

function receive(port: number): void {
  /** Deliveries by latency in steps of 0.05 ms, up to 10 s. */
  const histogram = new Float64Array(200_000)
  let deliveries = 0
  const count = (timeMs: number, receivedMs: number): void => {
    const step = Math.round((receivedMs - timeMs) * 20)
    histogram[Math.max(0, Math.min(histogram.length - 1, step))]!++
    deliveries++
  }
  void connectAll(port, count).then(sockets => {
    process.send?.({ kind: 'connected' })
    process.on('message', command => {
      if (command === 'count') {
        histogram.fill(0)
        deliveries = 0
        process.send?.({ kind: 'counting' })
      } else {
        const [p50, p99, max] = [0.5, 0.99, 1].map(q => quantileOf(histogram, deliveries * q))
        const { user, system } = process.cpuUsage()
        process.send?.({
          kind: 'received',
          value: { deliveries, p50, p99, max, cpuS: (user + system) / 1e6 },
        })
        for (const socket of sockets) socket.destroy()
      }
    })
  })
}

type Count = (timeMs: number, receivedMs: number) => void

async function connectAll(port: number, count: Count): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < clients) {
    const some = Array.from({ length: Math.min(50, clients - sockets.length) }, () => follow(port, count))
    sockets.push(...(await Promise.all(some)))
  }
  return sockets
}

/** Resolves when the subscription was taken. */
function follow(port: number, count: Count): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      // One buffer for all: what a chunk leaves over is copied.
      onread: { buffer: readBuffer, callback: (bytes, buffer) => take(Buffer.from(buffer.buffer, 0, bytes)) },
    })
    let rest: Buffer | null = null
    let isTaken = false
    const take = (chunk: Buffer): boolean => {
      const receivedMs = nowMs()
      const all: Buffer = rest ? Buffer.concat([rest, chunk]) : chunk
      const end = all.length - MARK_AND_TIME
      for (let at = all.indexOf(MARK); at >= 0 && at <= end; at = all.indexOf(MARK, at + MARK_AND_TIME)) {
        count(timeAt(all, at + MARK.length), receivedMs)
      }
      rest = all.at(-1) === 0x7d ? null : Buffer.from(all.subarray(Math.max(0, end + 1)))
      if (!isTaken && all.includes('"op":"result"')) {
        isTaken = true
        resolve(socket)
      }
      return true
    }
    socket.on('error', reject)
    socket.write(
      `GET /live HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    socket.write(maskedFrame('{"op":"subscribe","id":1,"snapshot":false}'))
  })
}

/** `1763800000123.456`, its last digits read whether or not they are there. */
function timeAt(bytes: Buffer, at: number): number {
  let ms = 0
  for (let i = at; i < at + 13; i++) ms = ms * 10 + bytes[i]! - 48
  if (bytes[at + 13] !== 0x2e) return ms
  return ms + (bytes[at + 14]! - 48) / 10 + (bytes[at + 15]! - 48) / 100 + (bytes[at + 16]! - 48) / 1000
}

/** A text frame of less than 126 bytes, masked with zeros. */
function maskedFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

function quantileOf(histogram: Float64Array, wanted: number): number {
  let seen = 0
  for (const [step, count] of histogram.entries()) {
    seen += count
    if (seen >= wanted) return step / 20
  }
  return Number.NaN
}
