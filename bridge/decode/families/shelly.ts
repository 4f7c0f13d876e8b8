/**
 * Shelly. Gen1: `shellies/<id>/relay/0/power` with plain values. Gen2 and later: `<prefix>/status/switch:0` with
 * the component's object, and JSON-RPC frames on `<prefix>/events/rpc`, of which only notifications and answers
 * are readings. https://shelly-api-docs.shelly.cloud/
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
import { documentResult } from '../results.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'

export const shelly: Family = {
  name: 'shelly',
  topics: [
    ['{device...}/events/rpc', ({ device }) => ({ device: bare(device!), read: readFrame })],
    ['{client...}/rpc', ({ client }) => ({ device: client!, isShared: true, read: readFrame })],
    ['{device...}/status/{component}', ({ device, component }) => status(device!, component!)],
    ['shellies/announce', () => ({ read: readAnnounce })],
    ['shellies/{device...}/announce', () => ({ read: readAnnounce })],
    ['shellies/command', ignore('command')],
    ['shellies/{device...}/settings', ignore('metadata')],
    ['shellies/{device...}/online', ({ device }) => ({ device: device!, isAvailability: true })],
    ['shellies/{device...}/info', ({ device }) => ({ device: device!, field: 'info', isObjectBare: true })],
    ['shellies/{path...}', ({ path }) => gen1(path!)],
  ],
}

const bare = (prefix: string) => (prefix.startsWith('shellies/') ? prefix.slice(9) : prefix)

/** `switch:0`, or one of those that a device has once. */
const COMPONENT = /^[a-z0-9_]+:\d+$/
const SINGLE = new Set([
  'sys',
  'wifi',
  'cloud',
  'ble',
  'mqtt',
  'ws',
  'eth',
  'modbus',
  'bthome',
  'knx',
  'matter',
  'ota',
  'plugs_ui',
])

function status(device: string, component: string): Claim | undefined {
  if (COMPONENT.test(component)) return { device: bare(device), field: component }
  return SINGLE.has(component) && /shelly/i.test(device)
    ? { device: bare(device), field: component }
    : undefined
}

/** Where a Gen1 device's own name ends, which may hold a slash. */
const PARTS = new Set(
  'relay emeter roller light color white input input_event longpush sensor temperature temperature_f temperature_status overtemperature voltage energy power ext_temperature ext_temperatures ext_temperatures_f ext_humidity ext_humidities ext_switch adc thermostat inputs motion overpower loaderror'.split(
    ' ',
  ),
)

function gen1(path: string): Claim {
  const levels = path.split('/')
  const found = levels.findIndex((level, i) => i > 0 && PARTS.has(level))
  const cut = found === -1 ? Math.max(1, levels.length - 1) : found
  const device = levels.slice(0, cut).join('/')
  return cut === levels.length ? { device } : { device, field: levels.slice(cut).join('.') }
}

function readFrame(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const frame = payload.json()
  if (!isObject(frame)) return undefined
  const source = textOf(frame.src)
  // Answers come on the topic of whoever asked.
  const device = plan.object.isShared && source !== undefined ? uniqueName(source) : plan.object.device
  const own = { ...plan.object, device, prefix: '', isShared: false }
  const subjects = { object: own, scalar: own }
  const method = textOf(frame.method)
  if (method === 'NotifyStatus' || method === 'NotifyFullStatus') {
    return documentResult(frame.params ?? null, subjects, context)
  }
  if (method === 'NotifyEvent') return documentResult(eventFields(frame.params), subjects, context)
  if (method !== undefined) return ignored('request')
  if (isObject(frame.result)) return documentResult(frame.result, subjects, context)
  return frame.error === undefined ? undefined : ignored('error answer')
}

/** `{"events":[{"component":"input:0","event":"single_push"}]}` is about `input:0`. */
function eventFields(params: Json | undefined): Json {
  const { events, ts } = objectOf(params)
  const byComponent = listOf(events).flatMap(event => {
    const { component, ...rest } = objectOf(event)
    return [{ [textOf(component) ?? 'event']: rest }]
  })
  return byComponent.map(fields => (ts === undefined ? fields : { ts, ...fields }))
}

function readAnnounce(payload: Payload, plan: Plan, context: Context): Result {
  const { id, model, mac } = objectOf(payload.json())
  const device = textOf(id)
  if (device === undefined) return METADATA
  const topic = `shellies/${device}`
  // On a topic of its own a device could say anybody's address.
  const address = plan.topic === 'shellies/announce' ? textOf(mac) : undefined
  context.tell({
    device: uniqueName(device),
    topic,
    family: 'shelly',
    identity: address === undefined ? undefined : `shellies/${address}`,
    model: textOf(model),
  })
  return METADATA
}
