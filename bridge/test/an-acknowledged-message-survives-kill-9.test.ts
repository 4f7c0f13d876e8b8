import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { type Influxd, startInfluxd } from './influxd.ts'
import { type Load, startLoad } from './load.ts'
import { storedReadings } from './stored-readings.ts'
import { eventually, newDataDir, removeDataDir, startTrestle } from './trestle.ts'

const CONNECTIONS = 20
const KILLS = 4

let influxd: Influxd | null = null
afterEach(async () => {
  await influxd?.stop()
  influxd = null
})

it.each(['embedded', 'influx'] as const)(
  'an acknowledged message survives kill -9 (%s store)',
  async kind => {
    influxd = kind === 'influx' ? await startInfluxd() : null
    const env: Record<string, string> = influxd === null ? {} : { INFLUX_URL: influxd.url }
    const dataDir = newDataDir()
    const loads: Load[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const trestle = await startTrestle({ env, dataDir })
      const load = startLoad({
        port: trestle.mqtt,
        connections: CONNECTIONS,
        readings: 100_000,
        startSeq: kill * 100_000,
      })
      loads.push(load)
      await eventually(
        async () => load.acked.size,
        size => size > 0,
      )
      await sleep(100 + kill * 150)
      await trestle.kill()
      await load.stop()
    }

    const trestle = await startTrestle({ env, dataDir })
    const ledger = await eventually(
      () => trestle.ledger(),
      ({ waiting }) => waiting === 0,
    )
    expect(ledger.balanced).toBe(true)

    const acked = new Set(loads.flatMap(load => [...load.acked]))
    const stored = await storedReadings(trestle, CONNECTIONS)
    expect(acked.size).toBeGreaterThan(KILLS * CONNECTIONS)
    expect([...acked].filter(key => !stored.has(key))).toEqual([])
    // What was on the disk before its acknowledgement left may be stored too, but nothing that was never sent, and nothing twice.
    const sent = new Set(loads.flatMap(load => [...load.sent]))
    expect([...stored.keys()].filter(key => !sent.has(key))).toEqual([])
    expect([...stored.values()].filter(times => times !== 1)).toEqual([])
    expect(await trestle.stop()).toBe(0)
    removeDataDir(dataDir)
  },
  120_000,
)
