/** How a device's switch is commanded, for those families that have one form for it: told by where it speaks. */

export interface SwitchCommand {
  readonly topic: string
  readonly payload: (isOn: boolean) => string
}

const onOff = (isOn: boolean) => (isOn ? 'on' : 'off')
const ON_OFF = (isOn: boolean) => (isOn ? 'ON' : 'OFF')

/** Null where only a person can know: then there is the free form. */
export function switchCommandOf(field: string, topics: readonly string[]): SwitchCommand | null {
  for (const topic of topics) {
    const command =
      zigbee2mqtt(field, topic) ?? tasmota(field, topic) ?? shelly(field, topic) ?? esphome(field, topic)
    if (command) return command
  }
  return null
}

function zigbee2mqtt(field: string, topic: string): SwitchCommand | null {
  if (!/^state(_\w+)?$/.test(field)) return null
  if (!topic.startsWith('zigbee2mqtt/') || /\/(availability|set|get)$|\/bridge\//.test(topic)) return null
  return { topic: `${topic}/set`, payload: isOn => JSON.stringify({ [field]: ON_OFF(isOn) }) }
}

/** `tele/plug/STATE` reports `POWER`; `cmnd/plug/POWER` sets it. */
function tasmota(field: string, topic: string): SwitchCommand | null {
  const [, name] = /^(?:tele|stat)\/(.+)\/[^/]+$/.exec(topic) ?? []
  return name && /^POWER\d*$/.test(field) ? { topic: `cmnd/${name}/${field}`, payload: ON_OFF } : null
}

/** The second generation's `switch:0.output`, the first one's `relay.0`. */
function shelly(field: string, topic: string): SwitchCommand | null {
  const [, part] = /^(switch:\d+)\.output$/.exec(field) ?? []
  const [, base] = /^(.+)\/(?:online|events\/rpc|status\/.+)$/.exec(topic) ?? []
  if (part && base) return { topic: `${base}/command/${part}`, payload: onOff }
  const [, relay] = /^relay\.(\d+)$/.exec(field) ?? []
  const [, first] = /^(shellies\/[^/]+)\//.exec(topic) ?? []
  return relay && first ? { topic: `${first}/relay/${relay}/command`, payload: onOff } : null
}

function esphome(field: string, topic: string): SwitchCommand | null {
  const [, base, name] = /^(.+\/(?:switch|light|fan)\/([^/]+))\/state$/.exec(topic) ?? []
  if (!base || name !== field) return null
  return base.includes('/switch/')
    ? { topic: `${base}/command`, payload: ON_OFF }
    : { topic: `${base}/command`, payload: isOn => JSON.stringify({ state: ON_OFF(isOn) }) }
}
