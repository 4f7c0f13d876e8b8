/** Last wills and births: is the device there? */

import type { JsonObject } from './json.ts'
import type { Payload } from './payload.ts'

const HERE = new Set([
  'online',
  'connected',
  'alive',
  'available',
  'ready',
  'up',
  'true',
  '1',
  'on',
  'running',
  'awake',
  'yes',
])
const AWAY = new Set(
  'offline|disconnected|connection lost|lost|dead|unavailable|down|false|0|off|stopped|failed|asleep|no|died'.split(
    '|',
  ),
)

/** Topics that by their last level say nothing else. */
export const AVAILABILITY_LEVELS = new Set([
  'lwt',
  'availability',
  'available',
  'online',
  'connected',
  'alive',
  'will',
  'connection',
  'avty',
  'avail',
  'lastwill',
])

/** Undefined when the text is about something else. */
export function availabilityOf(text: string): boolean | undefined {
  if (text.length > 16) return undefined
  const word = text.toLowerCase()
  return HERE.has(word) || (AWAY.has(word) ? false : undefined)
}

/** What a `status` topic says when it speaks of availability, and not of a state of another kind. */
export function onlineOf(text: string): boolean | undefined {
  const word = text.length <= 7 ? text.toLowerCase() : ''
  return word === 'online' ? true : word === 'offline' ? false : undefined
}

/** Of a payload: `online`, or `{"state":"online"}`. */
export function availabilityIn(payload: Payload): boolean | undefined {
  const json = payload.json()
  if (json === undefined) return availabilityOf(payload.text() ?? '')
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return undefined
  const state = firstOf(json, [
    'state',
    'status',
    'online',
    'available',
    'availability',
    'value',
    'connected',
  ])
  return state === undefined ? undefined : availabilityOf(String(state))
}

function firstOf(object: JsonObject, keys: readonly string[]): string | number | boolean | undefined {
  for (const key of keys) {
    const value = object[key]
    if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number') return value
  }
  return undefined
}
