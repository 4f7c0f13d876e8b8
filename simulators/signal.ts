/**
 * A signal is what a sensor would see at a moment of simulated time. Signals are read with times that never go
 * back, and may keep state; the same reads give the same values.
 */

import type { Random } from './random.ts'

export type Value = number | boolean | string

export type Signal<T extends Value = number> = (nowMs: number) => T

export function constant<T extends Value>(value: T): Signal<T> {
  return () => value
}

/** A sensor as they are sold: its own offset, slow drift, noise, and steps of its resolution. */
export function sensed(
  truth: Signal,
  random: Random,
  sensor: {
    readonly noise?: number
    readonly offset?: number
    readonly step: number
    readonly min?: number
    readonly max?: number
  },
): Signal {
  const offset = (sensor.offset ?? 0) * random.gaussian()
  const wander = drift(random, (sensor.noise ?? 0) * 2, 6 * 3_600_000)
  return nowMs => {
    const seen = truth(nowMs) + offset + wander(nowMs) + (sensor.noise ?? 0) * random.gaussian()
    return inSteps(clamp(seen, sensor.min ?? -Infinity, sensor.max ?? Infinity), sensor.step)
  }
}

/** Wanders about 0 with this standard deviation, and forgets where it was in about `memoryMs` (Ornstein-Uhlenbeck). */
export function drift(random: Random, deviation: number, memoryMs: number): Signal {
  let value = deviation * random.gaussian()
  let lastMs: number | undefined
  return nowMs => {
    const kept = Math.exp(-(nowMs - (lastMs ?? nowMs)) / memoryMs)
    lastMs = nowMs
    value = value * kept + deviation * Math.sqrt(1 - kept * kept) * random.gaussian()
    return value
  }
}

/** A quantity that follows another one slowly, as a thermometer in its case does. */
export function lagging(truth: Signal, lagMs: number): Signal {
  let value: number | undefined
  let lastMs = 0
  return nowMs => {
    const target = truth(nowMs)
    value = value === undefined ? target : target + (value - target) * Math.exp(-(nowMs - lastMs) / lagMs)
    lastMs = nowMs
    return value
  }
}

/** The sum over time, as a meter counts: W in, kWh out. */
export function energyKwh(powerW: Signal, startKwh: number): Signal {
  let kwh = startKwh
  let lastMs: number | undefined
  return nowMs => {
    const hours = (nowMs - (lastMs ?? nowMs)) / 3_600_000
    lastMs = nowMs
    kwh += (powerW(nowMs) * hours) / 1000
    return kwh
  }
}

/** In percent: flat for long, then falling, as a lithium cell does. */
export function battery(random: Random, lifeDays = 700): Signal {
  const lifeMs = lifeDays * 86_400_000
  const ageMs = random.between(0.05, 0.8) * lifeMs
  let firstMs: number | undefined
  return nowMs => {
    firstMs ??= nowMs
    const used = clamp((ageMs + nowMs - firstMs) / lifeMs, 0, 1)
    return Math.round(100 * (1 - used ** 2.2))
  }
}

/** Soil in a pot: dries over days, and is watered when it gets too dry. In percent. */
export function drying(random: Random): Signal {
  let moisture = random.between(28, 60)
  let lastMs: number | undefined
  return nowMs => {
    moisture *= Math.exp(-(nowMs - (lastMs ?? nowMs)) / (6 * 86_400_000))
    lastMs = nowMs
    if (moisture < 22) moisture = random.between(55, 65)
    return inSteps(moisture + 0.1 * random.gaussian(), 0.1)
  }
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

/** Rounded to a step without a tail of binary digits: 21.3, not 21.299999999999997. */
export function inSteps(value: number, step: number): number {
  const decimals = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9))
  return Number((Math.round(value / step) * step).toFixed(decimals)) + 0
}
