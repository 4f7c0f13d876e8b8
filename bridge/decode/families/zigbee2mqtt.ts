/**
 * Zigbee2MQTT: `zigbee2mqtt/<friendly name>` with one flat object; the name may hold slashes and blanks. With
 * `output: attribute` every key is a topic of its own. `bridge/devices` lists names, models and units.
 * https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
 */

import { type Claim, type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import type { Json } from '../json.ts'
import type { Payload } from '../payload.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'

export const zigbee2mqtt: Family = {
  name: 'zigbee2mqtt',
  topics: [
    ['{base}/bridge/devices', () => ({ read: readDeviceList })],
    ['{base}/bridge/state', ({ base }) => ({ device: base!, read: readBridgeState })],
    [
      '+/bridge/info|groups|logging|log|event|extensions|converters|definitions|health|config|networkmap|definition',
      ignore('metadata'),
    ],
    ['{base}/{path...}', ({ base, path }) => (isBase(base!) ? about(path!.split('/')) : undefined)],
  ],
}

/** Several gateways have several bases, by habit `zigbee2mqtt-attic` and the like. */
export function isBase(base: string): boolean {
  return base.startsWith('zigbee2mqtt') || base === 'z2m'
}

function about(levels: readonly string[]): Claim {
  const [last = '', before = ''] = levels.toReversed()
  if (levels[0] === 'bridge') return { ignore: 'metadata' }
  if (last === 'get' || before === 'get') return { ignore: 'request' }
  if (last === 'availability') return { device: levels.slice(0, -1).join('/'), isAvailability: true }
  const device = levels.join('/')
  if (levels.length === 1) return { device }
  return { device, plain: { device: levels.slice(0, -1).join('/'), field: last } }
}

function readBridgeState(payload: Payload, plan: Plan, context: Context): Result {
  const text = textOf(objectOf(payload.json()).state) ?? payload.text()
  context.tell({ device: plan.object.device, family: 'zigbee2mqtt', available: text === 'online' })
  return METADATA
}

function readDeviceList(payload: Payload, plan: Plan, context: Context): Result {
  const base = plan.levels[0]!
  for (const entry of listOf(payload.json())) {
    const device = isObject(entry) ? textOf(entry.friendly_name) : undefined
    if (!isObject(entry) || device === undefined || entry.type === 'Coordinator') continue
    const definition = objectOf(entry.definition)
    const about = { device, family: 'zigbee2mqtt', name: device }
    context.tell({ ...about, model: textOf(definition.model), manufacturer: textOf(definition.vendor) })
    tellExposes(definition.exposes, '', { device, topic: `${base}/${device}` }, context)
  }
  return METADATA
}

/** `exposes` is a tree: lights and thermostats keep theirs in `features`. */
function tellExposes(
  exposes: Json | undefined,
  path: string,
  about: { device: string; topic: string },
  context: Context,
): void {
  if (path.length > 200) return
  for (const expose of listOf(exposes)) {
    if (!isObject(expose)) continue
    const property = textOf(expose.property)
    const field = property === undefined ? path : path === '' ? property : `${path}.${property}`
    const unit = textOf(expose.unit)
    if (unit !== undefined && field !== '') context.tell({ ...about, field, unit, family: 'zigbee2mqtt' })
    if (expose.features !== undefined) tellExposes(expose.features, field, about, context)
  }
}
