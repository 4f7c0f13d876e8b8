import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery } from '../signal.ts'
import { here, type Place, placed } from './place.ts'

/** The thermostat of the room's heating: set `occupied_heating_setpoint`, and the room follows within the hour. */
export function radiator(place: Place): Device {
  const { room, random } = place
  return {
    ...placed(place, 4000),
    make: { vendor: 'Aqara', model: 'SRTS-A01', description: 'Radiator thermostat' },
    shape: zigbee2mqtt(),
    fields: {
      local_temperature: field.temperature(here(place, room.temperature), random.fork('temperature')),
      occupied_heating_setpoint: field.settable(room.setpoint, 5, 30, '°C', 'temperature'),
      position: { read: here(place, room.valve), unit: '%' },
      battery: field.percent(battery(random.fork('battery')), 'battery'),
    },
  }
}
