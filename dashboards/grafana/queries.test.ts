/**
 * Every query of every panel, variable and alert, put to a real InfluxDB that a real bridge has filled from simulated
 * homes. A query passes when InfluxDB takes it and rows come back; the controls at the end break queries and must fail.
 */

import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Influxd, startInfluxd } from '../../bridge/test/influxd.ts'
import { eventually, removeDataDir, startTrestle, type Trestle } from '../../bridge/test/trestle.ts'
import { startHome } from '../../simulators/home.ts'
import { largeHome } from '../../simulators/house/large-home.ts'
import { rehearse } from '../../simulators/play.ts'
import { ALERTS } from './alerts.ts'
import { type Choice, interpolate, type Range } from './grafana-words.ts'
import { DASHBOARDS } from './outputs.ts'
import { patternOf, QUANTITIES } from './quantities.ts'

const STARTED_MS = Date.now()
const INTERVAL_MS = 1000
/** Begins like a number, and has a slash and a dot in it. */
const ODD_DEVICE = '1st/floor.lamp'
/** Spoke, and when nobody knew of it yet whether it is there, said that it is gone. */
const LEAVER = 'leaver'

let influxd: Influxd
let trestle: Trestle
let home: Awaited<ReturnType<typeof startHome>>

beforeAll(async () => {
  influxd = await startInfluxd()
  trestle = await startTrestle({
    env: { INFLUX_URL: influxd.url, TRESTLE_INFLUX__SELF_METRICS: '500ms' },
  })
  const url = `mqtt://127.0.0.1:${trestle.mqtt}`
  home = await startHome({ url })
  await publishLargeHome(url)
  await misbehave(url)
  await eventually(
    () => trestle.ledger(),
    ledger => ledger.waiting === 0 && ledger.received > 500,
  )
  // Rates need the figures of some intervals after what they count.
  await eventually(
    () => ask('SELECT "messages_dropped_total.forbidden" FROM "trestle"'),
    series => (series[0]?.values.length ?? 0) >= 5,
  )
  await eventually(
    () => availableOf(LEAVER),
    available => available === 0,
  )
}, 60_000)

afterAll(async () => {
  await home?.stop()
  await trestle?.stop()
  await influxd?.stop()
  if (trestle) removeDataDir(trestle.dataDir)
})

describe.each(DASHBOARDS.map(board => [board.uid!, board] as const))('dashboard %s', (_uid, board) => {
  const panels = (board.panels ?? []).flatMap(panel =>
    'targets' in panel ? [[panel.title ?? '', panel] as const] : [],
  )

  it('has variables with values', async () => {
    const { values } = await resolve(board)
    for (const [name, found] of Object.entries(values)) expect(found, name).not.toEqual([])
  })

  it.each(panels)('panel "%s" gets rows', async (_title, panel) => {
    for (const target of (panel.targets ?? []) as unknown as Target[]) {
      if (target.query === undefined) continue
      const { query, alias = '' } = target
      let filled = 0
      for (const choices of await everyChoice(board, query)) {
        const series = await ask(interpolate(query, choices, recent()))
        checkAlias(alias, series)
        if (hasValues(series)) filled++
      }
      expect(filled, query).toBeGreaterThan(0)
    }
  })
})

it.each(ALERTS.map(alert => [alert.title, alert] as const))(
  'alert "%s" gets one value for each series of tags',
  async (_title, { query, withinS }) => {
    const nowMs = Date.now()
    const range = { fromMs: nowMs - withinS * 1000, toMs: nowMs, intervalMs: 60_000 }
    const series = await ask(interpolate(query, {}, range))
    expect(hasValues(series), query).toBe(true)
    // Grafana refuses series that it cannot tell apart by their tags.
    for (const { columns } of series) expect(columns).toHaveLength(2)
    const tags = series.map(one => JSON.stringify(one.tags ?? {}))
    expect(new Set(tags).size).toBe(series.length)
  },
)

