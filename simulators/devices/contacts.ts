import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery, type Signal } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

const MAKE = { vendor: 'Sonoff', model: 'SNZB-04', description: 'Contact sensor' }

/** On the front door: open for some seconds when somebody comes or goes. */
export function doorContact(place: Place): Device {
  return contact(place, here(place, place.house.door))
}

/** On the window of the room. */
export function windowContact(place: Place): Device {
  return contact(place, here(place, place.room.window))
}

/** `contact` is true while it is closed, as the magnet sees it. */
function contact(place: Place, isOpen: Signal<boolean>): Device {
  const { random } = place
  return {
    ...placed(place, 20_000, ['contact']),
    make: MAKE,
    shape: zigbee2mqtt(),
    fields: {
      contact: field.flag(nowMs => !isOpen(nowMs), 'opening'),
      battery: field.percent(battery(random.fork('battery')), 'battery'),
      linkquality: field.linkQuality(random.fork('link'), 84),
    },
  }
}
