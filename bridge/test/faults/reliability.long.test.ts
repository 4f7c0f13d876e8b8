/**
 * `npm run test:long`: the same stories as in the default set, many more times, within bounds of time. The report at the
 * end is what docs/reliability.md quotes. RELIABILITY_SHARE=0.1 runs a tenth of everything.
 */

import { afterAll, expect, it } from 'vitest'
import { startInfluxd } from '../influxd.ts'
import { connect } from '../load.ts'
import { eventually, newDataDir, removeDataDir, startTrestle } from '../trestle.ts'
import { makeBigSpool } from './big-spool.ts'
import { startFaultProxy } from './fault-proxy.ts'
import { killMany } from './kills.ts'
import { cutPowerMany } from './power-cuts.ts'
import { crashMany } from './simulated-crashes.ts'
import { Story, type StoryReport } from './story.ts'

const SHARE = Number(process.env.RELIABILITY_SHARE ?? 1)
const times = (count: number) => Math.max(1, Math.round(count * SHARE))
const LONG_MS = 3_600_000

const report: [string, string][] = []
afterAll(() => {
  console.info(
    `\nreliability, share ${SHARE}\n${report.map(([what, figures]) => `  ${what}: ${figures}`).join('\n')}`,
  )
})

function note(what: string, { sent, acknowledged, stored, lost, duplicates, ledger }: StoryReport): void {
  report.push([
    what,
    `${sent} sent, ${acknowledged} acknowledged, ${stored} stored, ${lost} lost, ${duplicates} twice, ledger ${ledger.balanced ? 'balanced' : 'NOT BALANCED'}`,
  ])
}

const NOTHING_LOST = { lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } }

it.each(['embedded', 'influx'] as const)(
  'kill -9, 100 times, %s store',
  async kind => {
    const influxd = kind === 'influx' ? await startInfluxd() : null
    const result = await killMany({ kills: times(100), seed: 100, influxUrl: influxd?.url ?? null })
    await influxd?.stop()
    note(`${times(100)} kills, ${kind}`, result)
    expect(result).toMatchObject(NOTHING_LOST)
  },
  LONG_MS,
)

it(
  'power cut, 100 times',
  async context => {
    const result = await cutPowerMany({ cuts: times(100), seed: 200 })
    if (result === null) {
      report.push(['power cuts', 'NOT TESTED: the machine forbids loop devices or mounts'])
      return context.skip('power cuts need loop devices and mounts')
    }
    note(`${result.cuts} power cuts`, result)
    expect(result).toMatchObject(NOTHING_LOST)
  },
  LONG_MS,
)

it(
  'simulated power cut, 10,000 times',
  async () => {
    const result = await crashMany(times(10_000), 300)
    report.push(['simulated crashes', `${result.crashes}, ${result.acknowledged} acknowledged, 0 lost`])
  },
  LONG_MS,
)

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
    note(`${times(50)} restarts of influxd`, result)
    expect(result).toMatchObject(NOTHING_LOST)
  },
  LONG_MS,
)

it(
  'an outage of the store at 1,000 messages/s: acknowledged as before, caught up at 5 times the rate',
  async () => {
    const seconds = times(600)
    const influxd = await startInfluxd()
    const proxy = await startFaultProxy(influxd.url)
    const story = await Story.begin({ INFLUX_URL: proxy.url, TRESTLE_WRITER__MAX_BACKOFF: '1s' })
    const clients = Array.from({ length: 10 }, (_, i) =>
      connect(story.trestle.mqtt, { clientId: `steady-${i}` }),
    )
    const delays: number[] = []
    let acknowledged = 0
    let seq = 0
    const ticks = setInterval(() => {
      for (const [i, client] of clients.entries()) {
        const started = performance.now()
        const payload = JSON.stringify({ seq: seq++, ts: Date.now() })
        client.publish(`home/hall/steady-${i}/state`, payload, { qos: 1 }, error => {
          if (error) return
          acknowledged++
          delays.push(performance.now() - started)
        })
      }
    }, 10)
    await eventually(
      async () => acknowledged,
      count => count > 5000,
      30_000,
    )
    await proxy.refuse()
    const before = percentile(delays.splice(0), 0.99)
    await eventually(
      async () => acknowledged,
      count => count > 5000 + seconds * 900,
      seconds * 2000,
    )
    const during = percentile(delays.splice(0), 0.99)
    const backlog = (await story.trestle.ledger()).waiting
    await proxy.accept()
    await eventually(
      () => story.trestle.ledger(),
      ({ waiting }) => waiting < backlog,
      60_000,
    )
    const started = performance.now()
    const atStart = await story.trestle.ledger()
    const caughtUp = await eventually(
      () => story.trestle.ledger(),
      ({ waiting }) => waiting < 3000,
      600_000,
    )
    const rate = (caughtUp.stored - atStart.stored) / ((performance.now() - started) / 1000)
    clearInterval(ticks)
    await Promise.all(clients.map(client => client.endAsync()))
    const ledger = await eventually(
      () => story.trestle.ledger(),
      ({ waiting }) => waiting === 0,
      60_000,
    )
    await story.end()
    await proxy.close()
    await influxd.stop()
    report.push([
      `outage of ${seconds} s at 1,000/s`,
      `${backlog} waited, ack p99 ${before.toFixed(1)} ms before and ${during.toFixed(1)} ms during, caught up at ${Math.round(rate)}/s, ${acknowledged} acknowledged, ${ledger.stored} stored`,
    ])
    expect(ledger).toMatchObject({ balanced: true, quarantined: 0, dropped: {} })
    expect(ledger.stored).toBeGreaterThanOrEqual(acknowledged)
    expect(rate).toBeGreaterThan(5000)
  },
  LONG_MS,
)

it(
  'with 1 GB waiting in the spool a start accepts within 3 s',
  async () => {
    const dataDir = newDataDir()
    const bytes = SHARE < 0.05 ? 100e6 : 1e9
    const messages = await makeBigSpool(`${dataDir}/data`, bytes)
    const starts: number[] = []
    for (let i = 0; i < 3; i++) {
      const started = performance.now()
      const trestle = await startTrestle({ dataDir, env: { INFLUX_URL: 'http://127.0.0.1:9' } })
      const client = connect(trestle.mqtt)
      await client.publishAsync('home/hall/late/state', JSON.stringify({ seq: i }), { qos: 1 })
      starts.push(performance.now() - started)
      client.end(true)
      expect((await trestle.ledger()).waiting).toBeGreaterThan(messages)
      await trestle.kill()
    }
    report.push([
      `start with ${bytes / 1e9} GB waiting`,
      `first PUBACK after ${starts.map(Math.round).join(', ')} ms`,
    ])
    // And it drains.
    const drain = await startTrestle({ dataDir })
    const started = performance.now()
    await eventually(
      () => drain.ledger(),
      ({ waiting }) => waiting === 0,
      600_000,
    )
    report.push([
      'its drain to the embedded store',
      `${Math.round(messages / ((performance.now() - started) / 1000))} messages/s`,
    ])
    await drain.kill()
    removeDataDir(dataDir)
    expect(Math.max(...starts)).toBeLessThan(3000)
  },
  LONG_MS,
)

function percentile(values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}
