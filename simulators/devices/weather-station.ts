import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { plainJson } from '../shapes/plain-json.ts'
import { here, type Place, placed } from './place.ts'

/** Self-made, with a clock of its own: what it measures while offline it sends later. */
export function weatherStation(place: Place): Device {
  const { house, room, random } = place
  const { weather } = house
  return {
    ...placed(place, 2000),
    shape: plainJson(room.name, slug(place.name, '-')),
    fields: {
      temperature: field.temperature(here(place, weather.temperature), random.fork('temperature')),
      humidity: field.humidity(here(place, weather.humidity), random.fork('humidity'), 1),
      pressure: field.pressure(here(place, weather.pressure), random.fork('pressure')),
      illuminance: field.illuminance(here(place, weather.daylight), random.fork('light')),
      wind_speed: field.windSpeed(here(place, weather.windSpeed)),
    },
  }
}
