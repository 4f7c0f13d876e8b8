/**
 * Home Assistant's statestream: `<base>/<domain>/<entity>/state`, and a topic per attribute, as JSON texts.
 * https://www.home-assistant.io/integrations/mqtt_statestream/
 */

import { type Claim, type Context, type Family, ignore, METADATA, type Plan, type Result } from '../family.ts'
import type { Payload } from '../payload.ts'

const BASES =
  'homeassistant|statestream|hass|hassio|ha|home-assistant|homeassistant_statestream|mqtt_statestream'
const DOMAINS =
  'sensor|binary_sensor|switch|light|climate|cover|fan|lock|number|select|person|device_tracker|weather|sun|zone|input_boolean|input_number|input_select|input_text|input_datetime|automation|script|scene|group|timer|counter|media_player|vacuum|camera|alarm_control_panel|humidifier|water_heater|update|button|text|event|calendar|todo|remote|siren|valve|image|proximity|plant|utility_meter'

export const homeAssistant: Family = {
  name: 'ha-statestream',
  topics: [
    ['homeassistant/status', ignore('birth of Home Assistant')],
    [
      `${BASES}/{domain}/{entity}/{attribute}`,
      ({ domain, entity, attribute }) => about(domain!, entity!, attribute!),
    ],
    // No statestream: programs that put their states beside their discovery topics.
    [
      'homeassistant/{domain}/{node}/{object}/state',
      ({ domain, node, object }) => (IS_DOMAIN.has(domain!) ? { device: node!, field: object! } : undefined),
    ],
  ],
}

const IS_DOMAIN = new Set(DOMAINS.split('|'))
const ABOUT_THE_ENTITY = new Set(
  'last_changed last_updated last_reported icon entity_picture supported_features attribution restored state_class options editable assumed_state supported_color_modes hvac_modes preset_modes fan_modes swing_modes id device_id'.split(
    ' ',
  ),
)

function about(domain: string, entity: string, attribute: string): Claim | undefined {
  if (!IS_DOMAIN.has(domain)) return undefined
  if (ABOUT_THE_ENTITY.has(attribute)) return { ignore: 'metadata' }
  const device = `${domain}.${entity}`
  if (attribute === 'unit_of_measurement' || attribute === 'friendly_name' || attribute === 'device_class') {
    return { device, read: readAbout }
  }
  return { device, field: attribute }
}

function readAbout(payload: Payload, plan: Plan, context: Context): Result {
  const text = (payload.text() ?? '').replace(/^"|"$/g, '')
  const attribute = plan.levels.at(-1)
  const { device } = plan.object
  const topic = [...plan.levels.slice(0, -1), 'state'].join('/')
  if (text === '' || text === 'null') return METADATA
  if (attribute === 'friendly_name') context.tell({ device, family: 'ha-statestream', name: text })
  else if (attribute === 'device_class') context.tell({ device, topic, field: 'state', class: text })
  else context.tell({ device, topic, field: 'state', unit: text })
  return METADATA
}
