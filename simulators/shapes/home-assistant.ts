/** Home Assistant discovery: a retained document that tells where an entity's state is found, and what it means. */

import { type Field, metadata, type Publication } from '../device.ts'

export interface Entity {
  readonly node: string
  readonly object: string
  readonly field: Field
  readonly stateTopic: string
  readonly template?: string
  /** Where the field is set, when it can be. */
  readonly commandTopic: string
  /** `availability_topic` or `availability`, as the family writes it. */
  readonly availability: object
  readonly device: object
  readonly origin: object
}

export function entityConfig(entity: Entity): Publication {
  const { field, node, object, template } = entity
  const component = componentOf(field)
  const config = {
    name: object.replaceAll('_', ' '),
    object_id: `${node}_${object}`,
    unique_id: `${node}_${object}_trestle_sim`,
    state_topic: entity.stateTopic,
    ...(template === undefined ? {} : { value_template: template }),
    ...(field.set === undefined ? {} : { command_topic: entity.commandTopic }),
    ...(field.unit === undefined ? {} : { unit_of_measurement: field.unit }),
    ...(field.unit === undefined || field.set !== undefined ? {} : { state_class: 'measurement' }),
    ...(field.class === undefined || field.class === 'switch' ? {} : { device_class: field.class }),
    ...entity.availability,
    device: entity.device,
    origin: entity.origin,
  }
  return metadata(`homeassistant/${component}/${node}/${object}/config`, config)
}

function componentOf({ isBinary, set }: Field): string {
  if (isBinary === true) return set === undefined ? 'binary_sensor' : 'switch'
  return set === undefined ? 'sensor' : 'number'
}
