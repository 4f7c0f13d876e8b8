import { setTimeout as sleep } from 'node:timers/promises'
import { InfluxDB } from 'influx'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startSelfMetrics } from './self-metrics.ts'
import { type Influxd, startInfluxd } from './test/influxd.ts'
import { eventually } from './test/trestle.ts'

let influxd: Influxd
beforeAll(async () => {
  influxd = await startInfluxd()
})
afterAll(() => influxd.stop())

const lamp = { device: 'lamp, hall', lastSeenMs: Date.now() - 5000, available: true as boolean | null }

function start(database: string, presences = () => [lamp]) {
  let received = 0
  return startSelfMetrics({
    server: { url: influxd.url, database, timeoutMs: 2000 },
    node: 'a node',
    intervalMs: 50,
    sources: [
      { name: 'messages_received_total', help: '', read: () => ++received },
      {
        name: 'messages_dropped_total',
        help: '',
        label: 'reason',
        read: () => ({ forbidden: 2, damaged: 3 }),
      },
      { name: 'messages_ignored_total', help: '', label: 'reason', read: () => ({}) },
    ],
    presences,
    log: { warn: () => undefined },
  })
}

/** None before the database is there. */
const rows = (database: string, query: string) =>
  new InfluxDB({ host: '127.0.0.1', port: influxd.port, database })
    .query<Record<string, unknown>>(query)
    .catch((): Record<string, unknown>[] => [])

it('figures are floats, kinds stand beside their sum, devices beside the node', async () => {
  const metrics = start('figures')
  const [row] = await eventually(
    () => rows('figures', 'SELECT * FROM trestle'),
    found => found.length > 0,
  )
  await metrics.close()
  expect(row).toMatchObject({
    node: 'a node',
    messages_received_total: 1,
    messages_dropped_total: 5,
    'messages_dropped_total.forbidden': 2,
    messages_ignored_total: 0,
    process_resident_memory_bytes: expect.any(Number),
  })
  const types = await rows('figures', 'SHOW FIELD KEYS')
  expect([...new Set(types.map(({ fieldType }) => fieldType))]).toEqual(['float'])
  const [device] = await rows('figures', 'SELECT * FROM trestle_device')
  expect(device).toMatchObject({ name: 'lamp, hall', available: 1, silent_s: expect.any(Number) })
  expect(device!.silent_s).toBeGreaterThanOrEqual(5)
})

it('a device that goes is told with the next figures; others once a minute', async () => {
  let available: boolean | null = null
  const metrics = start('presence', () => [
    { ...lamp, available },
    { ...lamp, device: 'meter', available: true },
  ])
  const told = (name: string) =>
    rows('presence', `SELECT available FROM trestle_device WHERE "name" = '${name}'`).then(found =>
      found.map(row => row.available),
    )
  for (const [next, values] of [
    [false, [-1]],
    [true, [-1, 0]],
    [true, [-1, 0, 1]],
  ] as const) {
    await eventually(
      () => told(lamp.device),
      found => found.length >= values.length,
    )
    expect(await told(lamp.device)).toEqual(values)
    available = next
  }
  await metrics.close()
  expect(await told('meter')).toEqual([1])
})

it('devices are told although the clock was set back', async () => {
  const aheadMs = Date.now() + 86_400_000
  const clock = vi.spyOn(Date, 'now').mockReturnValue(aheadMs)
  const metrics = start('clock')
  const told = (when: string) => rows('clock', `SELECT available FROM trestle_device WHERE time ${when}`)
  await eventually(
    () => told(`= ${aheadMs}ms`),
    found => found.length === 1,
  )
  clock.mockRestore()
  await eventually(
    () => told(`< ${aheadMs}ms`),
    found => found.length === 1,
  )
  await metrics.close()
})

it('an outage of the store is drawn once it is over', async () => {
  const metrics = start('outage')
  await eventually(
    () => rows('outage', 'SELECT * FROM trestle'),
    found => found.length > 0,
  )
  const beganMs = Date.now()
  await influxd.halt()
  await sleep(300)
  const endedMs = Date.now()
  await influxd.restart()
  const within = `time > ${beganMs}ms AND time < ${endedMs}ms`
  await eventually(
    () => rows('outage', `SELECT messages_received_total FROM trestle WHERE ${within}`),
    found => found.length >= 4,
  )
  await metrics.close()
})
