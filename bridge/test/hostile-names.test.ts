import { connectAsync } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { influxClient } from '../store/influx/client.ts'
import { type Influxd, startInfluxd } from './influxd.ts'
import { eventually, newDataDir, removeDataDir, startTrestle, type Trestle } from './trestle.ts'

/** Made to end a string, a name, a pattern or a statement of InfluxQL, and to begin another. */
const INJECTIONS = [
  ...[
    "'",
    '"',
    '\\',
    "\\'",
    '\\"',
    '`',
    ';',
    '--',
    '/*',
    '/.*/',
    '.*',
    '%',
    '*',
    '\n',
    '\r\n',
    '\0',
    '\u2028',
  ],
  "' OR '1'='1",
  "' OR 1=1 --",
  "victim' OR device='victim",
  "victim\\' OR \\'1\\'=\\'1",
  "x'; DROP DATABASE trestle; --",
  'x"; DROP MEASUREMENT "reading"; --',
  'secret" FROM "reading"; DELETE FROM "reading"; SELECT "x',
  'x") FROM "reading" WHERE device=\'victim\'; --',
  '" FROM "other"."autogen"."secret" --',
  '*::field',
  '/secret/',
  'secret::float',
  'x\nSELECT * FROM "reading"',
  'time',
  'device',
  '__proto__',
  'constructor',
  'toString',
  '%27%20OR%201%3D1',
  '$1',
  '{{secret}}',
  '\u202evictim',
  'victim\0',
  'x'.repeat(5_000),
  '\ud800',
]

const SECRET = 4_711_815
const NOW_MS = Date.now()

let influxd: Influxd
let trestle: Trestle
const dataDir = newDataDir()

beforeAll(async () => {
  influxd = await startInfluxd()
  const other = influxClient({ url: influxd.url, database: 'other' }, 10_000, {})
  await other.createDatabase('other')
  await fetch(`${influxd.url}/write?db=other`, {
    method: 'POST',
    body: `secret value=${SECRET} ${NOW_MS}000000\n`,
  })
  trestle = await startTrestle({ dataDir, env: { INFLUX_URL: influxd.url } })
  const client = await connectAsync(`mqtt://127.0.0.1:${trestle.mqtt}`)
  await client.publishAsync('home/hall/victim/state', `{"secret":${SECRET}}`, { qos: 1 })
  // Devices and fields that are called so, each with a value of its own.
  await Promise.all(
    INJECTIONS.map((name, i) =>
      client.publishAsync('plant/gateway/data', JSON.stringify([{ deviceId: name, [name]: i, mine: i }]), {
        qos: 1,
      }),
    ),
  )
  await client.endAsync()
  await eventually(
    () => trestle.ledger(),
    ({ waiting }) => waiting === 0,
  )
  // What fields there are is asked of InfluxDB once in a while.
  await eventually(
    () => ask({ device: 'victim', field: 'secret' }),
    ({ status }) => status === 200,
  )
})

afterAll(async () => {
  await trestle.stop()
  await influxd.stop()
  removeDataDir(dataDir)
})

async function ask(parameters: Record<string, string>): Promise<{ status: number; text: string }> {
  const response = await fetch(`${trestle.url}/api/history?${new URLSearchParams(parameters)}`)
  return { status: response.status, text: await response.text() }
}

describe('a name in a query is a name, whatever it holds:', () => {
  it.each(INJECTIONS.map(name => [JSON.stringify(name).slice(0, 50), name]))('%s', async (_, name) => {
    for (const parameters of [
      { device: name, field: 'secret' },
      { device: 'victim', field: name },
      { device: name, field: name },
      { device: name, field: 'secret', points: 'raw' },
      { device: 'victim', field: name, points: 'raw' },
      { device: 'victim', field: 'secret', fn: name },
      { device: 'victim', field: 'secret', points: name },
      { device: 'victim', field: 'secret', from: name },
      { device: 'victim', field: 'secret', from: '0', to: name },
    ]) {
      const { status, text } = await ask(parameters)
      expect([200, 400, 404], text).toContain(status)
      expect(text).not.toContain(String(SECRET))
    }
  })
})

it('every device with such a name has its own values, and no others', async () => {
  const devices = await trestle.devices()
  // What is no name leaves the reading to the gateway: those are several.
  const named = devices.filter(({ id, fields }) => 'mine' in fields && id !== 'gateway')
  const texts = new Set<string>()
  for (const { id, fields } of named) {
    const mine = fields.mine!.value
    for (const field of Object.keys(fields)) {
      const { status, text } = await ask({ device: id, field, points: 'raw' })
      expect(status, `${id} ${field} ${text}`).toBe(200)
      const { points } = JSON.parse(text) as { points: { value: number }[] }
      expect(points.map(({ value }) => value)).toEqual([mine])
    }
    texts.add(id)
  }
  // Each of them is another one, and what says that there is no value names nobody.
  expect(texts.size).toBeGreaterThan(INJECTIONS.length - 7)
})

it('the database is as it was', async () => {
  const client = influxClient({ url: influxd.url, database: 'trestle' }, 10_000, {})
  expect(await client.getDatabaseNames()).toEqual(expect.arrayContaining(['trestle', 'other']))
  const [victim] = await client.query<{ secret: number }>(
    `SELECT secret FROM reading WHERE device = 'victim'`,
  )
  expect(victim?.secret).toBe(SECRET)
  const { points } = JSON.parse((await ask({ device: 'victim', field: 'secret', points: 'raw' })).text)
  expect(points).toHaveLength(1)
  expect(await trestle.ledger()).toMatchObject({ balanced: true, quarantined: 0 })
})
