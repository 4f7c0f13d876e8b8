import { describe, expect, it } from 'vitest'
import { fridge } from './house/appliances.ts'
import { House } from './house/house.ts'
import { weather } from './house/weather.ts'
import { Random } from './random.ts'
import { battery, drift, energyKwh, inSteps, lagging } from './signal.ts'

const NOON = Date.UTC(2026, 6, 1, 12)
const HOUR_MS = 3_600_000

describe('randomness', () => {
  it('is the same for one seed, and a fork does not depend on what was drawn before', () => {
    const draw = (random: Random) => Array.from({ length: 100 }, () => random.next())
    expect(draw(new Random(1))).toEqual(draw(new Random(1)))
    expect(draw(new Random(1))).not.toEqual(draw(new Random(2)))
    const drawn = new Random(1)
    draw(drawn)
    expect(draw(drawn.fork('a'))).toEqual(draw(new Random(1).fork('a')))
  })

  it('is spread as it says', () => {
    const random = new Random(3)
    const uniform = Array.from({ length: 20_000 }, () => random.next())
    const normal = Array.from({ length: 20_000 }, () => random.gaussian())
    expect(mean(uniform)).toBeCloseTo(0.5, 1)
    expect(mean(normal)).toBeCloseTo(0, 1)
    expect(mean(normal.map(x => x * x))).toBeCloseTo(1, 1)
  })
})

describe('signals', () => {
  it('drift keeps its spread, however often it is read', () => {
    for (const stepMs of [100, 10_000]) {
      const signal = drift(new Random(1), 2, 5000)
      const values = Array.from({ length: 20_000 }, (_, i) => signal(i * stepMs))
      expect(Math.sqrt(mean(values.map(x => x * x)))).toBeCloseTo(2, 0)
    }
  })

  it('a lagging thermometer gets there in the end', () => {
    const signal = lagging(nowMs => (nowMs < 1000 ? 10 : 20), 60_000)
    signal(0)
    expect(signal(61_000)).toBeCloseTo(20 - 10 * Math.exp(-61 / 60), 5)
    expect(signal(600_000)).toBeCloseTo(20, 1)
  })

  it('a meter counts what was drawn', () => {
    const meter = energyKwh(() => 2000, 100)
    meter(0)
    expect(meter(HOUR_MS / 2)).toBeCloseTo(101, 9)
    expect(meter(HOUR_MS)).toBeCloseTo(102, 9)
  })

  it('a battery only falls', () => {
    const level = battery(new Random(1), 30)
    const days = Array.from({ length: 40 }, (_, day) => level(day * 24 * HOUR_MS))
    expect(days.every((percent, i) => percent <= (days[i - 1] ?? 100) && percent >= 0)).toBe(true)
    expect(days.at(-1)).toBe(0)
  })

  it('steps have no tail of digits', () => {
    expect([inSteps(21.299999, 0.1), inSteps(-0.04, 0.1), inSteps(1234.5678, 0.001), inSteps(47, 5)]).toEqual(
      [21.3, 0, 1234.568, 45],
    )
  })

  it('a fridge runs a third of the time, and never for long', () => {
    const watts = fridge(new Random(2))
    const minutes = Array.from({ length: 24 * 60 }, (_, minute) => watts(minute * 60_000))
    const running = minutes.filter(value => value > 20).length / minutes.length
    expect(running).toBeGreaterThan(0.25)
    expect(running).toBeLessThan(0.5)
  })
})

describe('a house', () => {
  it('has warmer days than nights, and light only by day', () => {
    const { temperature, daylight } = weather(new Random(1))
    const hours = Array.from({ length: 24 * 7 }, (_, hour) => hour)
    const values = hours.map(hour => ({
      warm: temperature(NOON + hour * HOUR_MS),
      light: daylight(NOON + hour * HOUR_MS),
    }))
    const by = (part: (hour: number) => boolean) => values.filter((_, hour) => part((hour + 12) % 24))
    const afternoons = by(hour => hour > 13 && hour < 17)
    const nights = by(hour => hour < 4)
    expect(mean(afternoons.map(({ warm }) => warm))).toBeGreaterThan(mean(nights.map(({ warm }) => warm)) + 4)
    expect(Math.min(...afternoons.map(({ light }) => light))).toBeGreaterThan(1000)
    expect(Math.max(...nights.map(({ light }) => light))).toBeLessThan(10)
  })

  it('gets stale air with people in it, and fresh air by a window', () => {
    const house = new House({ 'living-room': {} }, new Random(1), NOON, { people: 0 })
    const room = house.room('living-room')
    room.isWindowOpen = true
    const before = room.co2(NOON)
    house.advance(NOON + 300_000)
    expect(room.co2(NOON)).toBeLessThan(before)
    const lived = new House({ 'living-room': {} }, new Random(1), Date.UTC(2026, 0, 1, 18), { people: 4 })
    const values = Array.from({ length: 180 }, (_, minute) => {
      lived.advance(Date.UTC(2026, 0, 1, 18) + minute * 60_000)
      return lived.room('living-room').co2(0)
    })
    expect(Math.max(...values)).toBeGreaterThan(900)
  })
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
