/** A house: weather, people and rooms that move on together, in steps of one second of simulated time. */

import type { Random } from '../random.ts'
import type { Signal, Value } from '../signal.ts'
import { People } from './people.ts'
import { Room, type RoomOptions } from './room.ts'
import { type Weather, weather } from './weather.ts'

const STEP_MS = 1000
/** After a longer sleep of the machine the house goes on from where it was: nobody waits for a year of seconds. */
const MAX_CATCH_UP_MS = 6 * 3_600_000

export interface HouseOptions {
  readonly people?: number
  /** Of the clock by which people live; a seed alone gives the same house in every time zone. */
  readonly utcOffsetMs?: number
}

export class House {
  readonly weather: Weather
  readonly people: People
  readonly random: Random
  readonly #rooms = new Map<string, Room>()
  readonly #utcOffsetMs: number
  /** By the clock of the house. */
  #nowMs: number

  constructor(
    rooms: Readonly<Record<string, RoomOptions>>,
    random: Random,
    startMs: number,
    { people = 2, utcOffsetMs = 0 }: HouseOptions = {},
  ) {
    this.random = random
    this.weather = weather(random.fork('weather'))
    this.people = new People(Object.keys(rooms), people, random.fork('people'))
    this.#utcOffsetMs = utcOffsetMs
    this.#nowMs = startMs + utcOffsetMs
    this.people.advance(this.#nowMs)
    for (const [name, options] of Object.entries(rooms)) {
      this.#rooms.set(
        name,
        new Room(name, options, this.weather, this.people, random.fork(`room ${name}`), this.#nowMs),
      )
    }
  }

  room(name: string): Room {
    const room = this.#rooms.get(name)
    if (room === undefined) throw new Error(`the house has no room "${name}"`)
    return room
  }

  /** A signal of this house: it is read after the house has come to that time. */
  signal<T extends Value>(read: Signal<T>): Signal<T> {
    return nowMs => {
      this.advance(nowMs)
      return read(nowMs + this.#utcOffsetMs)
    }
  }

  advance(utcMs: number): void {
    const toMs = utcMs + this.#utcOffsetMs
    if (toMs - this.#nowMs > MAX_CATCH_UP_MS) this.#nowMs = toMs - MAX_CATCH_UP_MS
    while (this.#nowMs + STEP_MS <= toMs) {
      this.#nowMs += STEP_MS
      this.people.advance(this.#nowMs)
      for (const room of this.#rooms.values()) room.step(this.#nowMs)
    }
  }

  /** The front door. */
  readonly door: Signal<boolean> = nowMs => this.people.isDoorOpen(nowMs)
}
