import { afterAll, expect, it } from 'vitest'
import { startInfluxd } from '../influxd.ts'
import { PLACES, throwIn } from './faults-of-ours.ts'
import { killMany } from './kills.ts'
import { LONG_MS, NOTHING_LOST, Report, times } from './long-run.ts'
import { cutPowerMany } from './power-cuts.ts'
import { crashMany } from './simulated-crashes.ts'
import { NOTHING_FORGOTTEN } from './sleeping-witness.ts'

const MINUTE_MS = 60_000

const report = new Report('Kills, power cuts, faults of ours')
afterAll(() => report.write())

it.each([
  ['SIGKILL', 'embedded'],
  ['SIGKILL', 'influx'],
  ['SIGTERM', 'embedded'],
] as const)(
  '%s, 100 times, %s store',
  async (signal, kind) => {
    const influxd = kind === 'influx' ? await startInfluxd() : null
    const result = await killMany({
      signal,
      kills: times(100),
      seed: 100,
      influxUrl: influxd?.url ?? null,
      withinMs: 5 * MINUTE_MS,
    })
    await influxd?.stop()
    const longest = signal === 'SIGTERM' ? `, the longest end took ${Math.round(result.longestEndMs)} ms` : ''
    report.story(`${result.kills} of ${times(100)} times ${signal}, ${kind}${longest}`, result)
    expect(result).toMatchObject(NOTHING_LOST)
    if (signal === 'SIGTERM') expect(result.longestEndMs).toBeLessThan(10_000)
  },
  LONG_MS,
)

it(
  'power cut, 100 times',
  async context => {
    const result = await cutPowerMany({ cuts: times(100), seed: 200, withinMs: 6 * MINUTE_MS })
    if (result === null) {
      report.row('power cuts', 'NOT TESTED: the machine forbids loop devices or mounts')
      return context.skip('power cuts need loop devices and mounts')
    }
    const { cuts, witness } = result
    report.story(`${cuts} of ${times(100)} power cuts`, result)
    report.row(
      'beside them, for a device that sleeps',
      `${witness.commands} commands acknowledged, ${witness.commandsLost} lost; its retained message ${witness.retainedIsOld ? 'is OLD' : 'is the last'}`,
    )
    expect(result).toMatchObject({ ...NOTHING_LOST, witness: NOTHING_FORGOTTEN })
  },
  LONG_MS,
)

it(
  'simulated power cut, 10,000 times',
  async () => {
    const result = await crashMany(times(10_000), 300)
    report.row('simulated crashes', `${result.crashes}, ${result.acknowledged} acknowledged, 0 lost`)
  },
  LONG_MS,
)

it.each(Object.keys(PLACES) as (keyof typeof PLACES)[])(
  'a method that throws: %s',
  async place => {
    const { hasEnded, ...result } = await throwIn(place)
    const { quarantined } = result.ledger
    const what = hasEnded ? 'the process ended and went on' : `went on, ${quarantined} in the quarantine`
    report.story(`a throw in ${place}: ${what}`, { ...result, lost: result.lost - quarantined })
    expect(result.lost).toBeLessThanOrEqual(result.ledger.quarantined)
    expect(result).toMatchObject({ duplicates: 0, invented: 0, ledger: { balanced: true, dropped: {} } })
  },
  LONG_MS,
)
