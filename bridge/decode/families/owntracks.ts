/**
 * OwnTracks: `owntracks/<user>/<device>[/<event>]`; `_type` says what a message is.
 * https://owntracks.org/booklet/tech/json/
 */

import { type Context, type Family, ignored, type Plan, type Result } from '../family.ts'
import type { Json } from '../json.ts'
import { documentResult } from '../results.ts'
import { isObject } from '../shape.ts'

export const owntracks: Family = {
  name: 'owntracks',
  topics: [
    ['owntracks/{user}/{device}', ({ user, device }) => ({ device: `${user}/${device}` })],
    ['owntracks/{user}/{device}/#', ({ user, device }) => ({ device: `${user}/${device}` })],
  ],
  marks: ['_type'],
  recognise,
}

/** What the phone measured or noticed; anything else is settings, commands or secrets. */
const READINGS = new Set(['location', 'transition', 'beacon', 'steps'])

function recognise(json: Json, plan: Plan, context: Context): Result | undefined {
  if (!isObject(json) || typeof json._type !== 'string') return undefined
  const { _type: type, ...fields } = json
  if (type === 'lwt') {
    const { device, tags } = plan.object
    context.tell({ device, family: 'owntracks', available: false })
    const gone = [{ name: 'available', value: false }]
    return {
      kind: 'readings',
      readings: [{ device, measurement: 'reading', tags, fields: gone, timeUs: null }],
    }
  }
  if (READINGS.has(type)) return documentResult(fields, plan, context)
  return plan.by === 'owntracks' ? ignored(type === 'encrypted' ? 'encrypted' : 'metadata') : undefined
}
