import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { homie } from '../shapes/homie.ts'
import { here, type Place, placed } from './place.ts'

/** On the wall: `homie/5/<id>/heating/setpoint/set` changes what it aims at. */
export function homieThermostat(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 6000),
    shape: homie(slug(place.name, '-')),
    fields: {
      'climate.temperature': field.temperature(here(place, room.temperature), random.fork('temperature')),
      'climate.humidity': field.humidity(here(place, room.humidity), random.fork('humidity')),
      'heating.setpoint': field.settable(room.setpoint, 5, 30, '°C', 'temperature'),
      'heating.valve': { read: here(place, room.valve), unit: '%' },
    },
  }
}
