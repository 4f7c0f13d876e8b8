import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Influxd, startInfluxd } from '../influxd.ts'
import { connect, LOAD_BASE_MS } from '../load.ts'
import { eventually } from '../trestle.ts'
import { type Behaviour, type FaultProxy, startFaultProxy } from './fault-proxy.ts'
import { Story } from './story.ts'

interface Readiness {
  readonly ready: boolean
  readonly store: { readonly ok: boolean; readonly kind: string | null; readonly reason: string | null }
}

let influxd: Influxd
let proxy: FaultProxy
let story: Story | null = null
beforeAll(async () => {
  influxd = await startInfluxd()
})
afterAll(() => influxd.stop())
afterEach(async () => {
  await story?.end()
  await proxy.close()
  story = null
  await fetch(`${influxd.url}/query?q=${encodeURIComponent('DROP DATABASE trestle')}`, { method: 'POST' })
})

async function begin(env: Readonly<Record<string, string>> = {}): Promise<Story> {
  proxy = await startFaultProxy(influxd.url)
  story = await Story.begin({
    INFLUX_URL: proxy.url,
    TRESTLE_INFLUX__TIMEOUT: '500',
    TRESTLE_WRITER__MAX_BACKOFF: '500',
    ...env,
  })
  return story
}

const readiness = (of: Story) => of.trestle.get<Readiness>('/readyz')

describe('an outage of the store under load, with a kill -9 in it, loses nothing and stores nothing twice:', () => {
  const OUTAGES: readonly (Behaviour | { readonly kind: 'refuse' })[] = [
    { kind: 'refuse' },
    { kind: 'hang' },
    { kind: 'drip' },
    { kind: 'half-open' },
    { kind: 'reset' },
    { kind: 'lose-reply' },
    { kind: 'answer', status: 500, body: '{"error":"timeout"}' },
    { kind: 'answer', status: 503, headers: { 'retry-after': '1' } },
  ]

  it.each(OUTAGES)(
    '%o',
    async outage => {
      const running = await begin()
      const load = running.send({ connections: 5, readings: 3000, window: 20 })
      await eventually(
        async () => load.acked.size,
        acked => acked > 500,
      )
      if (outage.kind === 'refuse') await proxy.refuse()
      else proxy.behave(outage)
      await eventually(
        () => readiness(running),
        ({ ready, store }) => ready && !store.ok && store.kind === 'away',
      )
      await running.restart()
      // Whether or not the first were all taken before the store was missed.
      await running.send({ connections: 1, readings: 100, clientPrefix: 'without-a-store' }).done
      if (outage.kind === 'refuse') await proxy.accept()
      else proxy.behave({ kind: 'pass' })
      await load.done
      const report = await running.check({ influxUrl: influxd.url })
      expect(report).toMatchObject({
        acknowledged: 15_100,
        stored: 15_100,
        lost: 0,
        duplicates: 0,
        invented: 0,
        ledger: { balanced: true, quarantined: 0, dropped: {} },
      })
      expect((await readiness(running)).store.ok).toBe(true)
    },
    60_000,
  )
})

it('influxd restarted again and again under load loses nothing', async () => {
  const running = await begin()
  const load = running.send({ connections: 5, readings: 100_000, window: 20 })
  for (let restart = 0; restart < 3; restart++) {
    const before = load.acked.size
    await eventually(
      async () => load.acked.size,
      acked => acked > before + 500,
    )
    await influxd.restart()
  }
  const report = await running.check({ influxUrl: influxd.url })
  expect(report).toMatchObject({ lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } })
}, 90_000)

describe('a fault of the configuration is told as that in /readyz, keeps everything, and heals by itself:', () => {
  it.each([
    [401, '{"error":"authorization failed"}'],
    [403, '{"error":"\\"ro\\" user is not authorized to write to database"}'],
    [404, 'page not found'],
    [500, '{"error":"retention policy not found: zz"}'],
  ])(
    '%i %s',
    async (status, body) => {
      const running = await begin()
      proxy.behave({ kind: 'answer', status, body })
      const load = running.send({ connections: 2, readings: 200 })
      await load.done
      const { ready, store } = await eventually(
        () => readiness(running),
        ({ store }) => !store.ok,
      )
      expect({ ready, kind: store.kind }).toEqual({ ready: true, kind: 'misconfigured' })
      expect(store.reason).toContain(String(status))
      proxy.behave({ kind: 'pass' })
      expect(await running.check({ influxUrl: influxd.url })).toMatchObject({
        stored: 400,
        lost: 0,
        ledger: { stored: 400, balanced: true },
      })
    },
    30_000,
  )
})

