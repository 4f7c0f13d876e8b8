import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MessageFaults } from '../faults/message-faults.ts'
import { Random } from '../random.ts'
import { type Arrived, startBroker, type TestBroker } from '../test/broker.ts'
import { fleetDevices } from './device.ts'
import { Fleet, type FleetOptions } from './fleet.ts'

const START = Date.UTC(2026, 0, 15, 12)

describe('a fleet', () => {
  let broker: TestBroker
  beforeEach(async () => {
    broker = await startBroker()
  })
  afterEach(() => broker.close())

  it('delivers every message of every device, numbered without a gap, in its own time', async () => {
    const fleet = await run({}, { devices: 40, durationMs: 500 })
    expect(fleet.stats).toMatchObject({ sent: 500, acknowledged: 500, lost: 0 })
    const byTopic = Map.groupBy(broker.arrived, ({ topic }) => topic)
    expect(byTopic.size).toBe(40)
    for (const [topic, messages] of byTopic) {
      expect(topic).toMatch(/^home\/room-[1-4]\/sim-00\d\d\/state$/)
      const payloads = messages.map(parsed)
      expect(payloads.map(({ seq }) => seq)).toEqual(payloads.map((_, i) => i))
      expect(new Set(payloads.map(({ ts }) => ts)).size).toBe(payloads.length)
      expect(payloads[0]).toMatchObject({ temperature: expect.any(Number), humidity: expect.any(Number) })
    }
  })

  it('gives the same bytes for the same seed and start', async () => {
    await run({}, { devices: 10, durationMs: 200 })
    const first = inOrder(broker.arrived)
    broker.arrived.length = 0
    await run({}, { devices: 10, durationMs: 200 })
    expect(inOrder(broker.arrived)).toEqual(first)
    broker.arrived.length = 0
    await run({ seed: 2 }, { devices: 10, durationMs: 200 })
    expect(inOrder(broker.arrived)).not.toEqual(first)
  })

  it('gives the same bytes with faults, too', async () => {
    const faulty = () => {
      const probabilities = { drop: 0.1, 'bad-json': 0.1, 'type-flip': 0.1, 'clock-skew': 0.1, reorder: 0.1 }
      return { faults: new MessageFaults({ probabilities }, new Random(5)) }
    }
    await run(faulty(), { devices: 10, durationMs: 200 })
    const first = inOrder(broker.arrived)
    broker.arrived.length = 0
    await run(faulty(), { devices: 10, durationMs: 200 })
    expect(inOrder(broker.arrived)).toEqual(first)
  })

  it.each([0, 1, 2] as const)('with QoS %i', async qos => {
    const fleet = await run({ qos }, { devices: 5, durationMs: 200 })
    await broker.until(arrived => arrived.length === 200)
    expect(fleet.stats).toMatchObject({ sent: 200, acknowledged: qos === 0 ? 0 : 200 })
    expect(broker.arrived.every(message => message.qos === qos)).toBe(true)
  })

  it('with many devices behind a few connections', async () => {
    await run({ connections: 3 }, { devices: 30, durationMs: 200 })
    expect(new Set(broker.arrived.map(({ client }) => client))).toEqual(
      new Set(['sim-gateway-1', 'sim-gateway-2', 'sim-gateway-3']),
    )
    expect(new Set(broker.arrived.map(({ topic }) => topic)).size).toBe(30)
  })

  it('sends again with DUP what was unacknowledged when the connection was lost', async () => {
    const held: (() => void)[] = []
    const { authorizePublish } = broker.aedes
    broker.aedes.authorizePublish = (client, packet, done) => {
      authorizePublish(client, packet, () => held.push(() => done(null)))
    }
    const devices = fleetDevices(1, 1)
    const fleet = new Fleet(devices, { target: broker.target, rate: 100, seed: 1, qos: 1 })
    await fleet.connect()
    await fleet.run({ startMs: START, durationMs: 50 })
    await broker.until(arrived => arrived.length === 5)
    broker.aedes.authorizePublish = authorizePublish
    for (const socket of broker.sockets) socket.destroy()
    expect(await fleet.settled(5000)).toBe(true)
    fleet.close()
    const again = broker.arrived.slice(5)
    expect(again.map(({ dup }) => dup)).toEqual([true, true, true, true, true])
    expect(again.map(parsed)).toEqual(broker.arrived.slice(0, 5).map(parsed))
    expect(fleet.stats).toMatchObject({ sent: 5, acknowledged: 5, lost: 1 })
  })

  it('waits no longer than its patience for a broker that has died, and knows what is pending', async () => {
    const options = { target: broker.target, rate: 100_000, seed: 1, qos: 1, window: 5 } as const
    const fleet = new Fleet(fleetDevices(2, 1), options)
    await fleet.connect()
    broker.aedes.authorizePublish = () => undefined
    await fleet.run({ startMs: START, durationMs: 500, patienceMs: 300 })
    expect(await fleet.settled(100)).toBe(false)
    expect(fleet.stats).toMatchObject({ sent: 10, acknowledged: 0 })
    expect(fleet.pending).toBeGreaterThan(1000)
    fleet.close()
  })

  it('fails in clear words when nobody answers', async () => {
    const target = { url: new URL('mqtt://127.0.0.1:1') }
    const fleet = new Fleet(fleetDevices(1, 1), { target, rate: 1, seed: 1, qos: 1, connectMs: 300 })
    await expect(fleet.connect()).rejects.toThrow(/0 of 1 connections came up: .*ECONNREFUSED/)
    fleet.close()
  })

  async function run(
    options: Partial<FleetOptions>,
    { devices, durationMs }: { devices: number; durationMs: number },
  ): Promise<Fleet> {
    const seed = options.seed ?? 1
    const fleet = new Fleet(fleetDevices(devices, seed), {
      target: broker.target,
      rate: 1000,
      seed,
      qos: 1,
      ...options,
    })
    await fleet.connect()
    await fleet.run({ startMs: START, durationMs })
    expect(await fleet.settled(5000)).toBe(true)
    fleet.close()
    return fleet
  }
})

function parsed({ payload }: Arrived): Record<string, number> {
  return JSON.parse(payload.toString())
}

/** Of each device in the order of arrival; between devices the network decides. */
function inOrder(arrived: readonly Arrived[]): string[] {
  const byTopic = Map.groupBy(arrived, ({ topic }) => topic)
  return [...byTopic]
    .map(([topic, messages]) => `${topic} ${messages.map(({ payload }) => payload).join(' ')}`)
    .sort()
}
