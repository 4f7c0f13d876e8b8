/** Outside: seasons, the course of the day, clouds that come and go, and the mains that the town shares. */

import type { Random } from '../random.ts'
import { clamp, drift, type Signal } from '../signal.ts'

const DAY_MS = 86_400_000
const YEAR_MS = 365.2425 * DAY_MS
/** Central Europe: a degree of latitude more or less changes nothing that a dashboard shows. */
const LATITUDE = (50 * Math.PI) / 180

export interface Weather {
  readonly temperature: Signal
  readonly humidity: Signal
  readonly pressure: Signal
  /** Outdoor illuminance, lux. */
  readonly daylight: Signal
  readonly windSpeed: Signal
  /** Volts at the socket. */
  readonly mains: Signal
}

export function weather(random: Random): Weather {
  const spell = drift(random.fork('spell'), 2.5, 2 * DAY_MS)
  const breeze = drift(random.fork('breeze'), 0.25, 600_000)
  const clouds = drift(random.fork('clouds'), 1, 3 * 3_600_000)
  const front = drift(random.fork('front'), 9, 2 * DAY_MS)
  const wind = drift(random.fork('wind'), 1, 3_600_000)
  const gust = drift(random.fork('gust'), 0.5, 8000)
  const load = drift(random.fork('mains'), 1.2, 900_000)
  const flicker = drift(random.fork('flicker'), 0.25, 5000)

  const temperature: Signal = nowMs => {
    const season = 10 - 9.5 * Math.cos((2 * Math.PI * (nowMs - 20 * DAY_MS)) / YEAR_MS)
    // Coldest before sunrise, warmest in the middle of the afternoon.
    const day = 4 * Math.cos((2 * Math.PI * (hourOf(nowMs) - 15)) / 24)
    return season + day + spell(nowMs) + breeze(nowMs)
  }
  return {
    temperature,
    humidity: nowMs => clamp(92 - 2.6 * (temperature(nowMs) - 4) + 6 * clouds(nowMs), 25, 100),
    pressure: nowMs => 1014 + front(nowMs),
    daylight: nowMs => {
      const height = sunHeight(nowMs)
      const clear = height <= 0 ? Math.max(0, 3 * (1 + height * 8)) : 3 + 98_000 * height ** 1.2
      return clear * (0.25 + 0.75 / (1 + Math.exp(1.6 * clouds(nowMs))))
    },
    windSpeed: nowMs => Math.max(0, (2.2 + wind(nowMs)) * (1 + 0.5 * gust(nowMs))),
    mains: nowMs => 231 + load(nowMs) + flicker(nowMs),
  }
}

/** Sine of the sun's elevation; below 0 at night. */
function sunHeight(nowMs: number): number {
  const declination = -0.409 * Math.cos((2 * Math.PI * (nowMs + 10 * DAY_MS)) / YEAR_MS)
  const angle = ((hourOf(nowMs) - 12) / 12) * Math.PI
  return (
    Math.sin(LATITUDE) * Math.sin(declination) + Math.cos(LATITUDE) * Math.cos(declination) * Math.cos(angle)
  )
}

/** Hour of the day as a fraction, UTC: a seed gives the same house in every time zone. */
export function hourOf(nowMs: number): number {
  return (nowMs % DAY_MS) / 3_600_000
}
