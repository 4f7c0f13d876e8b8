/** A house of a dozen rooms and a garden, with some fifty devices of every family. */

import type { Device } from '../device.ts'
import { slug, titled } from '../device.ts'
import type { Random } from '../random.ts'
import { type Furnishing, furnish } from './furnish.ts'
import type { RoomOptions } from './room.ts'

const ROOMS: Readonly<Record<string, RoomOptions>> = {
  hall: { setpoint: 19 },
  'living-room': { glazing: 0.03 },
  'dining-room': { glazing: 0.025 },
  kitchen: { isWet: true },
  office: { setpoint: 21 },
  bedroom: { setpoint: 18.5 },
  nursery: { setpoint: 20 },
  'guest-bedroom': { setpoint: 17 },
  bathroom: { setpoint: 22, isWet: true },
  'utility-room': { setpoint: 17, isWet: true },
  garage: { setpoint: 8, glazing: 0.005 },
  cellar: { setpoint: 12, glazing: 0.002 },
  garden: { isOutside: true },
}

const SINGLE: readonly Furnishing[] = [
  { kind: 'door-contact', room: 'hall', name: 'front_door' },
  { kind: 'energy-meter', room: 'hall', name: 'Fuse box' },
  { kind: 'tasmota-plug', room: 'kitchen', name: 'Fridge plug', load: 'fridge' },
  { kind: 'air-monitor', room: 'kitchen', name: 'Kitchen air' },
  { kind: 'leak-sensor', room: 'kitchen', name: 'kitchen_leak' },
  { kind: 'shelly-plug', room: 'living-room', name: 'Television', load: 'television' },
  { kind: 'plant-pot', room: 'living-room', name: 'Plant pot' },
  { kind: 'homie-thermostat', room: 'dining-room', name: 'Dining thermostat' },
  { kind: 'tasmota-plug', room: 'office', name: 'Desk', load: 'desk' },
  { kind: 'air-monitor', room: 'office', name: 'Office air' },
  { kind: 'air-monitor', room: 'bedroom', name: 'Bedroom air' },
  { kind: 'homie-thermostat', room: 'nursery', name: 'Nursery thermostat' },
  { kind: 'tasmota-plug', room: 'utility-room', name: 'Washing machine', load: 'washing-machine' },
  { kind: 'leak-sensor', room: 'utility-room', name: 'utility_leak' },
  { kind: 'shelly-relay', room: 'cellar', name: 'Circulation pump', load: 'pump' },
  { kind: 'heat-pump', room: 'cellar', name: 'Heat pump' },
  { kind: 'leak-sensor', room: 'cellar', name: 'cellar_leak' },
  { kind: 'weather-station', room: 'garden', name: 'Weather station' },
  { kind: 'plant-pot', room: 'garden', name: 'Tomatoes' },
]

const WITH_RADIATOR = ['living-room', 'office', 'bedroom', 'guest-bedroom', 'bathroom']
const WITH_WINDOW_CONTACT = ['living-room', 'bedroom', 'nursery', 'bathroom']
const WITH_MOTION = ['hall', 'living-room', 'kitchen', 'office', 'utility-room', 'garage']
const WITH_LAMP = ['hall', 'living-room', 'dining-room', 'kitchen', 'office', 'bedroom', 'nursery']

export function largeHome(random: Random, startMs: number): Device[] {
  const indoors = Object.keys(ROOMS).filter(room => room !== 'garden')
  const devices = [
    ...SINGLE,
    ...each(indoors, 'climate-sensor', 'climate'),
    ...each(WITH_RADIATOR, 'radiator', 'radiator'),
    ...each(WITH_WINDOW_CONTACT, 'window-contact', 'window'),
    ...each(WITH_MOTION, 'motion-sensor', 'motion'),
    ...each(WITH_LAMP, 'lamp', 'lamp'),
  ]
  return furnish(ROOMS, devices, random, startMs)
}

function each(rooms: readonly string[], kind: Furnishing['kind'], suffix: string): Furnishing[] {
  return rooms.map(room => ({ kind, room, name: slug(`${titled(room)} ${suffix}`) }))
}
