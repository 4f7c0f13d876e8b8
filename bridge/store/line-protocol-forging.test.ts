import { expect, it } from 'vitest'
import { startInfluxd } from '../test/influxd.ts'
import { influxClient } from './influx/client.ts'
import type { AnswerSeries } from './influx/query.ts'
import { expectUnforged } from './line-protocol-expectations.ts'
import { type Forged, forge } from './line-protocol-forger.ts'
import type { Point } from './line-protocol-reference.ts'

const SEED = 20_260_310

it('no message writes into the series of another device, whatever its names', () => {
  expect(forge(10_000, SEED, expectUnforged)).toBeGreaterThan(7_500)
})

it('InfluxDB has exactly the points that were meant, whatever their names', { timeout: 60_000 }, async () => {
  const rounds: Forged[][] = []
  const take = (forged: Forged) => {
    rounds[forged.round] ??= []
    rounds[forged.round]!.push(forged)
  }
  // Few to a database: each answer has a column for each of its fields.
  forge(3_000, SEED + 1, take, { scope: 'measurement', perRound: 200 })
  const influxd = await startInfluxd()
  try {
    for (const [round, forged] of rounds.entries()) {
      const database = `forged-${round}`
      const client = influxClient({ url: influxd.url, database }, 20_000, {})
      await client.createDatabase(database)
      const written = await fetch(`${influxd.url}/write?db=${database}`, {
        method: 'POST',
        body: forged.map(({ accepted }) => accepted.line).join(''),
      })
      expect(await written.text()).toBe('')
      expect(written.status).toBe(204)
      const answer = (await client.queryRaw('SELECT * FROM /.*/ GROUP BY *', { precision: 'u' })) as {
        results: { series: AnswerSeries[] }[]
      }
      expect(storedPoints(answer.results[0]!.series)).toEqual(lastOfEach(forged))
    }
  } finally {
    await influxd.stop()
  }
})

/** A point as one text: measurement, tags, time; and its fields. */
function storedPoints(series: readonly AnswerSeries[]): Map<string, object> {
  return new Map(
    series.flatMap(({ name, tags = {}, columns, values }) =>
      values.map(([time, ...row]) => {
        const present = row
          .map((value, i) => [columns[i + 1]!, value] as const)
          .filter(([, value]) => value !== null)
        // A tag that other series of the measurement have is empty here.
        const own = Object.entries(tags).filter(([, value]) => value !== '')
        return [keyOf(name, own, String(time)), Object.fromEntries(present)] as const
      }),
    ),
  )
}

/** One series may be told the same time twice by one payload: the later point stands. */
function lastOfEach(forged: readonly Forged[]): Map<string, object> {
  const points = new Map<string, object>()
  for (const { point } of forged) {
    const key = keyOf(point.measurement, [...point.tags], String(point.timeNs / 1000n))
    points.set(key, { ...points.get(key), ...fieldsOf(point) })
  }
  return points
}

function fieldsOf({ fields }: Point): object {
  // JSON has no minus zero.
  return Object.fromEntries([...fields].map(([name, value]) => [name, value === 0 ? 0 : value]))
}

function keyOf(measurement: string, tags: readonly (readonly [string, string])[], timeUs: string): string {
  return JSON.stringify([measurement, tags.toSorted(([a], [b]) => (a < b ? -1 : 1)), timeUs])
}
