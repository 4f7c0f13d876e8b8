/** What this browser says of itself, in the words of Home Assistant's discovery: name, room, units. */

import type { Outgoing } from './outbox.ts'
import { sensors } from './sensors.ts'
import { type SensorSettings, topicBase } from './settings.ts'

export function announcement(settings: SensorSettings): Outgoing {
  const { id, username, name, room } = settings
  const device = username || id
  const base = topicBase(settings)
  const components = Object.fromEntries(
    sensors.flatMap(({ plan }) =>
      plan.fields.map(field => [
        field.name,
        {
          platform: field.name === 'charging' ? 'binary_sensor' : 'sensor',
          unique_id: `${device}_${field.name}`,
          name: field.label,
          value_template: `{{ value_json.${field.name} }}`,
          ...(field.unit !== '' && { unit_of_measurement: field.unit }),
          ...(field.class && { device_class: field.class }),
        },
      ]),
    ),
  )
  const payload = {
    device: { identifiers: [device], name, model: 'Browser', ...(room !== '' && { suggested_area: room }) },
    origin: { name: 'Trestle' },
    state_topic: `${base}/state`,
    availability_topic: `${base}/availability`,
    components,
  }
  return { topic: `homeassistant/device/${device}/config`, payload: JSON.stringify(payload) }
}
