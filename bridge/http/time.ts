/** The last millisecond that nanoseconds in 64 bits can tell, in 2262. */
const MAX_MS = 9_223_372_036_854

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * Milliseconds since the epoch, microseconds as the fraction, from RFC 3339 or from milliseconds. Null when it is
 * neither, is no day of the calendar, or lies before 1970 or after 2262.
 */
export function parseTime(text: string): number | null {
  const timeMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) : parseRfc3339(text)
  return timeMs >= 0 && timeMs <= MAX_MS ? timeMs : null
}

function parseRfc3339(text: string): number {
  // In a query string a plus sign that was not encoded arrives as a space.
  const match = RFC_3339.exec(text.replace(/ (\d\d:\d\d)$/, '+$1'))
  if (!match) return Number.NaN
  const [, date, time, fraction = '.', zone] = match
  // JavaScript takes 30 February for 2 March.
  const midnight = new Date(`${date}T00:00:00Z`)
  if (Number.isNaN(midnight.getTime()) || midnight.toISOString().slice(0, 10) !== date) return Number.NaN
  const secondsMs = Date.parse(`${date}T${time}${zone?.toUpperCase()}`)
  const fractionUs = Number(fraction.slice(1, 7).padEnd(6, '0'))
  return (secondsMs * 1000 + fractionUs) / 1000
}
