/**
 * What homes measure, in the order in which dashboards show it. The store has no units and each family its own names
 * (`ENERGY.Power`, `switch:0.apower`, `power`), so a quantity is found by the words in which a field's name ends. The
 * catalog decides which words mean what; this page only chooses among them.
 */

import { type FieldClass, fieldClass } from '../../bridge/telemetry/field-classes.ts'
import { type CatalogUnit, GRAFANA_UNITS } from './units.ts'

export interface Quantity {
  readonly class: FieldClass
  readonly title: string
  /** The plain name, by which most devices call it: where one series a device is wanted, as in alerts. */
  readonly field: string
  /** Of the words that the catalog knows, those under which values of one unit are to be expected. */
  readonly words: readonly string[]
  /** As the catalog spells it; absent: a bare number. */
  readonly unit?: CatalogUnit
}

export const QUANTITIES = {
  temperature: quantity('temperature', 'Temperature', '°C', ['temperature', 'temp', 'dewpoint']),
  humidity: quantity('humidity', 'Humidity', '%', ['humidity', 'hum', 'rh']),
  co2: quantity('carbon_dioxide', 'CO₂', 'ppm', ['co2', 'rco2', 'eco2']),
  pressure: quantity('pressure', 'Air pressure', 'hPa', ['pressure', 'baro', 'barometer']),
  illuminance: quantity('illuminance', 'Light', 'lx', ['illuminance', 'lux']),
  moisture: quantity('moisture', 'Soil moisture', '%', ['moisture', 'soil_moisture']),
  wind: quantity('speed', 'Wind', 'm/s', ['wind_speed', 'windspeed', 'gust']),
  power: quantity('power', 'Power', 'W', ['power', 'apower']),
  voltage: quantity('voltage', 'Voltage', 'V', ['voltage']),
  current: quantity('current', 'Current', 'A', ['current']),
  battery: quantity('battery', 'Battery', '%', ['battery', 'batt']),
  link: quantity('signal_strength', 'Link quality', undefined, ['linkquality', 'lqi']),
} as const

/** Yes or no: shown as bands, not as lines. `state` is what lamps and switches call theirs; the catalog has no class for it. */
export const STATES = patternOf([
  ...wordsOfClass('motion', ['occupancy', 'motion', 'presence']),
  ...wordsOfClass('opening', ['contact', 'door', 'window']),
  ...wordsOfClass('moisture', ['water_leak', 'leak']),
  ...wordsOfClass('switch', ['output', 'relay', 'switch']),
  'state',
])

export function grafanaUnit({ unit }: Quantity): string | undefined {
  return unit === undefined ? undefined : GRAFANA_UNITS[unit]
}

/** A regular expression for field names: `power`, `ENERGY.Power` and `outdoorPower`, but not `power_factor`. */
export function patternOf(words: readonly string[]): string {
  const titled = words.map(word => word.slice(0, 1).toUpperCase() + word.slice(1))
  return `(^|[^A-Za-z])(?i:${words.join('|')})$|[a-z](${titled.join('|')})$`
}

function quantity(
  fieldClassName: FieldClass,
  title: string,
  unit: CatalogUnit | undefined,
  words: readonly [string, ...string[]],
): Quantity {
  wordsOfClass(fieldClassName, words)
  const common = { class: fieldClassName, title, field: words[0], words }
  return unit === undefined ? common : { ...common, unit }
}

/** Throws when the catalog means something else by a word. */
function wordsOfClass(name: FieldClass, words: readonly string[]): readonly string[] {
  const stranger = words.find(word => fieldClass(word) !== name)
  if (stranger !== undefined)
    throw new Error(`BUG: ${stranger} is ${fieldClass(stranger)} to the catalog, not ${name}`)
  return words
}
