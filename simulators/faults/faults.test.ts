import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Api } from '../check/api.ts'
import { fleetDevices } from '../fleet/device.ts'
import { Fleet, type FleetOptions } from '../fleet/fleet.ts'
import { Random } from '../random.ts'
import { sleep } from '../sleep.ts'
import { type Arrived, startBroker, type TestBroker } from '../test/broker.ts'
import { startForgetfulTrestle } from '../test/forgetful-trestle.ts'
import { freezeDashboard, freezeSubscriber } from './frozen.ts'
import { startLinkFaults } from './link-faults.ts'
import { type MessageFaultOptions, MessageFaults } from './message-faults.ts'
import { faultPlanOf } from './plan.ts'

const START = Date.UTC(2026, 0, 15, 12)
const HOUR_MS = 3_600_000

describe('each fault arrives as it is meant', () => {
  let broker: TestBroker
  let arrived: Record<string, unknown>[]
  beforeEach(async () => {
    broker = await startBroker()
  })
  afterEach(() => broker.close())

  it('drop: some readings are never sent, and the numbers of the others have no gap', async () => {
    const fleet = await run({ drop: 0.3 })
    expect(fleet.stats.omitted).toBeGreaterThan(20)
    expect(broker.arrived.length).toBe(100 - fleet.stats.omitted)
    expect(fleet.stats.sent).toBe(broker.arrived.length)
    expect(arrived.map(({ seq }) => seq)).toEqual(arrived.map((_, i) => i))
  })

  it('duplicate: the same bytes again, marked DUP', async () => {
    const fleet = await run({ duplicate: 0.3 })
    const again = broker.arrived.filter(({ dup }) => dup)
    expect(fleet.stats.repeated).toBeGreaterThan(20)
    expect(again.length).toBe(fleet.stats.repeated)
    for (const message of again) {
      expect(broker.arrived.filter(({ payload }) => payload.equals(message.payload)).length).toBe(2)
    }
    expect(fleet.stats).toMatchObject({ sent: 100, acknowledged: 100 })
  })

  it('reorder: neighbours change places, nothing is lost', async () => {
    await run({ reorder: 0.2 })
    const seqs = arrived.map(({ seq }) => seq as number)
    expect(seqs.filter((seq, i) => seq < (seqs[i - 1] ?? 0)).length).toBeGreaterThan(5)
    expect(seqs.toSorted((a, b) => a - b)).toEqual(seqs.map((_, i) => i))
  })

  it('bad-json: cut in the middle', async () => {
    const fleet = await run({ 'bad-json': 0.3 })
    const broken = broker.arrived.filter(({ payload }) => !isJson(payload))
    expect(broken.length).toBe(fleet.stats.spoilt)
    expect(broken.length).toBeGreaterThan(20)
    expect(fleet.stats.sent + broken.length).toBe(100)
  })

  it('type-flip: a number becomes text, never the number of the reading', async () => {
    await run({ 'type-flip': 0.3 })
    const flipped = arrived.filter(values => Object.values(values).includes('error'))
    expect(flipped.length).toBeGreaterThan(20)
    expect(arrived.every(({ seq, ts }) => typeof seq === 'number' && typeof ts === 'number')).toBe(true)
  })

  it('clock-skew: the time of the device is wrong by that much', async () => {
    await run({ 'clock-skew': 0.3 }, { skewMs: -2 * HOUR_MS })
    const skewed = arrived.filter(({ ts }) => (ts as number) < START)
    expect(skewed.length).toBeGreaterThan(20)
    expect(skewed.every(({ ts }) => (ts as number) >= START - 2 * HOUR_MS)).toBe(true)
  })

  it('oversized: padded to that size', async () => {
    const fleet = await run({ oversized: 0.1 }, { oversizedBytes: 100_000 })
    const sizes = broker.arrived.map(({ payload }) => payload.length).filter(size => size > 1000)
    expect(sizes.length).toBe(fleet.stats.spoilt)
    expect(Math.min(...sizes)).toBeGreaterThan(100_000)
  })

  it('oversized: where the broker closes the connection, the device goes on without that message', async () => {
    const limited = createServer(socket => closeAt(socket, 50_000))
    await once(limited.listen(0, '127.0.0.1'), 'listening')
    const url = new URL(`mqtt://127.0.0.1:${(limited.address() as AddressInfo).port}`)
    const fleet = await run({ oversized: 0.02 }, { oversizedBytes: 100_000 }, { target: { url } })
    expect(fleet.stats.lost).toBeGreaterThan(0)
    expect(fleet.stats.acknowledged).toBe(fleet.stats.sent)
    limited.close()
  })

  it('flap and mass-reconnect: connections go and come back, every reading arrives', async () => {
    const fleet = new Fleet(fleetDevices(5, 1), { target: broker.target, rate: 200, seed: 1, qos: 1 })
    await fleet.connect()
    const plan = faultPlanOf(['flap=0.2', 'mass-reconnect=0.5'])
    const faults = await startLinkFaults(plan, fleet, {
      target: broker.target,
      api: null,
      random: new Random(1),
    })
    await fleet.run({ startMs: START, durationMs: 1300 })
    faults.stop()
    expect(await fleet.settled(5000)).toBe(true)
    fleet.close()
    expect(faults.counts).toMatchObject({ flaps: 6, massReconnects: 2 })
    expect(fleet.stats.lost).toBeGreaterThanOrEqual(10)
    expect(fleet.stats).toMatchObject({ sent: 260, acknowledged: 260 })
    const seen = new Set(broker.arrived.map(({ topic, payload }) => `${topic} ${parsed({ payload }).seq}`))
    expect(seen.size).toBe(260)
  })

  it('slow-link: packets come in pieces, at that pace', async () => {
    const chunks: number[] = []
    broker.aedes.once('client', () => {
      for (const socket of broker.sockets) socket.on('data', (chunk: Buffer) => chunks.push(chunk.length))
    })
    const beganMs = performance.now()
    const slowLink = { bytesPerS: 2000, part: 1 }
    const fleet = new Fleet(fleetDevices(1, 1), {
      target: broker.target,
      rate: 100,
      seed: 1,
      qos: 1,
      slowLink,
    })
    await fleet.connect()
    await fleet.run({ startMs: START, durationMs: 200 })
    expect(await fleet.settled(8000)).toBe(true)
    fleet.close()
    expect(broker.arrived.length).toBe(20)
    expect(Math.max(...chunks)).toBeLessThanOrEqual(200)
    // 20 packets of some 115 bytes.
    expect(performance.now() - beganMs).toBeGreaterThan(900)
  })

  it('frozen-subscriber: subscribed to everything, and reads nothing', async () => {
    const thaw = await freezeSubscriber(broker.target, 'frozen')
    const [socket] = [...broker.sockets]
    await run({})
    const payload = 'x'.repeat(1_000_000)
    for (let i = 0; i < 30 && !socket!.writableNeedDrain; i++)
      await Promise.race([broker.publish('big', payload), sleep(200)])
    expect(socket!.writableNeedDrain).toBe(true)
    thaw()
  })

  it('frozen-dashboard: subscribed to every reading, and reads nothing', async () => {
    const trestle = await startForgetfulTrestle()
    const thaw = await freezeDashboard(new Api(trestle.url))
    const [dashboard] = [...trestle.dashboards]
    const frame = JSON.stringify({ op: 'readings', padding: 'x'.repeat(1_000_000) })
    for (let i = 0; i < 30; i++) dashboard!.send(frame)
    await sleep(300)
    const unread = dashboard!.bufferedAmount
    expect(unread).toBeGreaterThan(1_000_000)
    await sleep(200)
    expect(dashboard!.bufferedAmount).toBe(unread)
    thaw()
    await trestle.close()
  })

  async function run(
    probabilities: MessageFaultOptions['probabilities'],
    rest: Omit<MessageFaultOptions, 'probabilities'> = {},
    options: Partial<FleetOptions> = {},
  ): Promise<Fleet> {
    const faults = new MessageFaults({ probabilities, ...rest }, new Random(7))
    const fleet = new Fleet(fleetDevices(1, 1), {
      target: broker.target,
      rate: 1000,
      seed: 1,
      qos: 1,
      faults,
      ...options,
    })
    await fleet.connect()
    await fleet.run({ startMs: START, durationMs: 100 })
    expect(await fleet.settled(5000)).toBe(true)
    fleet.close()
    arrived = broker.arrived.filter(({ payload }) => isJson(payload)).map(parsed)
    return fleet
  }

  /** Hands the connection to the broker until a packet is bigger than it takes. */
  function closeAt(socket: Socket, maxBytes: number): void {
    socket.on('data', chunk => {
      if (chunk.length > maxBytes) socket.destroy()
    })
    socket.on('error', () => socket.destroy())
    broker.aedes.handle(socket)
  }
})

describe('--fault', () => {
  it('takes several, in one word or in many', () => {
    expect(faultPlanOf(['drop=0.01,flap=5', 'skew-seconds=-60'])).toEqual({
      drop: 0.01,
      flap: 5,
      'skew-seconds': -60,
    })
  })

  it.each(['dorp=1', 'drop', 'drop=', 'drop=2', 'flap=0', 'frozen-subscriber=1.5'])(
    'does not take %s',
    text => {
      expect(() => faultPlanOf([text])).toThrow(/these faults cannot be/)
    },
  )
})

function parsed({ payload }: Pick<Arrived, 'payload'>): Record<string, unknown> {
  return JSON.parse(payload.toString())
}

function isJson(payload: Buffer): boolean {
  try {
    JSON.parse(payload.toString())
    return true
  } catch {
    return false
  }
}
