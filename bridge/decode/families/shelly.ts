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
import { usualUnits } from '../usual-units.ts'

/** Gen1 counts the energy of a relay in watt-minutes, and what an energy meter sums up in watt-hours. */
const usualUnit = usualUnits([
  ['W', 'power apower act_power a_act_power b_act_power c_act_power total_act_power'],
  ['VA', 'aprt_power a_aprt_power b_aprt_power c_aprt_power total_aprt_power'],
  ['var', 'reactive_power'],
  ['V', 'voltage a_voltage b_voltage c_voltage battery.v'],
  ['A', 'current a_current b_current c_current n_current total_current'],
  ['Hz', 'freq a_freq b_freq c_freq'],
  ['Wmin', 'relay.energy light.energy roller.energy emeter.energy emeter.returned_energy meters.total'],
  [
    'Wh',
    'emeter.total emeter.total_returned emeters.total emeters.total_returned aenergy.total ret_aenergy.total',
  ],
  [
    'Wh',
    'total_act total_act_ret total_act_energy total_act_ret_energy a_total_act_energy b_total_act_energy',
  ],
  ['Wh', 'c_total_act_energy a_total_act_ret_energy b_total_act_ret_energy c_total_act_ret_energy'],
  ['mWh', 'aenergy.by_minute ret_aenergy.by_minute'],
  ['°C', 'temperature'],
  // As the device is set to.
  ['', 'sensor.temperature'],
  ['°F', 'temperature_f'],
  ['%', 'humidity rh sensor.battery battery.percent bat.value hum.value roller.pos current_pos brightness'],
  ['lx', 'lux lux.value'],
  ['dBm', 'rssi'],
  ['s', 'uptime'],
  ['B', 'ram_size ram_free fs_size fs_free'],
])

export const shelly: Family = {
  name: 'shelly',
  usualUnit,
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
