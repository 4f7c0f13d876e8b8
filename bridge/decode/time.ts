/**
 * When a device says that it measured.
 *
 * The unit of a number follows from its size: below 1e11 seconds, below 1e14 milliseconds, below 1e17
 * microseconds, else nanoseconds. A time counts when it is plausible: from 2001 (clocks that were never set say
 * 1970 or 2000-01-01) to ten minutes from now (a clock that runs ahead would stay "latest" for ever). While our own
 * clock is one that was never set, a device's is the better one, whatever it says within reason. A text
 * without a zone is no instant, and the arrival time is better than a guess.
 */

const EARLIEST_US = Date.UTC(2001, 0, 1) * 1000
const AHEAD_US = 10 * 60 * 1e6
const LATEST_US = Date.UTC(2100, 0, 1) * 1000

/** Names of times, small and without separators, best first: what was measured before what was received. */
const TIME_NAMES = [
  'timestamp',
  'ts',
  'timestampms',
  'timestampus',
  'timestampns',
  'tsms',
  'timems',
  'time',
  'datetime',
  'tst',
  'measuredat',
  'measurementtime',
  'observedat',
  'sampletime',
  'sampledat',
  'eventtime',
  'eventtimestamp',
  'devicetimestamp',
  'sensortimestamp',
  'readingtime',
  'observationtime',
  'phenomenontime',
  'resulttime',
  'acquisitiontime',
  'capturedat',
  'collectedat',
  'isotime',
  'timeiso',
  'timestampiso',
  'datetimeutc',
  'devicetime',
  'utc',
  'utctime',
  'timeutc',
  'dateutc',
  'timestamputc',
  'localtimestamp',
  'unixtime',
  'unixtimestamp',
  'unix',
  'epoch',
  'epochms',
  'epochtime',
  'fixtime',
  'gpstime',
  'recordedat',
  'createdat',
  'publishedat',
  'sentat',
  'updatedat',
  'update',
  'lastupdate',
  'lastupdated',
  'lastseen',
  'lastseenepoch',
  'reportedat',
  'receivedat',
  'rxtime',
  'gwts',
  'sourcetimestamp',
  'servertimestamp',
  't',
  'date',
] as const

/** Also the names of durations, clocks and temperatures: a value that is no time stays a field. */
const AMBIGUOUS = new Set<string>(['time', 't', 'date', 'utc', 'epoch', 'unix', 'update'])

const RANKS = new Map<string, number>(TIME_NAMES.map((name, rank) => [name, rank]))

/** How good a source of time a key is, 0 the best; undefined when it names no time. */
export function timeRank(key: string): number | undefined {
  return key.length > 24 ? undefined : RANKS.get(key.replace(/[_\-\s.@]/g, '').toLowerCase())
}

/** Whether a value under this key, though no plausible time, is worth keeping as a field. */
export function isAmbiguousTime(key: string): boolean {
  return AMBIGUOUS.has(key.toLowerCase())
}

/** Microseconds since the epoch, or null when the value is no plausible time. */
export function timeOf(value: unknown, nowUs: number): number | null {
  if (typeof value === 'number') return timeOfNumber(value, nowUs)
  if (typeof value === 'string') return timeOfText(value, nowUs)
  if (typeof value === 'bigint') return timeOfInteger(value, nowUs)
  // MongoDB's extended JSON: `{"$date":"2023-11-14T22:13:20Z"}`.
  if (typeof value === 'object' && value !== null && '$date' in value) return timeOf(value.$date, nowUs)
  return null
}

function timeOfNumber(value: number, nowUs: number): number | null {
  if (!(value >= 9e8)) return null
  if (value < 1e11) return plausible(Math.round(value * 1e6), nowUs)
  if (value < 1e14) return plausible(Math.round(value * 1e3), nowUs)
  if (value < 1e17) return plausible(Math.floor(value), nowUs)
  return plausible(Math.floor(value / 1e3), nowUs)
}

function timeOfInteger(value: bigint, nowUs: number): number | null {
  if (value < 100_000_000_000_000_000n) return timeOfNumber(Number(value), nowUs)
  return plausible(Number(value / 1000n), nowUs)
}

/** The window, for times that are microseconds already. */
export function plausible(timeUs: number, nowUs: number): number | null {
  const latestUs = nowUs < EARLIEST_US ? LATEST_US : nowUs + AHEAD_US
  return timeUs >= EARLIEST_US && timeUs <= latestUs ? timeUs : null
}

const DIGITS = /^\d{9,20}(\.\d{1,12})?$/
const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,12}))?)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)$/i
/** `20231114T221320Z` */
const BASIC_ISO = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/
/** `Tue, 14 Nov 2023 22:13:20 GMT` [RFC 9110, 5.6.7] */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

function timeOfText(text: string, nowUs: number): number | null {
  if (text.length < 9 || text.length > 48) return null
  if (DIGITS.test(text)) return timeOfDigits(text, nowUs)
  const iso = ISO.exec(text) ?? BASIC_ISO.exec(text)
  if (iso !== null) return timeOfIso(iso, nowUs)
  return HTTP_DATE.test(text) ? plausible(Date.parse(text) * 1000, nowUs) : null
}

/** By text, so that the digits after the point are not lost to the double before it. */
function timeOfDigits(text: string, nowUs: number): number | null {
  const [whole = '', fraction = ''] = text.split('.')
  if (fraction === '' || whole.length > 11) return timeOfInteger(BigInt(whole), nowUs)
  return plausible(Number(whole) * 1e6 + Number(fraction.padEnd(6, '0').slice(0, 6)), nowUs)
}

function timeOfIso(iso: RegExpExecArray, nowUs: number): number | null {
  const [, year, month, day, hour, minute, second = '00', fraction = '', zone = 'Z'] = iso
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // The 30th of February would be the second of March.
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(day)) return null
  const us = ms * 1000 + Number(fraction.padEnd(6, '0').slice(0, 6))
  return plausible(us - offsetMinutes(zone) * 60e6, nowUs)
}

function offsetMinutes(zone: string): number {
  if (zone.length < 3 || zone.toUpperCase() === 'UTC') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  const digits = zone.slice(1).replace(':', '')
  return sign * (Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2) || 0))
}
