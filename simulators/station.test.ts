import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Random } from './random.ts'
import { scenarioOf } from './scenario.ts'
import { Simulation } from './simulation.ts'
import { Station } from './station.ts'
import { startBroker, type TestBroker } from './test/broker.ts'

const DEVICES = `
devices:
  - { name: with clock, room: hall, shape: plain-json, every: 0.05, fields: { level: { signal: counter, perHour: 3600 } } }
  - { name: without clock, room: hall, shape: esphome, every: 0.05, fields: { sensor/level: { signal: counter, perHour: 3600 } } }
`

describe('a station', () => {
  let broker: TestBroker
  let station: Station
  beforeEach(async () => {
    broker = await startBroker()
    const startMs = Date.now()
    const random = new Random(1)
    const simulation = new Simulation(scenarioOf(DEVICES, 'x').devices(random, startMs), random, startMs)
    station = new Station(simulation, { target: broker.target })
  })
  afterEach(async () => {
    await station.stop()
    await broker.close()
  })

  it('sends later, with its time, what a device with a clock measured while offline; one without keeps nothing', async () => {
    await broker.until(arrived => arrived.length > 20)
    const cutMs = Date.now()
    const { authenticate } = broker.aedes
    broker.aedes.authenticate = (_client, _username, _password, done) => done(null, false)
    for (const socket of broker.sockets) socket.destroy()
    await new Promise(resolve => setTimeout(resolve, 1000))
    broker.aedes.authenticate = authenticate
    const backMs = Date.now()
    const measuredOffline = () =>
      broker.arrived
        .filter(({ topic }) => topic === 'home/hall/with-clock/state')
        .map(({ payload }) => (JSON.parse(payload.toString()) as { ts: number }).ts)
        .filter(ts => ts > cutMs && ts < backMs)
    await broker.until(() => measuredOffline().length > 15)
    expect(station.stats.reconnects).toBeGreaterThanOrEqual(2)
    expect(station.stats.unsaid).toBeGreaterThan(10)
  })

  it('subscribes for commands again after a reconnection', async () => {
    await broker.until(arrived => arrived.length > 20)
    const subscribed = new Set<string>()
    broker.aedes.on('subscribe', (_subscriptions, client) => subscribed.add(client.id))
    for (const socket of broker.sockets) socket.destroy()
    await broker.until(() => subscribed.size === 2)
    expect([...subscribed].sort()).toEqual(['with-clock', 'without-clock'])
  })
})
