/** Ten devices in five rooms: what a newcomer sees first. */

import type { Device } from '../device.ts'
import type { Random } from '../random.ts'
import { type Furnishing, furnish } from './furnish.ts'
import type { HouseOptions } from './house.ts'

const ROOMS = {
  'living-room': { glazing: 0.03 },
  kitchen: { isWet: true },
  bedroom: { setpoint: 18.5 },
  bathroom: { setpoint: 22, isWet: true },
  garden: { isOutside: true },
}

const DEVICES: readonly Furnishing[] = [
  { kind: 'climate-sensor', room: 'bedroom', name: 'bedroom_climate' },
  { kind: 'climate-sensor', room: 'bathroom', name: 'bathroom_climate', everyS: 5 },
  { kind: 'motion-sensor', room: 'living-room', name: 'living_room_motion' },
  { kind: 'lamp', room: 'living-room', name: 'living_room_lamp' },
  { kind: 'radiator', room: 'living-room', name: 'living_room_radiator' },
  { kind: 'tasmota-plug', room: 'kitchen', name: 'Fridge plug', load: 'fridge' },
  { kind: 'shelly-plug', room: 'living-room', name: 'Television', load: 'television' },
  { kind: 'air-monitor', room: 'kitchen', name: 'Kitchen air' },
  { kind: 'weather-station', room: 'garden', name: 'Weather station' },
  { kind: 'plant-pot', room: 'living-room', name: 'Plant pot' },
]

export function smallHome(random: Random, startMs: number, options: HouseOptions = {}): Device[] {
  return furnish(ROOMS, DEVICES, random, startMs, options)
}
