/** Home Assistant discovery: a retained document that tells where an entity's state is found, and what it means. */

import { type Field, metadata, type Publication } from '../device.ts'

export interface Entity {
  readonly node: string
  readonly object: string
  readonly field: Field
  readonly stateTopic: string
  readonly template?: string
  readonly device: object
  readonly origin: object
}

export function sensorConfig(entity: Entity): Publication {
  const { field } = entity
  const component = field.class === 'switch' ? 'switch' : field.isBinary ? 'binary_sensor' : 'sensor'
  const config = {
    name: entity.object.replaceAll('_', ' '),
    object_id: `${entity.node}_${entity.object}`,
    unique_id: `${entity.node}_${entity.object}_trestle_sim`,
    state_topic: entity.stateTopic,
    ...(entity.template === undefined ? {} : { value_template: entity.template }),
    ...(field.unit === undefined ? {} : { unit_of_measurement: field.unit, state_class: 'measurement' }),
    ...(field.class === undefined || field.class === 'switch' ? {} : { device_class: field.class }),
    device: entity.device,
    origin: entity.origin,
  }
  return metadata(`homeassistant/${component}/${entity.node}/${entity.object}/config`, config)
}
