/**
 * What a field means to a person: its name, the word for its value, and which of a device's fields is the one
 * to show first. Only names, units and device classes that devices themselves report are known here.
 */

import { formatNumber, withUnit } from './format.ts'

export type PlainValue = number | boolean | string

/** What a field says of itself. */
export interface FieldFacts {
  readonly name: string
  readonly unit: string | null
  /** The device class, as Home Assistant names it; null when nobody told it. */
  readonly class: string | null
}

export type Kind = 'climate' | 'energy' | 'opening' | 'motion' | 'other'

/** Words for on and off. `alarm` where on needs a person; `inverted` where true means shut. */
interface Pair {
  readonly on: string
  readonly off: string
  readonly alarm?: true
  readonly inverted?: true
}

const PAIRS: readonly (readonly [RegExp, Pair])[] = [
  [/^contact$/, { on: 'Open', off: 'Closed', inverted: true }],
  [/^(door|window|opening|garage_door)$/, { on: 'Open', off: 'Closed' }],
  [/^(motion|occupancy)$/, { on: 'Motion', off: 'Clear' }],
  [/^presence$/, { on: 'Present', off: 'Away' }],
  [/^(water_leak|leak|moisture|flood)$/, { on: 'Wet', off: 'Dry', alarm: true }],
  [/^smoke$/, { on: 'Smoke', off: 'Clear', alarm: true }],
  [/^(gas|carbon_monoxide|co)$/, { on: 'Gas', off: 'Clear', alarm: true }],
  [/^tamper$/, { on: 'Tampered', off: 'Untouched', alarm: true }],
  [/^alarm$/, { on: 'Alarm', off: 'Quiet', alarm: true }],
  [/^vibration$/, { on: 'Vibration', off: 'Still' }],
  [/^(battery_low|low_battery)$/, { on: 'Low', off: 'Fine' }],
]
const ON_OFF: Pair = { on: 'On', off: 'Off' }

const lastPart = (name: string) =>
  name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1).toLowerCase()

function pairOf(field: FieldFacts): Pair {
  const name = lastPart(field.name)
  // The name goes first: Zigbee's `contact` is true when shut, whatever class a bridge gives it.
  for (const [pattern, pair] of PAIRS) if (pattern.test(name)) return pair
  if (field.class !== null) for (const [pattern, pair] of PAIRS) if (pattern.test(field.class)) return pair
  return ON_OFF
}

/** Whether a value reads as on or off; null when it is neither. */
export function asSwitch(field: FieldFacts, value: PlainValue): boolean | null {
  const raw =
    typeof value === 'boolean'
      ? value
      : typeof value === 'string' && /^(on|off)$/i.test(value)
        ? value.length === 2
        : null
  return raw === null ? null : pairOf(field).inverted ? !raw : raw
}

export function isAlarm(field: FieldFacts, value: PlainValue): boolean {
  return pairOf(field).alarm === true && asSwitch(field, value) === true
}

/** The value without its unit, as people read it. */
export function valueWord(field: FieldFacts, value: PlainValue, decimals: number): string {
  if (typeof value === 'number') return formatNumber(value, decimals)
  const on = asSwitch(field, value)
  if (on !== null) return on ? pairOf(field).on : pairOf(field).off
  return String(value)
}

const SHORT: Readonly<Record<string, string>> = {
  battery: 'bat',
  linkquality: 'link',
  rssi: 'signal',
  local_temperature: '',
  temperature: '',
  humidity: '',
  pressure: '',
}

/** Value and unit in one, named where the unit alone does not tell: `47 %`, `bat 91 %`, `link 142`. */
export function secondaryText(field: FieldFacts, value: PlainValue, decimals: number): string {
  const name = lastPart(field.name)
  const unit = name === 'linkquality' ? null : field.unit
  const text = withUnit(valueWord(field, value, decimals), typeof value === 'number' ? unit : null)
  const short = SHORT[name]
  if (short !== undefined && unit !== null) return short === '' ? text : `${short} ${text}`
  if (typeof value === 'number' && unit !== null && unit !== '%') return text
  if (/^(Motion|Clear|Open|Closed|Wet|Dry)$/.test(text)) return text
  return `${short || fieldLabel(name).toLowerCase()} ${text}`
}

