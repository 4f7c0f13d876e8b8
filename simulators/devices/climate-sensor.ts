import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** Temperature and humidity on a coin cell. */
export function climateSensor(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 4000),
    make: { vendor: 'Aqara', model: 'WSDCGQ11LM', description: 'Temperature and humidity sensor' },
    shape: zigbee2mqtt(),
    fields: {
      temperature: field.temperature(here(place, room.temperature), random.fork('temperature'), 0.01),
      humidity: field.humidity(here(place, room.humidity), random.fork('humidity'), 0.01),
      battery: field.percent(battery(random.fork('battery')), 'battery'),
      linkquality: field.linkQuality(random.fork('link'), 110),
    },
  }
}
