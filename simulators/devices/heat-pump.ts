import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { sparkplug } from '../shapes/sparkplug.ts'
import { clamp, energyKwh, inSteps, lagging, type Signal } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** The house's heating, as industry speaks: the colder it is outside, the hotter the water and the dearer the heat. */
export function heatPump(place: Place): Device {
  const { house, random } = place
  const outside = here(place, house.weather.temperature)
  const flow: Signal = lagging(nowMs => clamp(38 - 0.75 * outside(nowMs), 24, 52), 900_000)
  const watts: Signal = nowMs => clamp(140 * (18 - outside(nowMs)), 60, 3200)
  return {
    ...placed(place, 3000),
    shape: sparkplug('Home', 'Heating', slug(place.name, '-')),
    fields: {
      'Temperature/Flow': field.temperature(flow, random.fork('flow')),
      'Temperature/Return': field.temperature(nowMs => flow(nowMs) - 4.5, random.fork('return')),
      'Temperature/Outside': field.temperature(outside, random.fork('outside')),
      'Power/Electric': field.power(watts, random.fork('power'), 1),
      'Energy/Electric': field.energy(energyKwh(watts, 2210.4)),
      'Compressor/Speed': { read: nowMs => inSteps(watts(nowMs) / 45, 1), unit: 'Hz' },
      'Compressor/Running': field.flag(nowMs => watts(nowMs) > 100),
    },
  }
}
