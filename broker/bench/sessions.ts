/**
 * What sessions cost: QoS 1 messages through the broker with nobody there, with a sleeping subscriber, and with one
 * that is awake and has a session. Each with the figures of the database and the worst delay of the event loop.
 *
 *   node broker/bench/sessions.ts [messages a second] [seconds]
 */

import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { generate, parser } from 'mqtt-packet'
import { sleeper, startBroker } from '../fixture.ts'
import { newDirectory } from '../persistence/fixture.ts'

interface Load {
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
}

const TICK_MS = 10
const PAYLOAD = JSON.stringify({ temperature: 21.5, humidity: 40.2, battery: 97, linkquality: 120 }).padEnd(
  100,
)

if (isMainThread) await measure(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 5))
else parentPort!.postMessage(await publish(workerData as Load))

async function measure(perSecond: number, seconds: number): Promise<void> {
  for (const who of ['nobody', 'asleep', 'awake'] as const) {
    const directory = newDirectory()
    const limits = { maxQueuedMessages: 1_000_000, maxQueuedBytes: 2 ** 30, maxTotalBytes: 2 ** 30 }
    const { broker, port, accepted, close } = await startBroker({
      directory: directory.path,
      sessions: limits,
    })
    const subscriber = who === 'nobody' ? null : await sleeper(port, 'subscriber')
    await subscriber?.client.subscribeAsync('bench/#', { qos: 1 })
    if (who === 'asleep') await subscriber?.client.endAsync()
    const before = broker.stats
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const acked = await load({ port, perSecond, seconds })
    await sleep(200)
    delay.disable()
    const { commits, changes, queuedMessages } = broker.stats
    const ms = (ns: number) => Math.round(ns / 1e5) / 10
    process.stdout.write(
      `${who.padEnd(7)} sent ${perSecond * seconds} acked ${acked} accepted ${accepted.length} ` +
        `received ${subscriber?.heard.length ?? 0} queued ${queuedMessages} commits ${commits - before.commits} ` +
        `changes ${changes - before.changes} loop p99 ${ms(delay.percentile(99))} ms max ${ms(delay.max)} ms\n`,
    )
    await subscriber?.client.endAsync(true)
    await close()
    directory.remove()
  }
}

function load(workerData: Load): Promise<number> {
  const worker = new Worker(new URL(import.meta.url), { workerData })
  return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
}

/** Returns how many were acknowledged within a second after the last was sent. */
async function publish({ port, perSecond, seconds }: Load): Promise<number> {
  const sockets = Array.from({ length: 10 }, () => connect({ port, host: '127.0.0.1', noDelay: true }))
  let acked = 0
  for (const [i, socket] of sockets.entries()) {
    const parse = parser()
    parse.on('packet', ({ cmd }) => (acked += Number(cmd === 'puback')))
    socket.on('data', data => parse.parse(data))
    const clientId = `bench-${i}`
    socket.write(
      generate({
        cmd: 'connect',
        clientId,
        clean: true,
        protocolVersion: 4,
        protocolId: 'MQTT',
        keepalive: 60,
      }),
    )
  }
  await sleep(300)
  const common = { cmd: 'publish', qos: 1, retain: false, dup: false, payload: PAYLOAD } as const
  const total = perSecond * seconds
  const startMs = performance.now()
  for (let sent = 0; sent < total; await sleep(TICK_MS)) {
    const due = Math.min(total, ((performance.now() - startMs) / 1000) * perSecond)
    for (; sent < due; sent++) {
      const messageId = (Math.floor(sent / sockets.length) % 65_535) + 1
      sockets[sent % sockets.length]!.write(generate({ ...common, topic: `bench/${sent % 100}`, messageId }))
    }
  }
  for (let waited = 0; acked < total && waited < 1000; waited += 20) await sleep(20)
  for (const socket of sockets) socket.destroy()
  return acked
}
