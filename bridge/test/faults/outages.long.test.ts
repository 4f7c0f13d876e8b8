import { setTimeout as sleep } from 'node:timers/promises'
import { InfluxDB } from 'influx'
import { afterAll, expect, it } from 'vitest'
import { type Influxd, startInfluxd } from '../influxd.ts'
import { connect, LOAD_BASE_MS } from '../load.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from '../trestle.ts'
import { makeBigSpool } from './big-spool.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { flood } from './flood.ts'
import { LONG_MS, NOTHING_LOST, percentile, Report, times } from './long-run.ts'
import { Story } from './story.ts'

const report = new Report('Outages of the store')
afterAll(() => report.write())

it(
  'influxd restarted 50 times under load',
  async () => {
    const influxd = await startInfluxd()
    const story = await Story.begin({ INFLUX_URL: influxd.url, TRESTLE_WRITER__MAX_BACKOFF: '1s' })
    const load = story.send({ connections: 5, readings: 10_000_000, window: 20 })
    for (let restart = 0; restart < times(50); restart++) {
      const before = load.acked.size
      await eventually(
        async () => load.acked.size,
        acked => acked > before + 500,
        60_000,
      )
      await influxd.restart()
    }
    const result = await story.check({ influxUrl: influxd.url, withinMs: 300_000 })
    await story.end()
    await influxd.stop()
    report.story(`${times(50)} restarts of influxd`, result)
    expect(result).toMatchObject(NOTHING_LOST)
  },
  LONG_MS,
)

/**
 * An hour at 1,000 messages/s is 3.6 million messages that wait: what it does to spool, catch-up and memory follows from
 * that number, and comes as fast as the bridge acknowledges. What follows from time (pauses between attempts, latency) is
 * looked at for a minute at the rate itself; the longest pause is half of that.
 */
const HOUR_MESSAGES = 3_600_000
const CALM_SECONDS = 60

it(
  'an hour without the store at 1,000 messages/s: acknowledged as before, caught up at 5 times the rate',
  async () => {
    const influxd = await startInfluxd()
    const proxy = await startFaultProxy(influxd.url)
    const story = await Story.begin({ INFLUX_URL: proxy.url })
    const steady = new SteadyLoad(story.trestle.mqtt)
    const seconds = Math.max(5, times(CALM_SECONDS))

    await sleep(2000)
    steady.takeDelays()
    await sleep(seconds * 1000)
    const before = percentile(steady.takeDelays(), 0.99)
    await proxy.refuse()
    await sleep(seconds * 1000)
    const during = percentile(steady.takeDelays(), 0.99)

    const started = performance.now()
    const flooded = await flood({
      port: story.trestle.mqtt,
      connections: 10,
      messages: times(HOUR_MESSAGES),
      baseMs: LOAD_BASE_MS,
    })
    const floodRate = flooded / ((performance.now() - started) / 1000)
    const { waiting } = await story.trestle.ledger()
    report.row(
      `an outage of ${seconds} s at 1,000/s, and ${flooded} messages more`,
      `ack p99 ${before.toFixed(1)} ms before and ${during.toFixed(1)} ms during it; taken at ${Math.round(floodRate)}/s, ${waiting} waited, ${await memoryOf(story.trestle)} MB resident`,
    )
    expect(waiting).toBeGreaterThan(flooded)
    await proxy.accept()
    const rate = await catchUp(story.trestle, 3000)
    const acknowledged = flooded + (await steady.stop())
    const ledger = await eventually(
      () => story.trestle.ledger(),
      ({ waiting }) => waiting === 0,
      60_000,
    )
    const stored = await countInflux(influxd)
    report.row(
      'its catch-up, 1,000/s coming in',
      `${Math.round(rate)}/s; ${acknowledged} acknowledged, ${stored} stored`,
    )
    await story.end()
    await proxy.close()
    await influxd.stop()
    expect(ledger).toMatchObject({ balanced: true, quarantined: 0, dropped: {} })
    // Each has a time of its own: a reading that is missing, or there twice, would show.
    expect(stored).toBe(ledger.stored)
    expect(stored).toBeGreaterThanOrEqual(acknowledged)
    expect(rate).toBeGreaterThan(5000)
  },
  LONG_MS,
)