it('whoever says that it is gone is gone to the rule, at once; of the others only those nobody knows of are silent', async () => {
  const valuesOf = async (uid: string) => {
    const { query, withinS } = ALERTS.find(alert => alert.uid === uid)!
    const nowMs = Date.now()
    const range = { fromMs: nowMs - withinS * 1000, toMs: nowMs, intervalMs: 60_000 }
    const series = await ask(interpolate(query, {}, range))
    return new Map(series.map(({ tags, values }) => [tags!.name!, values[0]![1] as number]))
  }
  const [gone, silent] = [await valuesOf('trestle-device-gone'), await valuesOf('trestle-device-silent')]
  const listed = await trestle.devices()
  expect(listed.map(({ id }) => id)).toContain(LEAVER)
  for (const { id, available } of listed) {
    if (id === LEAVER) expect(gone.get(id)).toBe(0)
    if (available === null) expect(gone.get(id), id).toBe(-1)
    if (available === null) expect(silent.get(id), id).toBeGreaterThanOrEqual(0)
  }
  expect(silent.has(LEAVER)).toBe(false)
  expect(silent.size).toBeGreaterThan(0)
})

it.each(Object.values(QUANTITIES))(
  '$title: fields that its words find are in its unit, where the bridge knows it',
  async quantity => {
    const pattern = new RegExp(patternOf(quantity.words))
    const found = (await trestle.devices()).flatMap(({ fields }) =>
      Object.entries(fields).filter(([name, { type }]) => type === 'number' && pattern.test(name)),
    )
    expect(found).not.toEqual([])
    if (quantity.unit === undefined) return
    for (const [name, { unit }] of found) expect([quantity.unit, null], name).toContain(unit)
  },
)

it('the topics of the live dashboard are topics that the broker delivers', async () => {
  const board = DASHBOARDS.find(({ uid }) => uid === 'trestle-live')!
  const [target] = (board.panels ?? []).flatMap(panel => ('targets' in panel ? (panel.targets ?? []) : []))
  const template = (target as unknown as { topic: string }).topic
  const topics = (
    await ask('SHOW TAG VALUES FROM "reading" WITH KEY = "topic" WHERE "device" = \'weather-station\'')
  )
    .flatMap(({ values }) => values.map(row => String(row[1])))
    .map(topic => template.replace('$topic', topic))
  const client = mqtt.connect(`mqtt://127.0.0.1:${trestle.mqtt}`, { protocolVersion: 4, clientId: 'grafana' })
  // Flat JSON with numbers in it: what the data source can draw. Availability comes by a topic of its own, as a text.
  const drawable = new Promise<void>(resolve =>
    client.on('message', (_topic, payload) => {
      if (
        payload.toString().startsWith('{') &&
        Object.values(JSON.parse(payload.toString())).some(Number.isFinite)
      )
        resolve()
    }),
  )
  await client.subscribeAsync(topics)
  await drawable
  await client.endAsync()
})

describe('controls: a broken query is found', () => {
  const query =
    'SELECT mean("temperature") FROM "reading" WHERE $timeFilter GROUP BY time($__interval), "device"'

  it('as it is, it passes', async () => {
    const series = await ask(interpolate(query, {}, recent()))
    checkAlias('$tag_device', series)
    expect(hasValues(series)).toBe(true)
  })
  it('a slip of the pen', async () => {
    await expect(ask(interpolate(query.replace('SELECT', 'SELEC'), {}, recent()))).rejects.toThrow(/parsing/)
  })
  it('a variable that is not there', () => {
    expect(() => interpolate(`${query}, $rooom`, {}, recent())).toThrow('no variable $rooom')
  })
  it('a field that nobody has', async () => {
    const series = await ask(interpolate(query.replace('temperature', 'temperatur'), {}, recent()))
    expect(hasValues(series)).toBe(false)
  })
  it('a measurement that nobody writes', async () => {
    expect(hasValues(await ask(interpolate(query.replace('reading', 'readings'), {}, recent())))).toBe(false)
  })
  it('a name by a tag that is not asked for', async () => {
    const series = await ask(interpolate(query.replace(', "device"', ''), {}, recent()))
    expect(() => checkAlias('$tag_device', series)).toThrow('device')
  })
  it('a slash in a value that Grafana takes for a number, were it not for ":regex"', async () => {
    const asked = (variable: string) =>
      interpolate(
        `SELECT mean("level") FROM "reading" WHERE "device" =~ /^${variable}$/ AND $timeFilter`,
        { device: ODD_DEVICE },
        recent(),
      )
    await expect(ask(asked('$device'))).rejects.toThrow()
    expect(hasValues(await ask(asked('${device:regex}')))).toBe(true)
  })
})

interface Series {
  readonly name: string
  readonly tags?: Readonly<Record<string, string>>
  readonly columns: readonly string[]
  readonly values: readonly (readonly unknown[])[]
}

interface Target {
  readonly query?: string
  readonly alias?: string
}

