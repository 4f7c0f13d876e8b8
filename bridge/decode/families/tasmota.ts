/**
 * Tasmota: `tele/<topic>/SENSOR` and `STATE`, `stat/<topic>/RESULT`, where the topic may have several levels and
 * the prefix may stand behind it (`%topic%/%prefix%/`). Zigbee devices behind a Tasmota bridge are devices of
 * their own. https://tasmota.github.io/docs/MQTT/
 */

import { type Claim, type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import { uniqueName } from '../names.ts'
import type { Payload } from '../payload.ts'
import { documentResult } from '../results.ts'
import { isObject, listOf, objectOf, textOf } from '../shape.ts'
import { usualUnits } from '../usual-units.ts'

/** Temperatures and pressures have theirs beside them: `TempUnit`, `PressureUnit`. */
const usualUnit = usualUnits([
  ['W', 'power activepower'],
  ['VA', 'apparentpower'],
  ['var', 'reactivepower'],
  ['V', 'voltage vcc'],
  ['A', 'current'],
  ['Hz', 'frequency'],
  [
    'kWh',
    'energy.total energy.today energy.yesterday energy.exporttotal energy.exportactive energy.importactive',
  ],
  ['%', 'humidity moisture dimmer wifi.rssi'],
  ['lx', 'illuminance'],
  ['ppm', 'carbondioxide eco2'],
  ['ppb', 'tvoc'],
  ['µg/m³', 'pm1 pm2 pm10'],
  ['kg', 'weight'],
  ['dBm', 'wifi.signal'],
  ['s', 'uptimesec'],
])

export const tasmota: Family = {
  name: 'tasmota',
  usualUnit,
  topics: [
    ['tasmota/discovery/{mac}/config', () => ({ read: readDiscovery })],
    ['tasmota/discovery/#', ignore('metadata')],
    ['cmnd/#', ignore('command')],
    ['tele|stat/{device...}/LWT', ({ device }) => ({ device: device!, isAvailability: true })],
    ['tele|stat/{device...}/{leaf}', ({ device, leaf }) => about(device!, leaf!)],
    ['{device...}/tele|stat/LWT', ({ device }) => ({ device: device!, isAvailability: true })],
    [
      '{device...}/tele|stat/{leaf}',
      ({ device, leaf }) => (/^[A-Z]+\d*$/.test(leaf!) ? about(device!, leaf!) : undefined),
    ],
  ],
}

/** What a device says about itself; STATUS8 and STATUS10 are its sensors, STATUS11 its state. */
const METADATA_LEAVES = /^(INFO\d|STATUS[0-7]?|LOGGING|DISCOVERY)$/

function about(device: string, leaf: string): Claim {
  if (METADATA_LEAVES.test(leaf)) return { ignore: leaf === 'LOGGING' ? 'log' : 'metadata' }
  const read = leaf === 'SENSOR' || leaf === 'RESULT' ? { read: readSensor } : {}
  return { device, field: leaf, isObjectBare: true, ...read }
}

/** `{"ZbReceived":{"0x5ADF":{"Name":"hall","Temperature":21}}}` */
function readSensor(payload: Payload, plan: Plan, context: Context): Result | undefined {
  const received = objectOf(payload.json()).ZbReceived
  if (!isObject(received)) return undefined
  const readings = Object.entries(received).flatMap(([address, values]) => {
    const { Device, Name, ...fields } = objectOf(values)
    const name = textOf(Name)
    if (name !== undefined) context.tell({ device: uniqueName(address), family: 'tasmota', name })
    const result = documentResult(
      fields,
      { ...plan, object: { ...plan.object, device: uniqueName(address) } },
      context,
    )
    return result.kind === 'readings' ? result.readings : []
  })
  return { kind: 'readings', readings }
}

/** Device name `dn`, topic `t`, model `md`. */
function readDiscovery(payload: Payload, plan: Plan, context: Context): Result {
  const { t, dn, md, ft, tp } = objectOf(payload.json())
  const device = textOf(t)
  if (device === undefined) return METADATA
  const about = { device: uniqueName(device), family: 'tasmota', name: textOf(dn), model: textOf(md) }
  const template = textOf(ft) ?? '%prefix%/%topic%/'
  const [, stat = 'stat', tele = 'tele'] = listOf(tp).map(textOf)
  for (const prefix of [stat, tele]) {
    const topic = template.replace('%prefix%', prefix).replace('%topic%', device).replace(/\/$/, '')
    // The MAC is its own, but anybody may announce it: what its sender could not write to is not believed.
    const identity = context.maySpeakFor(topic) ? plan.levels.join('/') : undefined
    context.tell({ ...about, topic, identity })
  }
  return METADATA
}