it(
  'with 1 GB waiting in the spool a start accepts within 3 s',
  async () => {
    const dataDir = newDataDir()
    const bytes = times(1e9)
    const messages = await makeBigSpool(`${dataDir}/data`, bytes)
    const emptyDir = newDataDir()
    const emptyStarts: number[] = []
    const starts: number[] = []
    for (let i = 0; i < 3; i++) {
      emptyStarts.push(await startUntilAcknowledged(emptyDir, 0))
      starts.push(await startUntilAcknowledged(dataDir, messages))
    }
    removeDataDir(emptyDir)
    report.row(
      `start with ${bytes / 1e9} GB waiting, the store away`,
      `first PUBACK after ${starts.map(Math.round).join(', ')} ms, with the start of the process; with an empty directory after ${emptyStarts.map(Math.round).join(', ')} ms`,
    )
    // And it drains.
    const drain = await startTrestle({ dataDir })
    const rate = await catchUp(drain, 0)
    report.row('its drain to the embedded store', `${Math.round(rate)} messages/s`)
    await drain.kill()
    removeDataDir(dataDir)
    // On a machine where a process alone takes that long to start, what the spool adds to it counts.
    expect(Math.max(...starts)).toBeLessThan(Math.max(3000, Math.max(...emptyStarts) + 1500))
  },
  LONG_MS,
)

/** Milliseconds from the start of the process to the first PUBACK; it is killed then. */
async function startUntilAcknowledged(dataDir: string, waitingBefore: number): Promise<number> {
  const started = performance.now()
  const trestle = await startTrestle({ dataDir, env: { INFLUX_URL: 'http://127.0.0.1:9' } })
  const client = connect(trestle.mqtt)
  await client.publishAsync('home/hall/late/state', '{"seq":1}', { qos: 1 })
  const tookMs = performance.now() - started
  client.end(true)
  expect((await trestle.ledger()).waiting).toBeGreaterThan(waitingBefore)
  await trestle.kill()
  return tookMs
}

/** Ten devices that send a hundred messages a second each, and how long each waited for its acknowledgement. */
class SteadyLoad {
  readonly #clients
  readonly #ticks: NodeJS.Timeout
  #delaysMs: number[] = []
  #acknowledged = 0
  #seq = 0

  constructor(port: number) {
    this.#clients = Array.from({ length: 10 }, (_, i) => connect(port, { clientId: `steady-${i}` }))
    this.#ticks = setInterval(() => this.#tick(), 10)
  }

  #tick(): void {
    const seq = this.#seq++
    for (const [i, client] of this.#clients.entries()) {
      const started = performance.now()
      const payload = JSON.stringify({ seq, ts: LOAD_BASE_MS + seq })
      client.publish(`home/hall/steady-${i}/state`, payload, { qos: 1 }, error => {
        if (error) return
        this.#acknowledged++
        this.#delaysMs.push(performance.now() - started)
      })
    }
  }

  /** Milliseconds, since the last call. */
  takeDelays(): number[] {
    const delays = this.#delaysMs
    this.#delaysMs = []
    return delays
  }

  /** Resolves with the messages acknowledged in all. */
  async stop(): Promise<number> {
    clearInterval(this.#ticks)
    await Promise.all(this.#clients.map(client => client.endAsync()))
    return this.#acknowledged
  }
}

/** Messages a second until so few wait, from the first that the store took. */
async function catchUp(trestle: Trestle, left: number): Promise<number> {
  const { stored } = await trestle.ledger()
  const first = await eventually(
    () => trestle.ledger(),
    now => now.stored > stored || now.waiting === 0,
    60_000,
  )
  const started = performance.now()
  const last = await eventually(
    () => trestle.ledger(),
    ({ waiting }) => waiting <= left,
    900_000,
  )
  return (last.stored - first.stored) / ((performance.now() - started) / 1000)
}

async function memoryOf({ url }: Trestle): Promise<number> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return Math.round(Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]) / 1e6)
}

async function countInflux({ port }: Influxd): Promise<number> {
  const influx = new InfluxDB({ host: '127.0.0.1', port, database: 'trestle' })
  const [row] = await influx.query<{ count: number }>('SELECT count(seq) FROM reading')
  return row?.count ?? 0
}
