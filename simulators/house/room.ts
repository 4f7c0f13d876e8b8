/**
 * The air of a room, second by second: walls, sun, heating, people and an open window, so that what its sensors
 * say belongs together. Heat flows are written as time constants and kelvins a second; good to a few percent of
 * what real rooms do, which is all that a dashboard can tell.
 */

import type { Random } from '../random.ts'
import type { Signal } from '../signal.ts'
import { isNight, type People } from './people.ts'
import type { Weather } from './weather.ts'

/** What a well-built house loses through its walls. */
const WALL_S = 40 * 3600
/** Air takes on the warmth of walls and furniture, which hold so many times what it holds. */
const AIR_S = 15 * 60
const WALL_TO_AIR = 8
/** An open window: heat goes slower than the air itself, as walls and furniture give some back. */
const WINDOW_HEAT_S = 60 * 60
const WINDOW_AIR_S = 9 * 60
/** A radiator warms up and cools down slowly. */
const RADIATOR_S = 8 * 60
/** Of the air alone. */
const HEATING_K_PER_S = 27 / 3600
const PERSON_K_PER_S = 1 / 3600
const SUN_K_PER_LUX_S = 27 / 3600 / 100_000
const CO2_PERSON_PPM_PER_S = 700 / 3600
const CO2_OUTSIDE_PPM = 425
const LEAK_S = 3 * 3600

export interface RoomOptions {
  readonly setpoint?: number
  /** How much of the daylight comes in. */
  readonly glazing?: number
  readonly isOutside?: boolean
  /** Steam from showers and pans. */
  readonly isWet?: boolean
}

export class Room {
  readonly name: string
  readonly setpoint: { value: number }
  readonly lamp = { on: false }
  readonly brightness = { value: 200 }
  isWindowOpen = false

  readonly #options: RoomOptions
  readonly #weather: Weather
  readonly #people: People
  readonly #random: Random
  #temperature = 0
  #walls = 0
  #waterG = 0
  #co2 = 0
  #radiator = 0
  #valve = 0
  #lampFollows = true

  constructor(
    name: string,
    options: RoomOptions,
    weather: Weather,
    people: People,
    random: Random,
    startMs: number,
  ) {
    this.name = name
    this.#options = options
    this.#weather = weather
    this.#people = people
    this.#random = random
    this.setpoint = { value: options.setpoint ?? 20.5 }
    const outside = weather.temperature(startMs)
    this.#temperature = this.setpoint.value + random.between(-0.6, 0.4)
    this.#walls = this.#temperature - 0.5
    this.#waterG = Math.min(
      saturationG(this.#temperature) * random.between(0.42, 0.52),
      saturationG(outside) + 4,
    )
    this.#co2 = random.between(480, 700)
    this.#valve = this.#radiator = Math.min(1, Math.max(0, (this.setpoint.value - outside) / 60))
  }

  /** One second further. */
  step(nowMs: number): void {
    const people = this.#people.count(this.name)
    const outside = this.#weather.temperature(nowMs)
    this.#decideWindow(people)
    this.#decideLamp(people, nowMs)
    const exchange = 1 / LEAK_S + (this.isWindowOpen ? 1 / WINDOW_AIR_S : 0)

    this.#valve = this.isWindowOpen ? 0 : clamp01((this.setpoint.value + 0.25 - this.#temperature) / 1.2)
    this.#radiator += (this.#valve - this.#radiator) / RADIATOR_S
    const fromWalls = (this.#walls - this.#temperature) / AIR_S
    this.#walls += (outside - this.#walls) / WALL_S - fromWalls / WALL_TO_AIR
    this.#temperature +=
      fromWalls +
      (this.isWindowOpen ? (outside - this.#temperature) / WINDOW_HEAT_S : 0) +
      this.#radiator * HEATING_K_PER_S +
      people * PERSON_K_PER_S +
      this.#weather.daylight(nowMs) * (this.#options.glazing ?? 0.02) * SUN_K_PER_LUX_S

    const outsideG = saturationG(outside) * (this.#weather.humidity(nowMs) / 100)
    const steamG = people * (this.#options.isWet ? 0.004 : 0.0006)
    this.#waterG = Math.min(
      saturationG(this.#temperature),
      this.#waterG + (outsideG - this.#waterG) * exchange + steamG,
    )
    this.#co2 += people * CO2_PERSON_PPM_PER_S + (CO2_OUTSIDE_PPM - this.#co2) * exchange
  }

  readonly temperature: Signal = nowMs =>
    this.#options.isOutside ? this.#weather.temperature(nowMs) : this.#temperature
  readonly humidity: Signal = nowMs =>
    this.#options.isOutside
      ? this.#weather.humidity(nowMs)
      : (100 * this.#waterG) / saturationG(this.#temperature)
  readonly co2: Signal = () => this.#co2
  /** Percent. */
  readonly valve: Signal = () => Math.round(this.#valve * 100)
  readonly light: Signal = nowMs =>
    this.#weather.daylight(nowMs) * (this.#options.isOutside ? 1 : (this.#options.glazing ?? 0.02)) +
    (this.lamp.on ? (this.brightness.value / 254) * 180 : 0)
  readonly motion: Signal<boolean> = nowMs => this.#people.movedWithin(this.name, nowMs, 60_000)
  readonly window: Signal<boolean> = () => this.isWindowOpen

  #decideWindow(people: number): void {
    if (this.#options.isOutside) return
    if (this.isWindowOpen) {
      if (this.#random.chance(1 / 420)) this.isWindowOpen = false
    } else if (people > 0 && this.#random.chance(this.#co2 > 1100 ? 1 / 300 : 1 / 7200)) {
      this.isWindowOpen = true
    }
  }

  /** Somebody switches the lamp on in the dark, and off on leaving; what a command did stays until then. */
  #decideLamp(people: number, nowMs: number): void {
    const isDark = this.#weather.daylight(nowMs) * (this.#options.glazing ?? 0.02) < 60
    const wants = people > 0 && isDark && !(this.name.includes('bedroom') && isNight(nowMs))
    if (wants === this.#lampFollows) return
    if (!this.#random.chance(1 / 20)) return
    this.#lampFollows = wants
    this.lamp.on = wants
  }
}

/** Grams of water that a cubic metre of air holds at most (Magnus). */
function saturationG(celsius: number): number {
  return (1323.5 * Math.exp((17.27 * celsius) / (celsius + 237.3))) / (celsius + 273.15)
}

function clamp01(value: number): number {
  return Math.min(1, Math.max(0, value))
}
