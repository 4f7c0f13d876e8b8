import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { switchedLoad } from '../house/appliances.ts'
import { shellyGen1 } from '../shapes/shelly.ts'
import { energyKwh } from '../signal.ts'
import { loadOf } from './loads.ts'
import { type Place, placed } from './place.ts'

/** First generation: one plain value a topic. Its meter counts watt-minutes. */
export function shellyRelay(place: Place): Device {
  const { random } = place
  const relay = { on: true }
  const watts = switchedLoad(relay, loadOf(place))
  const kwh = energyKwh(watts, random.between(1, 30))
  return {
    ...placed(place, 5000, ['relay/0']),
    shape: shellyGen1(`shelly1pm-${random.fork('mac').hex(6).toUpperCase()}`, 'SHSW-PM'),
    fields: {
      'relay/0': field.switched(relay),
      'relay/0/power': field.power(watts, random.fork('power'), 0.01),
      'relay/0/energy': { read: nowMs => Math.round(kwh(nowMs) * 60_000), class: 'energy' },
      temperature: field.temperature(nowMs => 31 + watts(nowMs) / 40, random.fork('temperature')),
    },
  }
}
