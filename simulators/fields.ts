/** The fields that many devices have, with the noise and resolution of the usual sensors. */

import type { Field } from './device.ts'
import type { Random } from './random.ts'
import { inSteps, type Signal, sensed, type Value } from './signal.ts'

export function temperature(truth: Signal, random: Random, step = 0.1): Field {
  return {
    read: sensed(truth, random, { noise: 0.03, offset: 0.15, step }),
    unit: '°C',
    class: 'temperature',
  }
}

export function humidity(truth: Signal, random: Random, step = 0.1): Field {
  const read = sensed(truth, random, { noise: 0.2, offset: 1, step, min: 0, max: 100 })
  return { read, unit: '%', class: 'humidity' }
}

export function pressure(truth: Signal, random: Random): Field {
  return {
    read: sensed(truth, random, { noise: 0.05, offset: 0.4, step: 0.1 }),
    unit: 'hPa',
    class: 'pressure',
  }
}

export function carbonDioxide(truth: Signal, random: Random): Field {
  return {
    read: sensed(truth, random, { noise: 4, offset: 15, step: 1, min: 380 }),
    unit: 'ppm',
    class: 'carbon_dioxide',
  }
}

export function illuminance(truth: Signal, random: Random): Field {
  const read: Signal = nowMs => Math.max(0, Math.round(truth(nowMs) * (1 + 0.02 * random.gaussian())))
  return { read, unit: 'lx', class: 'illuminance' }
}

export function power(truth: Signal, random: Random, step = 0.1): Field {
  const read: Signal = nowMs => {
    const watts = truth(nowMs)
    return watts < 0.05 ? 0 : inSteps(Math.max(0, watts * (1 + 0.004 * random.gaussian())), step)
  }
  return { read, unit: 'W', class: 'power' }
}

export function energy(truthKwh: Signal, step = 0.001): Field {
  return { read: nowMs => inSteps(truthKwh(nowMs), step), unit: 'kWh', class: 'energy' }
}

export function voltage(truth: Signal, random: Random, step = 0.1): Field {
  return { read: sensed(truth, random, { noise: 0.1, offset: 0.4, step }), unit: 'V', class: 'voltage' }
}

/** Follows power and voltage, as it must. */
export function current(powerW: Signal, volts: Signal, step = 0.001): Field {
  return { read: nowMs => inSteps(powerW(nowMs) / volts(nowMs), step), unit: 'A', class: 'current' }
}

export function signalStrength(random: Random, typical: number): Field {
  return { read: () => Math.round(typical + 2 * random.gaussian()), unit: 'dBm', class: 'signal_strength' }
}

export function linkQuality(random: Random, typical: number): Field {
  return { read: () => Math.min(255, Math.max(1, Math.round(typical + 8 * random.gaussian()))), unit: 'lqi' }
}

export function windSpeed(truth: Signal): Field {
  return { read: nowMs => inSteps(truth(nowMs), 0.1), unit: 'm/s', class: 'wind_speed' }
}

export function percent(read: Signal, class_: string): Field {
  return { read, unit: '%', class: class_ }
}

export function flag(read: Signal<boolean>, class_?: string): Field {
  return class_ === undefined ? { read, isBinary: true } : { read, isBinary: true, class: class_ }
}

export function plain(read: Signal<Value>, unit?: string): Field {
  return unit === undefined ? { read } : { read, unit }
}

/** A switch that people, automations and commands flip. `true`, `"ON"` and `"TOGGLE"` are understood, as devices do. */
export function switched(state: { on: boolean }): Field {
  return {
    read: () => state.on,
    class: 'switch',
    isBinary: true,
    set: value => {
      const next = asSwitch(value, state.on)
      if (next === undefined) return false
      state.on = next
      return true
    },
  }
}

export function asSwitch(value: unknown, now: boolean): boolean | undefined {
  if (typeof value === 'boolean') return value
  const word = String(value).toUpperCase()
  if (word === 'TOGGLE' || word === '2') return !now
  if (word === 'ON' || word === '1' || word === 'TRUE') return true
  return word === 'OFF' || word === '0' || word === 'FALSE' ? false : undefined
}

export function settable(
  state: { value: number },
  low: number,
  high: number,
  unit?: string,
  class_?: string,
): Field {
  const set = (value: unknown): boolean => {
    const next = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
    if (typeof next !== 'number' || !(next >= low && next <= high)) return false
    state.value = next
    return true
  }
  return {
    read: () => state.value,
    set,
    ...(unit === undefined ? {} : { unit }),
    ...(class_ === undefined ? {} : { class: class_ }),
  }
}
