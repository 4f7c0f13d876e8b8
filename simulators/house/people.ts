/** Who lives here: each person is somewhere, stays for a while, and goes on to where people go at that hour. */

import type { Random } from '../random.ts'
import { hourOf } from './weather.ts'

export const AWAY = 'away'

interface Person {
  readonly random: Random
  room: string
  untilMs: number
}

export class People {
  readonly #persons: Person[]
  readonly #rooms: readonly string[]
  readonly #lastMoveMs = new Map<string, number>()
  #lastDoorMs = -Infinity

  constructor(rooms: readonly string[], count: number, random: Random) {
    this.#rooms = rooms
    this.#persons = Array.from({ length: count }, (_, i) => ({
      random: random.fork(`person ${i}`),
      room: '',
      untilMs: 0,
    }))
  }

  advance(nowMs: number): void {
    for (const person of this.#persons) {
      if (nowMs >= person.untilMs) this.#move(person, nowMs)
      const isAsleep = person.room.includes('bedroom') && isNight(nowMs)
      // People at rest move now and then; a motion sensor sees that.
      if (person.random.chance(isAsleep ? 0.002 : 0.08)) this.#lastMoveMs.set(person.room, nowMs)
    }
  }

  count(room: string): number {
    return this.#persons.reduce((sum, person) => sum + (person.room === room ? 1 : 0), 0)
  }

  movedWithin(room: string, nowMs: number, withinMs: number): boolean {
    return nowMs - (this.#lastMoveMs.get(room) ?? -Infinity) < withinMs
  }

  /** The front door stands open for some seconds when somebody comes or goes. */
  isDoorOpen(nowMs: number): boolean {
    return nowMs - this.#lastDoorMs < 9000
  }

  #move(person: Person, nowMs: number): void {
    const before = person.room
    const weights: Record<string, number> = { [AWAY]: awayWeight(nowMs) }
    for (const room of this.#rooms) weights[room] = weight(room, nowMs)
    person.room = person.random.weighted(weights)
    const staysLong = person.room === AWAY || (person.room.includes('bedroom') && isNight(nowMs))
    const minutes = staysLong ? person.random.between(30, 180) : 1 + person.random.next() ** 2 * 40
    person.untilMs = nowMs + minutes * 60_000
    this.#lastMoveMs.set(person.room, nowMs)
    if (before !== '' && before !== person.room && (before === AWAY || person.room === AWAY)) {
      this.#lastDoorMs = nowMs
      this.#lastMoveMs.set('hall', nowMs)
    }
  }
}

export function isNight(nowMs: number): boolean {
  const hour = hourOf(nowMs)
  return hour < 6.3 || hour >= 22.8
}

function awayWeight(nowMs: number): number {
  const hour = hourOf(nowMs)
  return hour >= 8 && hour < 17 ? 4 : isNight(nowMs) ? 0.05 : 1
}

function weight(room: string, nowMs: number): number {
  const hour = hourOf(nowMs)
  const isMealtime = (hour >= 6.3 && hour < 9) || (hour >= 11.5 && hour < 13.5) || (hour >= 17 && hour < 20)
  if (room.includes('bedroom') || room.includes('nursery')) return isNight(nowMs) ? 20 : 0.6
  if (room.includes('kitchen')) return isMealtime ? 6 : 1.5
  if (room.includes('living')) return hour >= 17 && !isNight(nowMs) ? 7 : 2
  if (room.includes('office')) return hour >= 8 && hour < 17 ? 5 : 0.5
  if (room.includes('bath')) return isNight(nowMs) ? 0.8 : 1.2
  if (room === 'garden') return hour >= 10 && hour < 19 ? 0.5 : 0
  return 0.3
}
