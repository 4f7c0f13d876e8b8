import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Influxd, startInfluxd } from '../influxd.ts'
import { killMany } from './kills.ts'

const KILLS = 10

let influxd: Influxd
beforeAll(async () => {
  influxd = await startInfluxd()
})
afterAll(() => influxd.stop())

it.each(['embedded', 'influx'] as const)(
  `${KILLS} times kill -9 under load: nothing acknowledged is lost, nothing stored twice (%s store)`,
  async kind => {
    const report = await killMany({
      kills: KILLS,
      seed: 9,
      influxUrl: kind === 'influx' ? influxd.url : null,
    })
    console.info(`kill -9, ${kind}: ${JSON.stringify({ ...report, ledger: undefined })}`)
    expect(report).toMatchObject({ lost: 0, duplicates: 0, invented: 0, ledger: { balanced: true } })
    expect(report.acknowledged).toBeGreaterThan(1000)
  },
  // Some 20 s; a machine that does other things takes several times as long.
  300_000,
)
