/**
 * Zigbee2MQTT: `zigbee2mqtt/<friendly name>` with one flat object; the name may hold slashes and blanks. With
 * `output: attribute` every key is a topic of its own. `bridge/devices` lists addresses, names, models and units: the
 * address is who a device is, the name may change.
 * https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
 */

import {
  type Claim,
  type Context,
  type Family,
  ignore,
  ignored,
  METADATA,
  type Plan,
  type Result,
} from '../family.ts'
import type { Json } from '../json.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'

export const zigbee2mqtt: Family = {
  name: 'zigbee2mqtt',
  topics: [
    ['{base}/bridge/devices', () => ({ read: readDeviceList })],
    ['{base}/bridge/response/device/rename', () => ({ read: readRename })],
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
    const name = isObject(entry) ? textOf(entry.friendly_name) : undefined
    if (!isObject(entry) || name === undefined || entry.type === 'Coordinator') continue
    const definition = objectOf(entry.definition)
    const address = textOf(entry.ieee_address)
    const about = { device: uniqueName(name), topic: `${base}/${name}` }
    context.tell({
      ...about,
      family: 'zigbee2mqtt',
      identity: address === undefined ? undefined : `${base}/${address}`,
      name,
      model: textOf(definition.model),
      manufacturer: textOf(definition.vendor),
    })
    tellExposes(definition.exposes, '', about, context)
  }
  return METADATA
}

/** `{"data":{"from":"0x00158d","to":"hall"},"status":"ok"}` */
function readRename(payload: Payload, plan: Plan, context: Context): Result {
  const { data, status } = objectOf(payload.json())
  const [from, to] = [textOf(objectOf(data).from), textOf(objectOf(data).to)]
  if (status !== 'ok' || from === undefined || to === undefined) return ignored('response')
  const base = plan.levels[0]!
  context.tell({
    device: uniqueName(to),
    topic: `${base}/${to}`,
    family: 'zigbee2mqtt',
    name: to,
    formerly: { name: uniqueName(from), topic: `${base}/${from}` },
  })
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
