import { afterEach, describe, expect, it } from 'vitest'
import { fleetDevices } from '../fleet/device.ts'
import { runFleet } from '../fleet/run.ts'
import { play } from '../play.ts'
import { scenarioOf } from '../scenario.ts'
import { type ForgetfulTrestle, type Forgets, startForgetfulTrestle } from '../test/forgetful-trestle.ts'
import { FleetTally } from './fleet-tally.ts'
import { Latency } from './latency.ts'
import { type Report, table } from './report.ts'

describe('a check', () => {
  let trestle: ForgetfulTrestle
  afterEach(() => trestle.close())

  it('is content when everything is everywhere', async () => {
    const report = await check({})
    expect(report).toMatchObject({ sent: 100, acknowledged: 100, stored: 100, live: 100, ok: true })
    expect(report.check?.latencyMs.ack?.count).toBe(100)
    expect(report.check?.latencyMs.live?.count).toBe(100)
    expect(table(report)).toMatch(/stored +100 .*\n.*seen live +100 [\s\S]*\n\nok$/)
  })

  it('finds the one reading that is not in the store', async () => {
    const report = await check({ stored: (device, seq) => device === 'sim-0003' && seq === 7 })
    expect(report).toMatchObject({ sent: 100, acknowledged: 100, stored: 99, live: 100, ok: false })
    expect(report.check?.missing).toEqual({ acknowledged: [], live: [], stored: ['sim-0003 #7'] })
    expect(table(report)).toMatch(/not stored: sim-0003 #7/)
  })

  it('finds the one reading that no dashboard has seen', async () => {
    const report = await check({ live: (device, seq) => device === 'sim-0005' && seq === 0 })
    expect(report).toMatchObject({ sent: 100, stored: 100, live: 99, ok: false })
    expect(report.check?.missing.live).toEqual(['sim-0005 #0'])
  })

  it('finds what devices without numbers miss', async () => {
    const scenario = `
devices:
  - { name: pot, count: 3, room: hall, shape: plain-json, every: 0.2, fields: { level: { signal: walk, around: 5, deviation: 1 } } }`
    let lost = 0
    trestle = await startForgetfulTrestle({ stored: device => device === 'pot-2' && ++lost === 3 })
    const report = await play(scenarioOf(scenario, 'pots.yaml'), settings(1))
    expect(report.sent).toBeGreaterThan(9)
    expect(report).toMatchObject({
      acknowledged: report.sent,
      live: report.sent,
      stored: report.sent - 1,
      ok: false,
    })
    expect(report.check?.missing.stored[0]).toMatch(/^pot-2 by home\/hall\/pot-2\/state at /)
  })

  async function check(forgets: Forgets): Promise<Report> {
    trestle = await startForgetfulTrestle(forgets)
    return runFleet({
      ...settings(0.5),
      devices: 5,
      rate: 200,
      prefix: 'sim',
      fields: 2,
      window: 10,
      dashboards: 0,
    })
  }

  function settings(seconds: number) {
    return {
      target: trestle.broker.target,
      clientIdPrefix: '',
      qos: 1,
      seconds,
      seed: 1,
      startMs: undefined,
      faults: {},
      checkUrl: trestle.url,
      token: undefined,
      patienceMs: 400,
      signal: new AbortController().signal,
    } as const
  }
})

describe('the tally', () => {
  it('counts each reading once at each place, and knows none that was not sent', () => {
    const devices = fleetDevices(2, 1)
    const tally = new FleetTally(devices)
    const message = (seq: number) => ({
      device: devices[1]!,
      index: 1,
      seq,
      payload: '',
      isReading: true,
      sentMs: 0,
    })
    for (let seq = 0; seq < 1000; seq++) tally.sent(message(seq), performance.now())
    expect(tally.arrived('live', 1, 5, performance.now())).toBeGreaterThanOrEqual(0)
    expect(tally.arrived('live', 1, 5, performance.now())).toBeNull()
    expect(tally.arrived('live', 1, 1000, performance.now())).toBeNull()
    expect(tally.arrived('stored', 0, 0, performance.now())).toBeNull()
    expect(tally.counts).toMatchObject({ sent: 1000, live: 1, stored: 0 })
    expect(tally.twice.live).toBe(1)
    expect(tally.missing('live', 3)).toEqual([0, 1, 2].map(seq => ({ device: 'sim-0002', seq })))
    expect(tally.lacking('live')).toEqual([1])
  })

  it('knows latencies to three digits', () => {
    const latency = new Latency()
    expect(latency.summary).toBeNull()
    for (let ms = 1; ms <= 1000; ms++) latency.record(ms)
    const { count, p50, p99, max } = latency.summary!
    expect(count).toBe(1000)
    expect(p50 / 500).toBeCloseTo(1, 2)
    expect(p99 / 990).toBeCloseTo(1, 2)
    expect(max / 1000).toBeCloseTo(1, 2)
  })
})
