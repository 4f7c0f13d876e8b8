/** What a message would become, for people: the answer of `POST /api/explain` and of `trestle explain`. */

import type { Decoded, Reading, Value } from '../telemetry/reading.ts'
import type { Decodable, Decoder } from './decoder.ts'

/** One field of a reading. */
export interface ExplainedReading {
  readonly device: string
  readonly measurement: string
  readonly tags: Reading['tags']
  readonly field: string
  /** Integers beyond 2^53 as a text of digits. */
  readonly value: number | boolean | string
  readonly unit?: string
  /** RFC 3339; null where the arrival time would be used. */
  readonly time: string | null
}

export type Explained =
  | { readonly readings: readonly ExplainedReading[]; readonly by: string; readonly partlyRejected?: string }
  | { readonly ignored: true; readonly reason: string; readonly by: string }
  | { readonly rejected: true; readonly reason: string; readonly by: string }

export function explain(decoder: Decoder, message: Decodable, nowUs: number): Explained {
  return explainDecoded(decoder.decode(message, nowUs))
}

function explainDecoded(decoded: Decoded): Explained {
  const { by } = decoded
  if (decoded.kind === 'ignored') return { ignored: true, reason: decoded.reason, by }
  if (decoded.kind === 'rejected') return { rejected: true, reason: decoded.reason, by }
  const readings = decoded.readings.flatMap(explainReading)
  return decoded.rejected === undefined
    ? { readings, by }
    : { readings, by, partlyRejected: decoded.rejected }
}

function explainReading({ device, measurement, tags, fields, timeUs }: Reading): ExplainedReading[] {
  const time = timeUs === null ? null : rfc3339(timeUs)
  return fields.map(({ name, value, unit }) => {
    const row = { device, measurement, tags, field: name, value: jsonValue(value) }
    return unit === undefined ? { ...row, time } : { ...row, unit, time }
  })
}

function jsonValue(value: Value): number | boolean | string {
  return typeof value === 'bigint' ? String(value) : value
}

/** With microseconds, as far as there are any. */
function rfc3339(timeUs: number): string {
  const ms = Math.floor(timeUs / 1000)
  const us = timeUs - ms * 1000
  const iso = new Date(ms).toISOString()
  return us === 0 ? iso : `${iso.slice(0, -1)}${String(us).padStart(3, '0')}Z`
}
