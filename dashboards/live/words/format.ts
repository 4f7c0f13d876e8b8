/**
 * How numbers, ages and times are written. Digits of a field are decided once from its unit and its
 * largest value, so that a row does not jump while it lives.
 */

const MINUS = '−'
const THIN_SPACE = '\u2009'

export const SECOND = 1000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

/** `4 s`, `12 min`, `3 h`, `2 d`. Never below one second: a value is never younger than its way here. */
export function formatAge(ms: number): string {
  if (ms < MINUTE) return `${Math.max(1, Math.floor(ms / SECOND))} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`
  return `${Math.floor(ms / DAY)} d`
}

const DECIMALS_BY_UNIT: Readonly<Record<string, number>> = {
  '°C': 1,
  '°F': 1,
  K: 1,
  '%': 0,
  hPa: 0,
  mbar: 0,
  ppm: 0,
  ppb: 0,
  lx: 0,
  dBm: 0,
  dB: 0,
  '°': 0,
  'µg/m³': 0,
  kWh: 2,
  A: 2,
  Hz: 1,
  bar: 1,
  s: 0,
  min: 0,
  'l/min': 1,
  'm/s': 1,
}

/** Decimals that a field is written with; `largest` and `digits` are what was seen of it so far. */
export function decimalsFor(unit: string | null, largest: number, digits: number): number {
  if (digits === 0) return unit === '°C' ? 1 : 0
  const byUnit = unit === null ? undefined : DECIMALS_BY_UNIT[unit]
  if (byUnit !== undefined && !(unit === 'kWh' && largest >= 1000)) return byUnit
  if (largest >= 100) return 0
  return Math.min(digits, largest >= 10 ? 1 : largest >= 0.1 ? 2 : 3)
}

/** Decimal digits that a number shows, at most three: 21.5 has one. */
export function digitsOf(value: number): number {
  for (let digits = 0; digits < 3; digits++) {
    const scaled = value * 10 ** digits
    if (Math.abs(scaled - Math.round(scaled)) < 1e-6) return digits
  }
  return 3
}

const numberFormats = new Map<number, Intl.NumberFormat>()

export function formatNumber(value: number, decimals: number): string {
  let format = numberFormats.get(decimals)
  if (!format) {
    format = new Intl.NumberFormat('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    numberFormats.set(decimals, format)
  }
  const text = format.format(Math.abs(value))
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text
}

export function withUnit(text: string, unit: string | null): string {
  return unit === null ? text : text + THIN_SPACE + unit
}

export function plural(count: number, noun: string): string {
  return `${formatNumber(count, 0)} ${noun}${count === 1 ? '' : 's'}`
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes}${THIN_SPACE}B`
  if (bytes < 1_000_000) return `${formatNumber(bytes / 1000, bytes < 10_000 ? 1 : 0)}${THIN_SPACE}kB`
  if (bytes < 1e9) return `${formatNumber(bytes / 1e6, bytes < 1e7 ? 1 : 0)}${THIN_SPACE}MB`
  return `${formatNumber(bytes / 1e9, 1)}${THIN_SPACE}GB`
}

const pad = (n: number, width = 2) => String(n).padStart(width, '0')

/** Local time of day; a chart that spans days asks for `clockMinutes` and dates of its own. */
export function clockSeconds(ms: number): string {
  const at = new Date(ms)
  return `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`
}

export const clockMillis = (ms: number) => `${clockSeconds(ms)}.${pad(Math.floor(ms % 1000), 3)}`

export const clockMinutes = (ms: number) => clockSeconds(ms).slice(0, 5)

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

export function dayMonth(ms: number): string {
  const at = new Date(ms)
  return `${at.getDate()} ${MONTHS[at.getMonth()]}`
}

/** The time of day, with the date in front when it is not today. */
export function whenOf(ms: number, nowMs: number): string {
  const sameDay = new Date(ms).toDateString() === new Date(nowMs).toDateString()
  return sameDay ? clockSeconds(ms) : `${dayMonth(ms)}, ${clockMinutes(ms)}`
}
