/**
 * ESPHome: `<prefix>/<component>/<object id>/state`, where the prefix may hold slashes; climates and fans have a
 * level more. https://esphome.io/components/mqtt.html
 */

import { type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { objectOf, textOf } from '../shape.ts'

const COMPONENTS =
  'sensor|binary_sensor|text_sensor|switch|fan|cover|climate|number|select|text|lock|button|valve|event|update|datetime|date|time|alarm_control_panel|media_player|water_heater|humidifier|siren'

export const esphome: Family = {
  name: 'esphome',
  topics: [
    ['esphome/discover/#', () => ({ read: readDiscover })],
    ['esphome/ping/#', ignore('request')],
    // Of these only lights publish objects; others that look alike are left to the general rules.
    ['{device...}/light/{object}/state', ({ device, object }) => ({ device: device!, field: object! })],
    [
      `{device...}/${COMPONENTS}/{object}/state`,
      ({ device, object }) => ({ plain: { device: device!, field: object! } }),
    ],
    [
      `{device...}/${COMPONENTS}/{object}/{part}/state`,
      ({ device, object, part }) => ({ plain: { device: device!, field: `${object}.${part}` } }),
    ],
  ],
}

function readDiscover(payload: Payload, _plan: Plan, context: Context): Result {
  const { name, friendly_name: friendlyName, board } = objectOf(payload.json())
  const device = textOf(name)
  if (device === undefined) return METADATA
  context.tell({
    device: uniqueName(device),
    topic: device,
    family: 'esphome',
    name: textOf(friendlyName),
    model: textOf(board),
  })
  return METADATA
}
