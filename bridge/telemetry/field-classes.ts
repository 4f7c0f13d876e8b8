/**
 * What a field measures, guessed from its unit and its name: decides icons, axes and defaults, and tells the
 * decoder which topic level is a quantity and which a device. The names are Home Assistant's device classes.
 */

const CLASSES = [
  'temperature',
  'humidity',
  'pressure',
  'power',
  'energy',
  'voltage',
  'current',
  'frequency',
  'battery',
  'illuminance',
  'carbon_dioxide',
  'pm',
  'volatile_organic_compounds',
  'signal_strength',
  'motion',
  'opening',
  'moisture',
  'distance',
  'speed',
  'precipitation',
  'wind_direction',
  'volume',
  'flow',
  'weight',
  'sound',
  'position',
  'switch',
  'connectivity',
] as const

export type FieldClass = (typeof CLASSES)[number]

/** The words by which a name is recognised, whole or as a part between `_`, `.`, `-`, blanks and capitals. */
const WORDS: Readonly<Record<FieldClass, string>> = {
  temperature:
    'temperature temp tempc tempf temperatur température temperatura temperaturen dewpoint dew atmp tc tf температура 温度 气温',
  humidity:
    'humidity hum humid rh rhum feuchte luftfeuchte luftfeuchtigkeit humidité humedad umidità vochtigheid влажность 湿度',
  pressure: 'pressure baro barometer luftdruck druck pression presión baromrel 気圧',
  power: 'power apower watt watts leistung puissance potencia',
  energy: 'energy kwh wh energie énergie energía consumption verbrauch',
  voltage: 'voltage volt volts vcc spannung tension',
  current: 'current amps ampere strom stromstärke',
  frequency: 'frequency freq frequenz',
  battery: 'battery batt bat batterie akku soc',
  illuminance:
    'illuminance lux light_level brightness_lux luminosity luminance lightlevel helligkeit ambient_light',
  carbon_dioxide: 'co2 rco2 eco2 carbon_dioxide carbondioxide',
  pm: 'pm1 pm01 pm25 pm02 pm2 pm4 pm10 pm2_5 p1 p2',
  volatile_organic_compounds: 'voc tvoc voc_index nox iaq gas aqi',
  signal_strength: 'rssi snr linkquality lqi signal wifi_signal',
  motion: 'motion occupancy presence pir bewegung movement',
  opening: 'contact door window opening tür fenster',
  moisture: 'moisture soil soil_moisture bodenfeuchte water_leak leak',
  distance: 'distance range abstand entfernung',
  speed: 'speed windspeed wind_speed wind velocity gust geschwindigkeit',
  precipitation: 'rain rainfall precipitation regen niederschlag',
  wind_direction: 'winddir wind_direction wind_dir direction bearing heading azimuth',
  volume: 'volume volumen water gas_volume',
  flow: 'flow flowrate flow_rate durchfluss',
  weight: 'weight mass gewicht',
  sound: 'noise sound loudness',
  position: 'latitude longitude lat lon lng altitude',
  switch: 'relay switch output',
  connectivity: 'available online connected connectivity availability lwt',
}

const BY_WORD = new Map<string, FieldClass>(
  CLASSES.flatMap(name => WORDS[name].split(' ').map(word => [word, name] as const)),
)

const BY_UNIT: ReadonlyMap<string, FieldClass> = new Map<string, FieldClass>([
  ['°C', 'temperature'],
  ['°F', 'temperature'],
  ['hPa', 'pressure'],
  ['mbar', 'pressure'],
  ['Pa', 'pressure'],
  ['kPa', 'pressure'],
  ['bar', 'pressure'],
  ['psi', 'pressure'],
  ['W', 'power'],
  ['kW', 'power'],
  ['VA', 'power'],
  ['Wh', 'energy'],
  ['kWh', 'energy'],
  ['MWh', 'energy'],
  ['V', 'voltage'],
  ['mV', 'voltage'],
  ['A', 'current'],
  ['mA', 'current'],
  ['Hz', 'frequency'],
  ['lx', 'illuminance'],
  ['dBm', 'signal_strength'],
  ['m/s', 'speed'],
  ['km/h', 'speed'],
  ['mph', 'speed'],
  ['m³', 'volume'],
  ['L', 'volume'],
  ['l', 'volume'],
  ['m³/h', 'flow'],
  ['L/min', 'flow'],
  ['kg', 'weight'],
  ['µg/m³', 'pm'],
])

export function fieldClass(name: string, unit?: string): FieldClass | undefined {
  const byUnit = unit === undefined ? undefined : BY_UNIT.get(unit)
  return byUnit ?? remembered(name.slice(name.lastIndexOf('.') + 1))
}

/** Whether a name is a quantity as it stands: `temperature`, but not `front_door`. */
export function isQuantityWord(name: string): boolean {
  return BY_WORD.has(name.toLowerCase())
}

const cache = new Map<string, FieldClass | undefined>()
const MAX_CACHED = 10_000
const MAX_CACHED_LENGTH = 128

function remembered(name: string): FieldClass | undefined {
  if (cache.has(name)) return cache.get(name)
  if (cache.size >= MAX_CACHED) cache.clear()
  const found = classOfWord(name)
  if (name.length <= MAX_CACHED_LENGTH) cache.set(name, found)
  return found
}

/** `outdoor_temperature`, `batteryVoltage`, `PM2.5`: the last word that says something counts. */
function classOfWord(name: string): FieldClass | undefined {
  const whole = BY_WORD.get(name.toLowerCase())
  if (whole !== undefined) return whole
  const words = name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
  for (let i = words.length - 1; i >= 0; i--) {
    const found = BY_WORD.get(words[i]!) ?? BY_WORD.get(words[i]!.replace(/\d+$/, ''))
    if (found !== undefined) return found
  }
  return undefined
}
