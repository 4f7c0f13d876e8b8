import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { rehearse } from './play.ts'
import { loadScenario, scenarioOf } from './scenario.ts'

const SCENARIOS = new URL('scenarios/', import.meta.url).pathname
const START = Date.UTC(2026, 0, 15, 12)

describe('scenario files', () => {
  it.each(readdirSync(SCENARIOS))('the example %s speaks, the same for one seed', file => {
    const run = () => [...rehearse(loadScenario(SCENARIOS + file), 3, START, 60)]
    const messages = run()
    expect(messages.filter(({ kind }) => kind === 'reading').length).toBeGreaterThan(20)
    expect(run()).toEqual(messages)
  })

  it('puts fields of any signal into the shape of a family', () => {
    const said = speak(`
devices:
  - name: Rain barrel
    room: garden
    shape: plain-json
    every: 5
    fields:
      level: { signal: sine, from: 10, to: 90, period: 60, step: 0.1, unit: '%' }
      pump: { signal: switch, on: true }
      note: { signal: constant, value: oak }
`)
    const states = said.filter(({ topic }) => topic === 'home/garden/rain-barrel/state')
    const values = states.map(({ payload }) => JSON.parse(String(payload)) as Record<string, unknown>)
    expect(values.length).toBeGreaterThan(9)
    expect(values[0]).toEqual({ level: 50, pump: true, note: 'oak', ts: START })
    const levels = values.map(({ level }) => level as number)
    expect(Math.min(...levels)).toBeGreaterThanOrEqual(10)
    expect(Math.max(...levels) - Math.min(...levels)).toBeGreaterThan(60)
  })

  it('makes so many of a device, numbered', () => {
    const said = speak('devices: [{ kind: climate-sensor, room: attic, count: 3 }]')
    const topics = new Set(said.filter(({ kind }) => kind === 'reading').map(({ topic }) => topic))
    expect([...topics].sort()).toEqual([1, 2, 3].map(n => `zigbee2mqtt/attic_climate_sensor_${n}`))
  })

  it('tells every mistake with its place', () => {
    const text = `
devices:
  - { kind: lampe, room: hall }
  - { shape: plain-json, name: x, room: hall, fields: { a: { signal: sine, from: 0, to: 1 }, b: { signal: moon } } }
  - { kind: lamp, room: a/b }
faults: { dorp: 0.1, drop: 2 }
`
    const mistakes = mistakesOf(text)
    expect(mistakes).toMatch(/devices\.0\.kind: /)
    expect(mistakes).toMatch(/devices\.1\.fields\.a\.period: /)
    expect(mistakes).toMatch(/devices\.1\.fields\.b\.signal: /)
    expect(mistakes).toMatch(/devices\.2\.room: /)
    expect(mistakes).toMatch(/dorp/)
    expect(mistakes).toMatch(/faults\.drop: /)
  })

  it('tells what is not YAML, and what is nothing', () => {
    expect(mistakesOf('devices: [')).toMatch(/s\.yaml is not YAML/)
    expect(mistakesOf('')).toMatch(/s\.yaml/)
    expect(mistakesOf('devices: []')).toMatch(/devices: /)
  })
})

function speak(text: string) {
  return [...rehearse(scenarioOf(text, 's.yaml'), 1, START, 60)]
}

function mistakesOf(text: string): string {
  try {
    scenarioOf(text, 's.yaml')
  } catch (error) {
    return (error as Error).message
  }
  return 'none'
}
