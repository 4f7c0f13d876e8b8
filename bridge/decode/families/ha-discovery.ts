/**
 * Home Assistant discovery, by which most families say what they send: state topic and value template lead to a
 * unit, a device class, a name and an area. Templates are read as paths (`value_json.a["b"]`), which nearly all are.
 * https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
 */

import { spellUnit } from '../../telemetry/units.ts'
import { type Context, type Family, METADATA, type Plan, type Result } from '../family.ts'
import type { Json, JsonObject } from '../json.ts'
import { keyOf } from '../keys.ts'
import type { Payload } from '../payload.ts'
import { isObject, objectOf, textOf } from '../shape.ts'

const COMPONENTS =
  'sensor|binary_sensor|switch|light|climate|cover|fan|lock|number|select|text|button|device|device_tracker|device_automation|event|update|vacuum|lawn_mower|camera|image|scene|siren|tag|humidifier|water_heater|alarm_control_panel|valve|notify'

export const haDiscovery: Family = {
  name: 'ha-discovery',
  topics: [
    [`+/${COMPONENTS}/{object}/config`, () => ({ read: readConfig })],
    [`+/${COMPONENTS}/{node}/{object}/config`, () => ({ read: readConfig })],
  ],
}

/** Long names as discovery abbreviates them. */
const SHORT: Readonly<Record<string, string>> = {
  state_topic: 'stat_t',
  value_template: 'val_tpl',
  unit_of_measurement: 'unit_of_meas',
  unique_id: 'uniq_id',
  device_class: 'dev_cla',
  expire_after: 'exp_aft',
  device: 'dev',
  components: 'cmps',
  manufacturer: 'mf',
  model: 'mdl',
  suggested_area: 'sa',
  name: 'name',
  current_temperature_topic: 'curr_temp_t',
  current_temperature_template: 'curr_temp_tpl',
  temperature_unit: 'temp_unit',
  position_topic: 'pos_t',
  brightness_state_topic: 'bri_stat_t',
}

function get(config: JsonObject, name: string): Json | undefined {
  return config[name] ?? config[SHORT[name] ?? name]
}

function readConfig(payload: Payload, plan: Plan, context: Context): Result {
  const config = payload.json()
  if (!isObject(config)) return METADATA
  const about = { device: objectOf(get(config, 'device')), topic: plan.topic }
  const components = objectOf(get(config, 'components'))
  // What a device-based document says at its top holds for each of its components.
  for (const part of Object.values(components))
    if (isObject(part)) tellEntity({ ...config, ...part }, about, context)
  tellEntity(config, about, context)
  return METADATA
}

interface About {
  readonly device: JsonObject
  /** Of the discovery message. */
  readonly topic: string
}

function tellEntity(config: JsonObject, about: About, context: Context): void {
  tellTopic(
    config,
    'state_topic',
    'value_template',
    textOf(get(config, 'unit_of_measurement')),
    about,
    context,
  )
  const degrees = textOf(get(config, 'temperature_unit'))
  tellTopic(config, 'current_temperature_topic', 'current_temperature_template', degrees, about, context)
}

function tellTopic(
  config: JsonObject,
  topicKey: string,
  templateKey: string,
  unitText: string | undefined,
  about: About,
  context: Context,
): void {
  const topic = expand(textOf(get(config, topicKey)), textOf(config['~']))
  if (topic === undefined || !context.maySpeakFor(topic)) return
  const plan = context.planOf(topic)
  const path = pathOf(textOf(get(config, templateKey)) ?? '')
  const subject = path === '' ? plan.scalar : plan.object
  const field = path === '' ? plan.scalar.leaf : plan.object.prefix + path
  // Where an entity is described, and its unique id, stay when the topic that it leads to is renamed.
  const unique = textOf(get(config, 'unique_id'))
  const identity = unique === undefined ? undefined : `${about.topic} ${unique}`
  tellDevice({ device: subject.device, topic, identity }, about.device, context)
  const unit = unitText === undefined ? undefined : spellUnit(unitText)
  const kind = textOf(get(config, 'device_class'))
  const seconds = get(config, 'expire_after')
  context.tell({
    device: subject.device,
    topic,
    field,
    family: 'ha-discovery',
    unit,
    class: kind,
    expectedIntervalS: typeof seconds === 'number' && seconds > 0 ? seconds : undefined,
  })
}

function tellDevice(
  at: { readonly device: string; readonly topic: string; readonly identity: string | undefined },
  about: JsonObject,
  context: Context,
): void {
  context.tell({
    ...at,
    family: 'ha-discovery',
    isGuess: true,
    name: textOf(get(about, 'name')),
    room: textOf(get(about, 'suggested_area')),
    model: textOf(get(about, 'model')),
    manufacturer: textOf(get(about, 'manufacturer')),
  })
}

/** `~` stands for the base topic at either end. */
function expand(topic: string | undefined, base: string | undefined): string | undefined {
  if (topic === undefined || base === undefined) return topic
  if (topic.startsWith('~')) return base + topic.slice(1)
  return topic.endsWith('~') ? topic.slice(0, -1) + base : topic
}

const STEP = /^(?:\.([A-Za-z_]\w*)|\[\s*(?:"([^"]*)"|'([^']*)'|(\d+))\s*\])/

/** `{{ value_json.ENERGY["Power"][0] | float }}` is `ENERGY.Power.0`; '' for a template of the plain value. */
function pathOf(template: string): string {
  const start = template.indexOf('value_json')
  if (start === -1) return ''
  let rest = template.slice(start + 10, start + 300)
  const path: string[] = []
  for (let step = STEP.exec(rest); step !== null; step = STEP.exec(rest)) {
    path.push(step[1] ?? step[2] ?? step[3] ?? step[4] ?? '')
    rest = rest.slice(step[0].length)
  }
  // Envelopes are no part of a field's name.
  while (path.length > 1 && keyOf(path[0]!).isEnvelope) path.shift()
  return path.join('.')
}
