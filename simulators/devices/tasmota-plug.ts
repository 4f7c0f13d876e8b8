import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { switchedLoad } from '../house/appliances.ts'
import { tasmota } from '../shapes/tasmota.ts'
import { energyKwh } from '../signal.ts'
import { loadOf } from './loads.ts'
import { here, type Place, placed } from './place.ts'

/** A plug that measures what is plugged in, and switches it: `cmnd/<topic>/POWER`. */
export function tasmotaPlug(place: Place): Device {
  const { house, random } = place
  const relay = { on: true }
  const watts = switchedLoad(relay, loadOf(place))
  const mains = here(place, house.weather.mains)
  return {
    ...placed(place, 3000, ['POWER']),
    shape: tasmota(slug(place.name)),
    fields: {
      POWER: field.switched(relay),
      'ENERGY.Total': field.energy(energyKwh(watts, random.between(40, 900))),
      'ENERGY.Power': field.power(watts, random.fork('power'), 1),
      'ENERGY.Voltage': field.voltage(mains, random.fork('voltage'), 1),
      'ENERGY.Current': field.current(watts, mains),
      'Wifi.Signal': field.signalStrength(random.fork('wifi'), -58),
    },
  }
}
