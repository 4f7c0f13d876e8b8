/** Devices that a scenario file puts together itself: fields of any signal, in the shape of any family. */

import { z } from 'zod'
import { type Device, type Field, type Shape, slug } from './device.ts'
import { here, type Place, placed } from './devices/place.ts'
import * as field from './fields.ts'
import type { Random } from './random.ts'
import { espHome } from './shapes/esphome.ts'
import { homie } from './shapes/homie.ts'
import { plainJson } from './shapes/plain-json.ts'
import { shellyGen2 } from './shapes/shelly.ts'
import { sparkplug } from './shapes/sparkplug.ts'
import { tasmota } from './shapes/tasmota.ts'
import { zigbee2mqtt } from './shapes/zigbee2mqtt.ts'
import { battery, constant, drift, energyKwh, inSteps, type Signal, type Value } from './signal.ts'

const meaning = { unit: z.string().optional(), class: z.string().optional() }

/** Numbers may carry noise (standard deviation) and come in steps. */
const measured = {
  ...meaning,
  noise: z.number().min(0).default(0),
  step: z.number().positive().default(0.01),
}

const NUMBERS = [
  'room.temperature',
  'room.humidity',
  'room.co2',
  'room.light',
  'room.heating',
  'outside.temperature',
  'outside.humidity',
  'outside.pressure',
  'outside.light',
  'outside.wind',
  'mains.voltage',
] as const

export const fieldSchema = z.discriminatedUnion('signal', [
  z.strictObject({ signal: z.enum(NUMBERS), ...measured }),
  z.strictObject({ signal: z.enum(['room.motion', 'room.window', 'front-door']), ...meaning }),
  z.strictObject({
    signal: z.literal('constant'),
    value: z.union([z.number(), z.string(), z.boolean()]),
    ...meaning,
  }),
  /** Swings between two values in so many seconds. */
  z.strictObject({
    signal: z.literal('sine'),
    from: z.number(),
    to: z.number(),
    period: z.number().positive(),
    ...measured,
  }),
  /** Jumps between them, half the time each. */
  z.strictObject({
    signal: z.literal('square'),
    from: z.number(),
    to: z.number(),
    period: z.number().positive(),
    ...measured,
  }),
  /** Wanders about a value, and forgets where it was in `memory` seconds. */
  z.strictObject({
    signal: z.literal('walk'),
    around: z.number(),
    deviation: z.number().positive(),
    memory: z.number().positive().default(600),
    ...measured,
  }),
  /** Counts up, so much an hour. */
  z.strictObject({
    signal: z.literal('counter'),
    start: z.number().default(0),
    perHour: z.number(),
    ...measured,
  }),
  z.strictObject({ signal: z.literal('battery'), days: z.number().positive().default(700), ...meaning }),
  /** Commands set these. */
  z.strictObject({ signal: z.literal('switch'), on: z.boolean().default(false) }),
  z.strictObject({
    signal: z.literal('setting'),
    value: z.number(),
    from: z.number(),
    to: z.number(),
    ...meaning,
  }),
])

type FieldSpec = z.infer<typeof fieldSchema>

export interface OwnDeviceSpec {
  readonly shape: keyof typeof SHAPES
  readonly fields: Readonly<Record<string, FieldSpec>>
  readonly watch?: readonly string[] | undefined
}

const SHAPES = {
  'plain-json': ({ room, name }: Place): Shape => plainJson(room.name, slug(name, '-')),
  zigbee2mqtt: (): Shape => zigbee2mqtt(),
  tasmota: ({ name }: Place): Shape => tasmota(slug(name)),
  shelly: ({ name, random }: Place): Shape => shellyGen2(`${slug(name, '')}-${random.fork('mac').hex(12)}`),
  esphome: ({ name }: Place): Shape => espHome(slug(name, '-')),
  homie: ({ name }: Place): Shape => homie(slug(name, '-')),
  sparkplug: ({ name }: Place): Shape => sparkplug('Scenario', slug(name, '-'), 'device'),
} as const

