/**
 * Zigbee2MQTT: one gateway speaks for all its devices. `<base>/<friendly name>` with flat JSON, the device list
 * retained at `<base>/bridge/devices`, Home Assistant discovery beside it; `<base>/<name>/set` changes a device,
 * `/get` asks it.
 */

import {
  type About,
  type Change,
  type Field,
  type Make,
  metadata,
  type Publication,
  reading,
  type Shape,
} from '../device.ts'
import { hash } from '../random.ts'
import { entityConfig } from './home-assistant.ts'

/** `base` is the base topic, and the client id of the gateway. */
export function zigbee2mqtt(base = 'zigbee2mqtt'): Shape {
  return {
    client: base,
    will: metadata(`${base}/bridge/state`, '{"state":"offline"}'),
    listens: [`${base}/+/set`, `${base}/+/set/+`, `${base}/+/get`],
    announce: devices => [
      metadata(`${base}/bridge/state`, '{"state":"online"}'),
      metadata(`${base}/bridge/devices`, devices.map(listed)),
    ],
    greet: about => [
      metadata(`${base}/${about.name}/availability`, '{"state":"online"}'),
      ...Object.keys(about.fields).map(name => discovery(base, about, name)),
    ],
    report: (about, values) => {
      const state = Object.entries(values).map(([name, value]) => [name, spoken(about.fields[name]!, value)])
      return [reading(`${base}/${about.name}`, JSON.stringify(Object.fromEntries(state)))]
    },
    understand: (about, topic, payload) => {
      if (topic === `${base}/${about.name}/get`) return []
      if (topic === `${base}/${about.name}/set`) return changesOf(payload)
      const [before, field] = topic.split('/set/')
      return before === `${base}/${about.name}` && field !== undefined ? [{ field, value: payload }] : null
    },
  }
}

/** Switches say ON and OFF here, sensors true and false. */
function spoken(field: Field, value: unknown): unknown {
  return typeof value === 'boolean' && field.class === 'switch' ? (value ? 'ON' : 'OFF') : value
}

/** `{"state":"ON","brightness":120}`, or `ON` alone. */
function changesOf(payload: string): Change[] {
  if (/^(on|off|toggle)$/i.test(payload)) return [{ field: 'state', value: payload }]
  try {
    const wanted: unknown = JSON.parse(payload)
    if (typeof wanted !== 'object' || wanted === null) return []
    return Object.entries(wanted).map(([field, value]) => ({ field, value }))
  } catch {
    return []
  }
}

export function ieeeAddress(about: About): string {
  return `0x00158d00${hash(about.name).toString(16).padStart(8, '0')}`
}

const UNKNOWN: Make = { vendor: 'Aqara', model: 'WSDCGQ11LM', description: 'Temperature and humidity sensor' }

function listed(about: About): object {
  const { model, vendor, description } = about.make ?? UNKNOWN
  return {
    ieee_address: ieeeAddress(about),
    type: 'EndDevice',
    network_address: hash(about.name) % 65_536,
    supported: true,
    friendly_name: about.name,
    description: about.room,
    definition: {
      model,
      vendor,
      description,
      exposes: Object.entries(about.fields).map(([name, field]) => exposed(name, field)),
    },
    power_source: 'battery' in about.fields ? 'Battery' : 'Mains (single phase)',
    interview_completed: true,
    disabled: false,
  }
}

function exposed(name: string, field: Field): object {
  const common = { name, property: name, label: name, access: field.set === undefined ? 1 : 7 }
  if (field.isBinary) {
    const [on, off] = field.class === 'switch' ? ['ON', 'OFF'] : [true, false]
    return { ...common, type: 'binary', value_on: on, value_off: off }
  }
  return field.unit === undefined
    ? { ...common, type: 'numeric' }
    : { ...common, type: 'numeric', unit: field.unit }
}

function discovery(base: string, about: About, name: string): Publication {
  const { model, vendor } = about.make ?? UNKNOWN
  const address = ieeeAddress(about)
  return entityConfig({
    node: address,
    object: name,
    field: about.fields[name]!,
    stateTopic: `${base}/${about.name}`,
    template: `{{ value_json.${name} }}`,
    commandTopic: `${base}/${about.name}/set/${name}`,
    availability: {
      availability: [
        { topic: `${base}/bridge/state`, value_template: '{{ value_json.state }}' },
        { topic: `${base}/${about.name}/availability`, value_template: '{{ value_json.state }}' },
      ],
      availability_mode: 'all',
    },
    device: {
      identifiers: [`zigbee2mqtt_${address}`],
      name: about.name,
      manufacturer: vendor,
      model,
      suggested_area: about.room,
    },
    origin: { name: 'Zigbee2MQTT', sw: '2.6.3', url: 'https://www.zigbee2mqtt.io' },
  })
}
