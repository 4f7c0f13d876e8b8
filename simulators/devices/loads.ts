import { fridge, washingMachine, whileUsed } from '../house/appliances.ts'
import { hourOf } from '../house/weather.ts'
import type { Signal } from '../signal.ts'
import type { Place } from './place.ts'

export const LOADS = ['fridge', 'washing-machine', 'television', 'desk', 'pump'] as const

/** What is plugged in, in watts. */
export function loadOf(place: Place): Signal {
  const { house, room, random, load = 'television' } = place
  const own = random.fork('load')
  switch (load) {
    case 'fridge':
      return fridge(own)
    case 'washing-machine':
      return house.signal(washingMachine(own, nowMs => hourOf(nowMs) > 7 && hourOf(nowMs) < 20))
    case 'desk':
      return whileUsed(house.signal(room.motion), 2.1, 64, own)
    case 'pump':
      return whileUsed(nowMs => Math.floor(nowMs / 600_000) % 3 === 0, 0.4, 42, own)
    default:
      return whileUsed(house.signal(room.motion), 0.6, 96, own)
  }
}
