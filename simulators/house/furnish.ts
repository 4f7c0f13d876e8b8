import type { Device } from '../device.ts'
import { KINDS, type Kind } from '../devices/kinds.ts'
import type { Random } from '../random.ts'
import { House, type HouseOptions } from './house.ts'
import type { RoomOptions } from './room.ts'

/** A ready-made device in a room. */
export interface Furnishing {
  readonly kind: Kind
  readonly room: string
  readonly name: string
  readonly everyS?: number
  readonly load?: string
}

export function furnish(
  rooms: Readonly<Record<string, RoomOptions>>,
  furnishings: readonly Furnishing[],
  random: Random,
  startMs: number,
  options: HouseOptions = {},
): Device[] {
  const house = new House(rooms, random.fork('house'), startMs, options)
  return furnishings.map(({ kind, room, name, everyS, load }) => {
    return KINDS[kind]({ house, room: house.room(room), name, random: random.fork(name), everyS, load })
  })
}