/** `battery_low` becomes `Battery low`, `powerFactor` `Power factor`, `switch:0.apower` `Switch 0 apower`. */
export function fieldLabel(name: string): string {
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[_.:/-]+/g, ' ')
    .trim()
  if (words === '') return name
  const calm = words.replace(/\b[A-Z]{4,}\b/g, word => word.toLowerCase())
  const label = calm.charAt(0).toUpperCase() + calm.slice(1)
  return label.replace(
    /\b(co2|pm2 5|pm25|pm10|voc|rssi|cop|uv|ip|id)\b/gi,
    word => UPPER[word.toLowerCase()] ?? word.toUpperCase(),
  )
}
const UPPER: Readonly<Record<string, string>> = { co2: 'CO₂', 'pm2 5': 'PM2.5', pm25: 'PM2.5' }

/** Best first: the one value that a row shows is the first of these that the device has. */
const RANK: readonly (readonly [RegExp, Kind])[] = [
  [/^(water_leak|leak|moisture|flood|smoke|gas|carbon_monoxide|alarm)$/, 'other'],
  [/^(co2|carbon_dioxide|eco2)$/, 'climate'],
  [/^(contact|door|window|opening|garage_door)$/, 'opening'],
  [/^(occupancy|motion|presence)$/, 'motion'],
  [/^soil_moisture$/, 'climate'],
  [/^(temperature|local_temperature|current_temperature|temp)$/, 'climate'],
  [/^(power|apower|active_power|act_power|load|w)$/, 'energy'],
  [/^(humidity|pm25|pm2_5|voc|aqi|illuminance|pressure)$/, 'climate'],
  [/^(flow|flow_temperature|level|distance)$/, 'other'],
  [/^(energy|energy_today|total|consumption|current)$/, 'energy'],
  [/^(state|output|on|mode)$/, 'other'],
]

/** Kept out of sight first: they speak about the device, not about the room. */
const DIAGNOSTIC =
  /^(battery|battery_low|linkquality|rssi|signal|lqi|snr|uptime|update.*|last_seen|firmware|version|heap|.*_text|tamper|time|seq|counter|device_temperature|sleep.*|load.*)$/
/** Not worth a place in a row at all. */
const HIDDEN =
  /^(available|availability|status|online|connected|id|ip|mac|ssid|bssid|ap|channel|wifi.*|source|restart.*)$/

export function isDiagnostic(field: FieldFacts): boolean {
  return isHidden(field) || DIAGNOSTIC.test(lastPart(field.name))
}

export function isHidden(field: FieldFacts): boolean {
  return field.class === 'connectivity' || HIDDEN.test(lastPart(field.name))
}

/** Lower is shown earlier. */
export function fieldRank(field: FieldFacts): number {
  const name = lastPart(field.name)
  if (isHidden(field)) return RANK.length + 3
  let rank = RANK.findIndex(([pattern]) => pattern.test(name))
  if (rank < 0 && field.class !== null) rank = RANK.findIndex(([pattern]) => pattern.test(field.class ?? ''))
  if (rank < 0) rank = isDiagnostic(field) ? RANK.length + 2 : RANK.length
  return rank
}

export function kindOf(field: FieldFacts): Kind {
  const rank = fieldRank(field)
  if (RANK[rank]) return RANK[rank][1]
  if (field.unit === '°C' || field.unit === '°F') return 'climate'
  return field.unit === 'W' || field.unit === 'kWh' || field.unit === 'Wh' || field.unit === 'kW'
    ? 'energy'
    : 'other'
}