it('a retention that the server refuses is told in /readyz, and holds nothing up', async () => {
  const running = await begin({ TRESTLE_RETENTION__RAW: '10min' })
  const { ready, store } = await eventually(
    () => readiness(running),
    ({ store }) => store.kind !== null,
  )
  expect({ ready, store }).toMatchObject({ ready: true, store: { ok: true, kind: 'misconfigured' } })
  expect(store.reason).toMatch(/retention\.raw.*at least 1h/)
  running.send({ connections: 2, readings: 200 })
  await eventually(
    async () => running.acknowledged,
    acknowledged => acknowledged === 400,
  )
  expect(await running.check({ influxUrl: influxd.url })).toMatchObject({ stored: 400, lost: 0 })
}, 30_000)

it('a message that the store refuses goes to the quarantine with its words, and the others are stored', async () => {
  const running = await begin()
  const load = running.send({ connections: 1, readings: 10 })
  await load.done
  await eventually(
    () => running.trestle.ledger(),
    ({ waiting }) => waiting === 0,
  )
  // Behind our back the measurement gets a field of another type.
  await fetch(`${influxd.url}/write?db=trestle`, { method: 'POST', body: 'reading,device=other odd=5i' })
  const client = connect(running.trestle.mqtt)
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      client.publishAsync('home/room/thermo/state', JSON.stringify({ [i === 30 ? 'odd' : 'even']: i }), {
        qos: 1,
      }),
    ),
  )
  await client.endAsync()
  const ledger = await eventually(
    () => running.trestle.ledger(),
    ({ waiting, quarantined }) => waiting === 0 && quarantined === 1,
  )
  expect(ledger).toMatchObject({ received: 60, stored: 59, quarantined: 1, balanced: true })
  const { entries } = await running.trestle.get<{
    entries: { reason: string; by: string; payload: string }[]
  }>('/api/quarantine')
  expect(entries).toMatchObject([{ by: 'store', reason: expect.stringContaining('field type conflict') }])
  expect(entries[0]!.payload).toContain('odd=30')
}, 30_000)

it('while a backlog drains at full speed, fresh readings are visible within 2 s', async () => {
  const running = await begin()
  const client = connect(running.trestle.mqtt, { clientId: 'fresh' })
  let seq = 0
  /** Milliseconds until a reading is in the store. */
  const freshness = async () => {
    const started = performance.now()
    const payload = JSON.stringify({ seq: ++seq, ts: LOAD_BASE_MS + seq })
    await client.publishAsync('home/room/fresh/state', payload, { qos: 1 })
    await eventually(
      () => inInflux(influxd.url, `SELECT seq FROM reading WHERE device = 'fresh' AND seq = ${seq}`),
      isThere => isThere,
    )
    return performance.now() - started
  }
  const usual = await freshness()
  // It is to be seen before it is accounted for.
  await eventually(
    () => running.trestle.ledger(),
    ({ waiting }) => waiting === 0,
  )
  await proxy.refuse()
  const load = running.send({ connections: 20, readings: 6000, window: 100 })
  await load.done
  expect((await running.trestle.ledger()).waiting).toBe(120_000)
  // Slow enough that the backlog takes its time, as a store of a small machine does.
  await proxy.accept()
  proxy.slowDown(300)
  await eventually(
    () => running.trestle.ledger(),
    ({ stored }) => stored > 1,
  )
  const delays: number[] = []
  for (let i = 0; i < 4; i++) {
    delays.push(await freshness())
    await sleep(100)
  }
  const { waiting } = await running.trestle.ledger()
  await client.endAsync()
  console.info(
    `fresh readings beside a backlog of ${waiting}: ${delays.map(Math.round).join(' ')} ms; without ${Math.round(usual)}`,
  )
  expect(waiting).toBeGreaterThan(0)
  // What the machine takes without a backlog is not the backlog's.
  expect(Math.max(...delays)).toBeLessThan(2000 + usual)
  proxy.slowDown(0)
  // The crash finds a position with stretches ahead of it.
  await running.restart()
  const report = await running.check({ influxUrl: influxd.url })
  expect(report).toMatchObject({ lost: 0, duplicates: 0, stored: 120_005, ledger: { balanced: true } })
}, 90_000)

async function inInflux(url: string, query: string): Promise<boolean> {
  const answer = await fetch(`${url}/query?db=trestle&q=${encodeURIComponent(query)}`)
  const { results } = (await answer.json()) as { results: { series?: unknown[] }[] }
  return results[0]?.series !== undefined
}
