import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { switchedLoad } from '../house/appliances.ts'
import { shellyGen2 } from '../shapes/shelly.ts'
import { energyKwh, inSteps } from '../signal.ts'
import { loadOf } from './loads.ts'
import { here, type Place, placed } from './place.ts'

/** Speaks of itself in notifications; switched by JSON-RPC (`Switch.Set`) or `<id>/command/switch:0`. */
export function shellyPlug(place: Place): Device {
  const { house, random } = place
  const relay = { on: true }
  const watts = switchedLoad(relay, loadOf(place))
  const mains = here(place, house.weather.mains)
  const kwh = energyKwh(watts, random.between(4, 60))
  return {
    ...placed(place, 2500, ['switch:0.output']),
    shape: shellyGen2(`shellyplusplugs-${random.fork('mac').hex(12)}`),
    fields: {
      'switch:0.output': field.switched(relay),
      'switch:0.apower': field.power(watts, random.fork('power')),
      'switch:0.voltage': field.voltage(mains, random.fork('voltage')),
      'switch:0.current': field.current(watts, mains),
      'switch:0.aenergy.total': {
        read: nowMs => inSteps(kwh(nowMs) * 1000, 0.001),
        unit: 'Wh',
        class: 'energy',
      },
    },
  }
}
