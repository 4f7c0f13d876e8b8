import { type Device, titled } from '../device.ts'
import type { House } from '../house/house.ts'
import type { Room } from '../house/room.ts'
import type { Random } from '../random.ts'
import type { Signal, Value } from '../signal.ts'

/** Where a device stands, and the randomness that is its own. */
export interface Place {
  readonly house: House
  readonly room: Room
  /** As its owner calls it; ids and topics are made of it. */
  readonly name: string
  readonly random: Random
  /** Seconds between reports, instead of what the kind has. */
  readonly everyS?: number | undefined
  /** What is plugged in, for those that measure power: `fridge`, `washing-machine`, `television`, `desk`, `pump`. */
  readonly load?: string | undefined
}

export type MakeDevice = (place: Place) => Device

/** The parts of a device that do not depend on its kind. */
export function placed({ name, room, everyS }: Place, everyMs: number, watch?: readonly string[]) {
  const schedule = { everyMs: everyS === undefined ? everyMs : everyS * 1000 }
  return { name, room: titled(room.name), schedule: watch === undefined ? schedule : { ...schedule, watch } }
}

/** Reads a signal of the room after the house has come to that time. */
export function here<T extends Value>({ house }: Place, signal: Signal<T>): Signal<T> {
  return house.signal(signal)
}
