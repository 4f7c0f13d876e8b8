/**
 * What MQTT 5 costs beside 3.1.1, side by side on one broker in a process of its own: CPU for each QoS 1 message, by
 * turns, and memory of idle connections with a subscription each.
 *
 *   node --expose-gc broker/bench/mqtt5.ts [turns] [clients]
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { generate, type IPublishPacket } from 'mqtt-packet'
import { startBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'

const TURN_MS = 1500
const CONNECTIONS = 20
/** Sent at once, then the next when they are acknowledged. */
const WINDOW = 100
const PAYLOAD = Buffer.alloc(100, 'x')
/** As a spool does, which acknowledges in groups. */
const COMMIT_MS = 2

interface Figures {
  readonly accepted: number
  readonly cpuMs: number
  readonly rssBytes: number
}

const KINDS: Readonly<Record<string, { version: 4 | 5; properties?: IPublishPacket['properties'] }>> = {
  '3.1.1': { version: 4 },
  '5': { version: 5 },
  '5, with properties': {
    version: 5,
    properties: {
      contentType: 'application/json',
      messageExpiryInterval: 600,
      userProperties: { a: '1', b: '2' },
    },
  },
}

if (process.send !== undefined) await serve()
else await measure(Number(process.argv[2] ?? 3), Number(process.argv[3] ?? 2000))

async function measure(turns: number, clients: number): Promise<void> {
  const { child, port } = await start()
  const costs = new Map<string, number[]>()
  for (let turn = 0; turn <= turns; turn++) {
    for (const [kind, { version, properties }] of Object.entries(KINDS)) {
      const cost = await publish(child, port, version, properties)
      // The first turn is to warm up.
      if (turn > 0) costs.set(kind, [...(costs.get(kind) ?? []), cost])
    }
  }
  child.disconnect()
  for (const [kind, each] of costs) {
    const all = each.map(us => us.toFixed(2)).join(' ')
    console.log(`MQTT ${kind}: ${median(each).toFixed(2)} us of CPU a message (${all})`)
  }
  for (const [kind, version] of [
    ['3.1.1', 4],
    ['5', 5],
  ] as const) {
    // Memory that was used before would not be asked for again.
    const fresh = await start()
    const bytes = await idle(fresh.child, fresh.port, version, clients)
    console.log(`MQTT ${kind}: ${Math.round(bytes)} B for each of ${clients} idle connections`)
    fresh.child.disconnect()
  }
}

async function start(): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--expose-gc', import.meta.filename], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [port] = (await once(child, 'message')) as [number]
  return { child, port }
}

/** Returns microseconds of CPU for each message. */
async function publish(
  child: ChildProcess,
  port: number,
  protocolVersion: 4 | 5,
  properties?: IPublishPacket['properties'],
): Promise<number> {
  const packet = { cmd: 'publish', topic: 'bench/device/state', qos: 1, retain: false, dup: false } as const
  const window = Buffer.concat(
    Array.from({ length: WINDOW }, (_, i) =>
      generate(
        {
          ...packet,
          payload: PAYLOAD,
          messageId: i + 1,
          ...(properties === undefined ? {} : { properties }),
        },
        { protocolVersion },
      ),
    ),
  )
  const sockets = await connectAll(port, protocolVersion, CONNECTIONS)
  let acknowledged = 0
  let isOver = false
  for (const socket of sockets) {
    let bytes = 0
    socket.on('data', data => {
      // PUBACK has four bytes, and nothing else comes.
      bytes += data.length
      if (bytes < WINDOW * 4) return
      bytes -= WINDOW * 4
      acknowledged += WINDOW
      if (!isOver) socket.write(window)
    })
    socket.write(window)
  }
  await sleep(200)
  const before = await figures(child)
  const from = acknowledged
  await sleep(TURN_MS)
  const count = acknowledged - from
  const { cpuMs, accepted } = await figures(child)
  isOver = true
  for (const socket of sockets) socket.destroy()
  if (accepted - before.accepted < count * 0.9) throw new Error('what was acknowledged was not accepted')
  return ((cpuMs - before.cpuMs) * 1000) / count
}

async function idle(
  child: ChildProcess,
  port: number,
  protocolVersion: 4 | 5,
  count: number,
): Promise<number> {
  const before = await figures(child)
  const sockets = await connectAll(port, protocolVersion, count)
  const subscriptions = [{ topic: 'cmd/device/set', qos: 1 as const }]
  const subscribe = generate({ cmd: 'subscribe', messageId: 1, subscriptions }, { protocolVersion })
  for (const socket of sockets) socket.write(subscribe)
  await sleep(1000)
  const { rssBytes } = await figures(child)
  for (const socket of sockets) socket.destroy()
  await sleep(500)
  return (rssBytes - before.rssBytes) / count
}

/** Resolves when all of them have their CONNACK. */
function connectAll(port: number, protocolVersion: 4 | 5, count: number): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      const clientId = `bench-${protocolVersion}-${i}`
      const protocol = { protocolId: 'MQTT', protocolVersion } as const
      socket.write(generate({ cmd: 'connect', clientId, clean: true, keepalive: 600, ...protocol }))
      await once(socket, 'data')
      return socket
    }),
  )
}

async function figures(child: ChildProcess): Promise<Figures> {
  child.send('figures')
  const [answer] = (await once(child, 'message')) as [Figures]
  return answer
}

async function serve(): Promise<void> {
  const directory = newDirectory()
  let group: PromiseWithResolvers<void> | null = null
  let accepted = 0
  const accept = () => {
    accepted++
    if (group === null) {
      group = Promise.withResolvers()
      setTimeout(() => {
        group?.resolve()
        group = null
      }, COMMIT_MS)
    }
    return group.promise
  }
  const limits = { connectsPerSecond: 1_000_000, maxSilent: 100_000 }
  const { port, close } = await startBroker({
    directory: directory.path,
    limits,
    accept,
    idleTimeoutMs: 3_600_000,
  })
  process.on('message', () => {
    globalThis.gc?.()
    const { user, system } = process.cpuUsage()
    const cpuMs = (user + system) / 1000
    process.send?.({ accepted, cpuMs, rssBytes: process.memoryUsage.rss() } satisfies Figures)
  })
  process.on('disconnect', async () => {
    await close()
    directory.remove()
    process.exit(0)
  })
  process.send?.(port)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
