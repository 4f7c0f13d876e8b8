import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { espHome } from '../shapes/esphome.ts'
import { here, type Place, placed } from './place.ts'

/** A board with an SCD41: carbon dioxide rises with people and falls with an open window. */
export function airMonitor(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 4000, ['binary_sensor/window']),
    shape: espHome(slug(place.name, '-')),
    fields: {
      'sensor/temperature': field.temperature(here(place, room.temperature), random.fork('temperature')),
      'sensor/humidity': field.humidity(here(place, room.humidity), random.fork('humidity')),
      'sensor/co2': field.carbonDioxide(here(place, room.co2), random.fork('co2')),
      'binary_sensor/window': field.flag(here(place, room.window), 'opening'),
    },
  }
}
