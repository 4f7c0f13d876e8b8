import { describe, expect, it } from 'vitest'
import type { Device } from './device.ts'
import { largeHome } from './house/large-home.ts'
import { smallHome } from './house/small-home.ts'
import { rehearse } from './play.ts'
import { Random } from './random.ts'
import { encodeSparkplug } from './shapes/sparkplug-payload.ts'
import { type Outgoing, Simulation } from './simulation.ts'

const START = Date.UTC(2026, 0, 15, 17)

describe('a simulation', () => {
  it('gives the same bytes for the same seed and start', () => {
    const home = { name: 'home', devices: largeHome }
    const run = (seed: number) => lines([...rehearse(home, seed, START, 120)])
    const first = run(7)
    expect(first.length).toBeGreaterThan(1500)
    expect(run(7)).toEqual(first)
    expect(run(8)).not.toEqual(first)
  })

  it('does not care in which steps its clock is moved', () => {
    const whole = simulationOf(smallHome)
    const stepped = simulationOf(smallHome)
    const atOnce = whole.advance(START + 60_000)
    const inSteps: Outgoing[] = []
    for (let nowMs = START; nowMs <= START + 60_000; nowMs += 37) inSteps.push(...stepped.advance(nowMs))
    inSteps.push(...stepped.advance(START + 60_000))
    expect(lines(inSteps)).toEqual(lines(atOnce))
  })

  it('reports a change of a watched field at once', () => {
    const relay = { on: false }
    const device: Device = {
      name: 'relay',
      room: 'Hall',
      fields: { state: { read: () => relay.on } },
      schedule: { everyMs: 3_600_000, watch: ['state'] },
      shape: {
        client: 'relay',
        listens: [],
        greet: () => [],
        report: (_about, values) => [{ topic: 'relay', payload: String(values.state), kind: 'reading' }],
        understand: () => null,
      },
    }
    const simulation = new Simulation([device], new Random(1), START)
    simulation.greetings('relay', START)
    expect(simulation.advance(START + 5000)).toEqual([])
    relay.on = true
    expect(simulation.advance(START + 5500).map(({ payload }) => payload)).toEqual(['true'])
  })

  it('keeps readings of one room together: heating follows its set-point, and sensors see it', () => {
    const simulation = simulationOf(smallHome)
    const set = Buffer.from('{"occupied_heating_setpoint":26}')
    simulation.receive('zigbee2mqtt', 'zigbee2mqtt/living_room_radiator/set', set, START)
    const said = simulation.advance(START + 4 * 3_600_000)
    const radiator = valuesOf(said, 'zigbee2mqtt/living_room_radiator', 'local_temperature')
    const pot = valuesOf(said, 'home/living-room/plant-pot/state', 'temperature')
    expect(radiator.at(-1)! - radiator[0]!).toBeGreaterThan(1.5)
    expect(Math.abs(pot.at(-1)! - radiator.at(-1)!)).toBeLessThan(1.2)
  })

  it('answers a Sparkplug rebirth request with its births', () => {
    const simulation = simulationOf(largeHome)
    const client = 'home-heating-heat-pump'
    simulation.greetings(client, START)
    const rebirth = encodeSparkplug({
      metrics: [{ name: 'Node Control/Rebirth', type: 'boolean', value: true }],
    })
    const said = simulation.receive(client, 'spBv1.0/Home/NCMD/Heating', rebirth, START + 1000)
    expect(said.map(({ topic }) => topic)).toEqual([
      'spBv1.0/Home/NBIRTH/Heating',
      'spBv1.0/Home/DBIRTH/Heating/heat-pump',
      'spBv1.0/Home/DDATA/Heating/heat-pump',
    ])
  })

  it('takes no value that a device would not take', () => {
    const simulation = simulationOf(smallHome)
    const at = (value: string) => {
      const payload = Buffer.from(`{"occupied_heating_setpoint":${value}}`)
      const [said] = simulation.receive('zigbee2mqtt', 'zigbee2mqtt/living_room_radiator/set', payload, START)
      return (JSON.parse(said!.payload as string) as Record<string, number>).occupied_heating_setpoint
    }
    expect(at('99')).toBe(20.5)
    expect(at('"warm"')).toBe(20.5)
    expect(at('"19.5"')).toBe(19.5)
  })
})

function simulationOf(devices: (random: Random, startMs: number) => Device[]): Simulation {
  const random = new Random(3)
  return new Simulation(devices(random, START), random, START)
}

function lines(messages: readonly Outgoing[]): string[] {
  return messages.map(({ atMs, client, topic, payload, retain }) => {
    return `${atMs} ${client} ${topic} ${Buffer.from(payload).toString('base64')} ${retain ?? false}`
  })
}

function valuesOf(messages: readonly Outgoing[], topic: string, field: string): number[] {
  return messages
    .filter(message => message.topic === topic)
    .map(({ payload }) => (JSON.parse(payload as string) as Record<string, number>)[field]!)
}