export function ownDevice(spec: OwnDeviceSpec, place: Place): Device {
  const fields = Object.entries(spec.fields).map(([name, given]) => {
    return [name, fieldOf(given, place, place.random.fork(name))] as const
  })
  const watch = spec.watch?.filter(name => name in spec.fields)
  return {
    ...placed(place, 5000, watch),
    shape: SHAPES[spec.shape](place),
    fields: Object.fromEntries(fields),
  }
}

function fieldOf(spec: FieldSpec, place: Place, random: Random): Field {
  switch (spec.signal) {
    case 'constant':
      return withMeaning(constant<Value>(spec.value), spec)
    case 'sine': {
      const middle = (spec.from + spec.to) / 2
      const swing = (spec.to - spec.from) / 2
      return measuredField(
        nowMs => middle + swing * Math.sin((2 * Math.PI * nowMs) / (spec.period * 1000)),
        spec,
        random,
      )
    }
    case 'square':
      return measuredField(
        nowMs => (nowMs % (spec.period * 1000) < spec.period * 500 ? spec.from : spec.to),
        spec,
        random,
      )
    case 'walk': {
      const wander = drift(random, spec.deviation, spec.memory * 1000)
      return measuredField(nowMs => spec.around + wander(nowMs), spec, random)
    }
    case 'counter':
      return measuredField(energyKwh(constant(spec.perHour * 1000), spec.start), spec, random)
    case 'battery':
      return withMeaning(battery(random, spec.days), { unit: '%', class: 'battery', ...spec })
    case 'switch':
      return field.switched({ on: spec.on })
    case 'setting':
      return field.settable({ value: spec.value }, spec.from, spec.to, spec.unit, spec.class)
    case 'room.motion':
      return field.flag(here(place, place.room.motion), spec.class ?? 'motion')
    case 'room.window':
      return field.flag(here(place, place.room.window), spec.class ?? 'opening')
    case 'front-door':
      return field.flag(here(place, place.house.door), spec.class ?? 'opening')
    default:
      return measuredField(
        here(place, truthOf(spec.signal, place)),
        { ...MEANING[spec.signal], ...spec },
        random,
      )
  }
}

function truthOf(signal: (typeof NUMBERS)[number], { room, house: { weather } }: Place): Signal {
  switch (signal) {
    case 'room.temperature':
      return room.temperature
    case 'room.humidity':
      return room.humidity
    case 'room.co2':
      return room.co2
    case 'room.light':
      return room.light
    case 'room.heating':
      return room.valve
    case 'outside.temperature':
      return weather.temperature
    case 'outside.humidity':
      return weather.humidity
    case 'outside.pressure':
      return weather.pressure
    case 'outside.light':
      return weather.daylight
    case 'outside.wind':
      return weather.windSpeed
    case 'mains.voltage':
      return weather.mains
  }
}

const MEANING: Readonly<Record<(typeof NUMBERS)[number], { unit: string; class?: string }>> = {
  'room.temperature': { unit: '°C', class: 'temperature' },
  'room.humidity': { unit: '%', class: 'humidity' },
  'room.co2': { unit: 'ppm', class: 'carbon_dioxide' },
  'room.light': { unit: 'lx', class: 'illuminance' },
  'room.heating': { unit: '%' },
  'outside.temperature': { unit: '°C', class: 'temperature' },
  'outside.humidity': { unit: '%', class: 'humidity' },
  'outside.pressure': { unit: 'hPa', class: 'pressure' },
  'outside.light': { unit: 'lx', class: 'illuminance' },
  'outside.wind': { unit: 'm/s', class: 'wind_speed' },
  'mains.voltage': { unit: 'V', class: 'voltage' },
}

interface Meaning {
  readonly unit?: string | undefined
  readonly class?: string | undefined
}

function measuredField(
  truth: Signal,
  spec: Meaning & { noise: number; step: number },
  random: Random,
): Field {
  const read: Signal = nowMs => inSteps(truth(nowMs) + spec.noise * random.gaussian(), spec.step)
  return withMeaning(read, spec)
}

function withMeaning(read: Signal<Value>, { unit, class: class_ }: Meaning): Field {
  return { read, ...(unit === undefined ? {} : { unit }), ...(class_ === undefined ? {} : { class: class_ }) }
}
