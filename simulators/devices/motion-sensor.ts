import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** Sees people move, and how light it is; says at once when that changes. */
export function motionSensor(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 5000, ['occupancy']),
    make: { vendor: 'Philips', model: '9290012607', description: 'Hue motion sensor' },
    shape: zigbee2mqtt(),
    fields: {
      occupancy: field.flag(here(place, room.motion), 'motion'),
      illuminance: field.illuminance(here(place, room.light), random.fork('light')),
      battery: field.percent(battery(random.fork('battery')), 'battery'),
      linkquality: field.linkQuality(random.fork('link'), 96),
    },
  }
}