interface VariableModel {
  readonly name: string
  readonly query: string
  readonly includeAll?: boolean
  readonly allValue?: string
}

type Board = (typeof DASHBOARDS)[number]

/** Rejects with InfluxDB's words. */
async function ask(query: string): Promise<readonly Series[]> {
  const url = new URL('/query', influxd.url)
  url.search = new URLSearchParams({ db: 'trestle', epoch: 'ms', q: query }).toString()
  const answer = (await (await fetch(url)).json()) as {
    error?: string
    results?: { series?: Series[]; error?: string }[]
  }
  const failure = answer.error ?? answer.results?.find(result => result.error !== undefined)?.error
  if (failure !== undefined) throw new Error(`${failure} in: ${query}`)
  return answer.results?.flatMap(result => result.series ?? []) ?? []
}

function recent(): Range {
  return { fromMs: STARTED_MS - 60_000, toMs: Date.now() + 1000, intervalMs: INTERVAL_MS }
}

/** Values of each variable, and what is chosen when everything is; each query sees the choices before it. */
async function resolve(board: Board) {
  const values: Record<string, string[]> = {}
  const all: Record<string, Choice> = {}
  for (const variable of (board.templating.list ?? []) as unknown as VariableModel[]) {
    const { name, query, includeAll, allValue } = variable
    if (name === 'datasource') continue
    const series = await ask(interpolate(query, all, recent()))
    // Of SHOW FIELD KEYS the first column, of SHOW TAG VALUES the second.
    const column = query.startsWith('SHOW FIELD KEYS') ? 0 : 1
    const found = series.flatMap(one => one.values.map(row => String(row[column])))
    values[name] = found
    all[name] = includeAll ? (allValue === undefined ? found : { raw: allValue }) : (found[0] ?? '')
  }
  return { values, all, variables: board.templating.list ?? [] }
}

/** All, and each single value of the variable that the query filters by. */
async function everyChoice(board: Board, query: string): Promise<Readonly<Record<string, Choice>>[]> {
  const { values, all } = await resolve(board)
  const used = Object.keys(values).filter(name => query.includes(`\${${name}:regex}`))
  const singles = used.flatMap(name => values[name]!.map(value => ({ ...all, [name]: value })))
  return [all, ...singles]
}

function checkAlias(alias: string, series: readonly Series[]): void {
  for (const [, tag] of alias.matchAll(/\$tag_(\w+)/g)) {
    const without = series.find(one => one.tags?.[tag!] === undefined)
    if (without !== undefined) throw new Error(`no tag ${tag} for ${alias}`)
  }
}

function hasValues(series: readonly Series[]): boolean {
  return series.some(({ values }) => values.some(([, ...cells]) => cells.some(cell => cell !== null)))
}

/** A minute of it, at once. */
async function publishLargeHome(url: string): Promise<void> {
  const client = mqtt.connect(url, { protocolVersion: 4 })
  const scene = { name: 'home', devices: largeHome }
  const sent: Promise<unknown>[] = []
  for (const { topic, payload, retain = false } of rehearse(scene, 7, Date.now() - 60_000, 60)) {
    sent.push(
      client.publishAsync(topic, typeof payload === 'string' ? payload : Buffer.from(payload), {
        qos: 1,
        retain,
      }),
    )
  }
  await Promise.all(sent)
  await client.endAsync()
}

/** What panels and queries would not meet in a good world: an odd name, what is not understood, what is forbidden. */
/** As the store was told last. */
async function availableOf(device: string): Promise<unknown> {
  const series = await ask(`SELECT last("available") FROM "trestle_device" WHERE "name" = '${device}'`)
  return series[0]?.values[0]?.[1]
}

async function misbehave(url: string): Promise<void> {
  const client = mqtt.connect(url, { protocolVersion: 4, reconnectPeriod: 0 })
  await client.publishAsync(`zigbee2mqtt/${ODD_DEVICE}`, '{"level":3}', { qos: 1 })
  await client.publishAsync(`zigbee2mqtt/${LEAVER}`, '{"level":3}', { qos: 1 })
  await eventually(
    () => availableOf(LEAVER),
    available => available === -1,
  )
  await client.publishAsync(`zigbee2mqtt/${LEAVER}/availability`, '{"state":"offline"}', { qos: 1 })
  await client.publishAsync('home/hall/door/state', '{"broken":', { qos: 1 })
  client.publish('trestle/forbidden', 'x', { qos: 0 })
  await client.endAsync()
}
