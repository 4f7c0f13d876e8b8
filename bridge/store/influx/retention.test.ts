import { InfluxDB } from 'influx'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../test/faults/fault-proxy.ts'
import { type Influxd, startInfluxd } from '../../test/influxd.ts'
import { eventually } from '../../test/trestle.ts'
import { setRetention } from './admin.ts'
import { InfluxRetention } from './retention.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

let influxd: Influxd
let proxy: FaultProxy
let retention: InfluxRetention | null = null
let reader: InfluxDB
let number = 0
let database: string
const states: (string | null)[] = []
beforeAll(async () => {
  influxd = await startInfluxd()
  reader = new InfluxDB({ host: '127.0.0.1', port: influxd.port })
})
afterAll(() => influxd.stop())
beforeEach(async () => {
  proxy = await startFaultProxy(influxd.url)
  database = `home${++number}`
})
afterEach(async () => {
  retention?.close()
  states.splice(0)
  await proxy.close()
})

function begin(durationMs: number): void {
  retention = new InfluxRetention({
    server: { url: proxy.url, database },
    durationMs,
    maxBackoffMs: 100,
    onState: state => states.push(state),
  })
}

function inForce(): Promise<unknown> {
  return eventually(
    async () => states.at(-1),
    state => state === null,
  )
}

async function policies() {
  const all = await reader.showRetentionPolicies(database)
  return all.map(({ name, duration, default: isDefault }) => ({ name, duration, isDefault }))
}

it.each([
  ['30 days', 30 * DAY_MS, '720h0m0s'],
  ['an hour, less than the shards of before', HOUR_MS, '1h0m0s'],
  ['years', 730 * DAY_MS, '17520h0m0s'],
  ['for ever', 0, '0s'],
])('a new database keeps readings as long as was set: %s', async (_, durationMs, duration) => {
  begin(durationMs)
  await inForce()
  expect(await policies()).toEqual([{ name: 'autogen', duration, isDefault: true }])
})

it('the default policy of a database that is there is changed, others are left alone', async () => {
  await reader.createDatabase(database)
  await reader.createRetentionPolicy('ours', { database, duration: '5d', replication: 1, isDefault: true })
  begin(2 * DAY_MS)
  await inForce()
  expect(await policies()).toEqual([
    { name: 'autogen', duration: '0s', isDefault: false },
    { name: 'ours', duration: '48h0m0s', isDefault: true },
  ])
  // Once more after the database was made anew.
  await reader.dropDatabase(database)
  states.splice(0)
  retention?.again()
  await inForce()
  expect(await policies()).toEqual([{ name: 'autogen', duration: '48h0m0s', isDefault: true }])
})

it('a server that is away is asked again, and the reason told', async () => {
  await proxy.refuse()
  begin(DAY_MS)
  await eventually(
    async () => states.length,
    count => count >= 2,
  )
  expect(states[0]).toMatch(/retention\.raw could not be set in InfluxDB: .*ECONNREFUSED/)
  await proxy.accept()
  await inForce()
  expect(await policies()).toMatchObject([{ duration: '24h0m0s' }])
})

it('a server that refuses says why', async () => {
  begin(60_000)
  await eventually(
    async () => states.length,
    count => count >= 1,
  )
  expect(states[0]).toMatch(/must be at least 1h/)
  await expect(setRetention({ url: influxd.url, database: 'nowhere' }, 'autogen', DAY_MS)).rejects.toThrow(
    /database not found/,
  )
})
