import type { Device } from '../device.ts'
import { slug } from '../device.ts'
import * as field from '../fields.ts'
import { plainJson } from '../shapes/plain-json.ts'
import { battery, drying } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** Self-made, without a clock. */
export function plantPot(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 5000),
    shape: plainJson(room.name, slug(place.name, '-'), { hasTime: false }),
    fields: {
      soil_moisture: field.percent(drying(random.fork('soil')), 'moisture'),
      temperature: field.temperature(here(place, room.temperature), random.fork('temperature')),
      battery: field.percent(battery(random.fork('battery')), 'battery'),
    },
  }
}
