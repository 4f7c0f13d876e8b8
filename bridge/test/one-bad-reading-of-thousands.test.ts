import { connectAsync } from 'mqtt'
import { afterEach, expect, it } from 'vitest'
import { influxClient } from '../store/influx/client.ts'
import { type Influxd, startInfluxd } from './influxd.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

const READINGS = 5_000

let influxd: Influxd | null = null
let trestle: Trestle | null = null
const dataDir = newDataDir()
afterEach(async () => {
  await trestle?.stop()
  await influxd?.stop()
  removeDataDir(dataDir)
})

it('one reading that the store refuses costs the other 4,999 of its batch nothing', {
  timeout: 90_000,
}, async () => {
  influxd = await startInfluxd()
  trestle = await startTrestle({ dataDir, env: { INFLUX_URL: influxd.url } })
  const client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  await client.publishAsync('plant/meter-0/state', '{"n":0}', { qos: 1 })
  await eventually(
    () => trestle!.ledger(),
    ({ waiting }) => waiting === 0,
  )
  // Somebody else writes into the same database, and decides what `odd` is.
  const write = await fetch(`${influxd.url}/write?db=trestle`, {
    method: 'POST',
    body: `reading,by=other odd="text" ${Date.now()}000000\n`,
  })
  expect(write.status).toBe(204)
  // They gather while the store is away, and come as batches.
  await influxd.halt()
  const publish = (n: number) =>
    client.publishAsync(`plant/meter-${n % 10}/state`, n === 2_345 ? '{"odd":1.5}' : `{"n":${n}}`, { qos: 1 })
  for (let n = 1; n <= READINGS; n += 500)
    await Promise.all(Array.from({ length: 500 }, (_, i) => publish(n + i)))
  await client.endAsync()
  await influxd.restart()

  const account = await eventually(
    () => trestle!.ledger(),
    ({ waiting }) => waiting === 0,
    30_000,
  )
  expect(account).toMatchObject({ stored: READINGS, quarantined: 1, balanced: true })
  const { entries } = await trestle.get<{ entries: { reason: string; by: string; payload: string }[] }>(
    '/api/quarantine',
  )
  expect(entries).toMatchObject([{ by: 'store', reason: expect.stringContaining('field type conflict') }])
  expect(entries[0]!.payload).toContain(' odd=1.5 ')
  const [row] = await influxClient({ url: influxd.url, database: 'trestle' }, 10_000, {}).query<{
    count: number
  }>('SELECT COUNT(n) FROM reading')
  expect(row?.count).toBe(READINGS)
})
