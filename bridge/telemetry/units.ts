/**
 * Units: how they are spelled, and where a message hides them (`21.5 C`, `temperature_C`, `tempf`).
 * A unit that a source states is kept as it came, but for the many spellings of the two temperature scales.
 */

/** Longer than any unit in use (`µmol/m²/s`, `Roentgen/hour`); what is longer is a sentence. */
const MAX_UNIT_LENGTH = 24

const TEMPERATURE_SPELLINGS = new Map([
  ['c', '°C'],
  ['°c', '°C'],
  ['ºc', '°C'],
  ['℃', '°C'],
  ['cel', '°C'],
  ['celsius', '°C'],
  ['&deg;c', '°C'],
  ['degc', '°C'],
  ['deg c', '°C'],
  ['degrees celsius', '°C'],
  ['f', '°F'],
  ['°f', '°F'],
  ['ºf', '°F'],
  ['℉', '°F'],
  ['[degf]', '°F'],
  ['fahrenheit', '°F'],
  ['degf', '°F'],
  ['deg f', '°F'],
  ['degrees fahrenheit', '°F'],
])

/** The unit as people write it, or undefined when the text cannot be one. */
export function spellUnit(text: string): string | undefined {
  const unit = text.trim()
  if (unit === '' || unit.length > MAX_UNIT_LENGTH || !unit.isWellFormed()) return undefined
  for (let i = 0; i < unit.length; i++) {
    const code = unit.charCodeAt(i)
    if (code < 32 || code === 127) return undefined
  }
  return TEMPERATURE_SPELLINGS.get(unit.toLowerCase()) ?? unit
}

/** What may follow a number in a payload; anything else after a number makes the whole a text. */
const AFTER_NUMBER = new Map<string, string>(
  [
    '°C °F K % %RH %rH W kW MW GW mW Wh kWh MWh GWh VA kVA var kvar VAr kVAr varh kvarh VAh kVAh V mV kV A mA µA uA Ah mAh',
    'Hz kHz MHz GHz rpm Pa hPa kPa MPa bar mbar psi mmHg inHg atm lx lm cd dB dBm dBA ppm ppb µg/m³ ug/m3 µg/m3 μg/m³',
    'mg/m³ mg/m3 g/m³ m cm mm km µm mi ft in yd m/s km/h mph kn kt m² m2 m³ m3 m^3 m³/h m3/h l L ml mL dl gal l/min L/min l/h L/h',
    'g kg mg t lb oz ms µs us s min h d ° °/s Ω kΩ MΩ J kJ MJ GJ kcal N Nm mm/h in/h W/m² W/m2 kWh/m² µS/cm uS/cm mS/cm',
    'pH NTU Bq/m³ pCi/L µSv/h uSv/h B kB MB GB KiB MiB GiB bps kbps Mbps € EUR USD €/kWh ct/kWh counts cpm g/L mg/L',
  ]
    .flatMap(line => line.split(' '))
    .map(unit => [unit, unit] as const),
)
for (const [spelling, unit] of [
  ['C', '°C'],
  ['ºC', '°C'],
  ['℃', '°C'],
  ['Cel', '°C'],
  ['celsius', '°C'],
  ['Celsius', '°C'],
  ['degC', '°C'],
  ['F', '°F'],
  ['ºF', '°F'],
  ['℉', '°F'],
  ['degF', '°F'],
  ['Fahrenheit', '°F'],
  ['percent', '%'],
  ['lux', 'lx'],
  ['Lux', 'lx'],
  ['deg', '°'],
  ['degrees', '°'],
  ['ohm', 'Ω'],
  ['Ohm', 'Ω'],
  ['kmh', 'km/h'],
  ['kph', 'km/h'],
  ['sec', 's'],
  ['secs', 's'],
  ['second', 's'],
  ['seconds', 's'],
  ['minutes', 'min'],
  ['minute', 'min'],
  ['hour', 'h'],
  ['hours', 'h'],
  ['hrs', 'h'],
  ['day', 'd'],
  ['days', 'd'],
  ['watt', 'W'],
  ['Watt', 'W'],
  ['watts', 'W'],
  ['volt', 'V'],
  ['Volt', 'V'],
  ['volts', 'V'],
  ['Volts', 'V'],
  ['Watts', 'W'],
  ['Amps', 'A'],
  ['Percent', '%'],
  ['Seconds', 's'],
  ['Minutes', 'min'],
  ['amps', 'A'],
  ['liter', 'L'],
  ['liters', 'L'],
  ['litres', 'L'],
  ['dbm', 'dBm'],
  ['hpa', 'hPa'],
  ['kwh', 'kWh'],
] as const)
  AFTER_NUMBER.set(spelling, unit)

/** The unit written after a number, as in `21.5 °C`; undefined when the text is no known unit. */
export function unitAfterNumber(text: string): string | undefined {
  return AFTER_NUMBER.get(text)
}

/** Endings that mean only one thing. Longest first: `_ug_m3` before `_m3`. */
const ENDINGS: readonly (readonly [string, string])[] = [
  ['_ug_m3', 'µg/m³'],
  ['_mg_m3', 'mg/m³'],
  ['_w_m2', 'W/m²'],
  ['_us_cm', 'µS/cm'],
  ['_inch_per_hour', 'in/h'],
  ['_mm_per_hour', 'mm/h'],
  ['_km_h', 'km/h'],
  ['_mi_h', 'mph'],
  ['_mm_h', 'mm/h'],
  ['_in_h', 'in/h'],
  ['_l_min', 'L/min'],
  ['_l_h', 'L/h'],
  ['_m3_h', 'm³/h'],
  ['_m3h', 'm³/h'],
  ['_m_s', 'm/s'],
  ['_kvarh', 'kvarh'],
  ['_kvah', 'kVAh'],
  ['_kvar', 'kvar'],
  ['_kwh', 'kWh'],
  ['_mwh', 'MWh'],
  ['_kva', 'kVA'],
  ['_celsius', '°C'],
  ['_fahrenheit', '°F'],
  ['_degc', '°C'],
  ['_degf', '°F'],
  ['_inhg', 'inHg'],
  ['_mmhg', 'mmHg'],
  ['_mbar', 'mbar'],
  ['_var', 'var'],
  ['_psi', 'psi'],
  ['_hpa', 'hPa'],
  ['_kpa', 'kPa'],
  ['_bar', 'bar'],
  ['_ppm', 'ppm'],
  ['_ppb', 'ppb'],
  ['_lux', 'lx'],
  ['_klux', 'klx'],
  ['_dbm', 'dBm'],
  ['_kph', 'km/h'],
  ['_kmh', 'km/h'],
  ['_mph', 'mph'],
  ['_mps', 'm/s'],
  ['_wpm2', 'W/m²'],
  ['_deg', '°'],
  ['_volts', 'V'],
  ['_volt', 'V'],
  ['_amps', 'A'],
  ['_watts', 'W'],
  ['_watt', 'W'],
  ['_seconds', 's'],
  ['_minutes', 'min'],
  ['_liters', 'L'],
  ['_litres', 'L'],
  ['_lx', 'lx'],
  ['_pct', '%'],
  ['_percent', '%'],
  ['_wh', 'Wh'],
  ['_kw', 'kW'],
  ['_va', 'VA'],
  ['_khz', 'kHz'],
  ['_mhz', 'MHz'],
  ['_hz', 'Hz'],
  ['_mah', 'mAh'],
  ['_mv', 'mV'],
  ['_m3', 'm³'],
  ['_m2', 'm²'],
  ['_db', 'dB'],
  ['_mm', 'mm'],
  ['_cm', 'cm'],
  ['_km', 'km'],
  ['_kg', 'kg'],
  ['_ms', 'ms'],
]

/** A capital letter after an underscore, or two; a small one says so only beside a word that fits. */
const LETTERS: readonly (readonly [letter: string, unit: string, beside: readonly string[]])[] = [
  ['C', '°C', ['temp', 'dew', 'heat', 'chill', 'feels']],
  ['F', '°F', ['temp', 'dew', 'heat', 'chill', 'feels']],
  ['K', 'K', ['temp']],
  ['V', 'V', ['volt', 'bat']],
  ['A', 'A', ['current', 'amp']],
  ['mA', 'mA', ['current', 'amp']],
  ['W', 'W', ['power']],
  ['L', 'L', ['volume', 'water', 'liter']],
  ['m', 'm', ['level', 'depth', 'distance', 'height', 'altitude', 'range']],
]

/** After a small letter or a figure, as in `energykWh` and `batteryMv`: the capitals tell it from a word's end. */
const GLUED =
  /[A-Za-z0-9][a-z0-9](kWh|KWh|MWh|Wh|kW|hPa|HPa|kPa|dBm|Dbm|kHz|MHz|Hz|mV|Mv|mA|ppm|Ppm|Pct|Percent|Celsius|Fahrenheit)$/
/** Names that are units: `energy/kWh`. */
const WHOLE = new Map(
  'kWh Wh MWh kW VA kHz MHz Hz hPa kPa mbar ppm ppb rpm dBm mV mA'
    .split(' ')
    .map(unit => [unit, unit] as const),
)
const GLUED_UNITS: Readonly<Record<string, string>> = {
  KWh: 'kWh',
  HPa: 'hPa',
  Dbm: 'dBm',
  Mv: 'mV',
  Ppm: 'ppm',
  Pct: '%',
  Percent: '%',
  Celsius: '°C',
  Fahrenheit: '°F',
}

/** The unit in which a field's name ends: `temperature_C`, `energy_kWh`, `tempf`, `tC`, `humidity_pct`. */
export function unitOfName(name: string): string | undefined {
  const last = name.slice(name.lastIndexOf('.') + 1)
  const bracket = inBrackets(last)
  if (bracket !== undefined) return bracket
  const small = last.toLowerCase().replaceAll('-', '_')
  if (small === 'celsius') return '°C'
  if (small === 'fahrenheit') return '°F'
  const whole = WHOLE.get(last)
  if (whole !== undefined) return whole
  if (last === 'tC' || last === 'tF') return last === 'tC' ? '°C' : '°F'
  for (const [ending, unit] of ENDINGS) {
    // Mega and milli differ by a capital only: `_MW` and `_mW` are left to their sources.
    if (small.endsWith(ending) && small.length > ending.length) return unit
  }
  for (const [letter, unit, words] of LETTERS) {
    const isCapital = letter !== letter.toLowerCase()
    if (isCapital && (last.endsWith(`_${letter}`) || last.endsWith(`-${letter}`))) return unit
    const isBeside = words.some(word => small.includes(word))
    if (isBeside && small.endsWith(`_${letter.toLowerCase()}`)) return unit
  }
  const glued = GLUED.exec(last)?.[1]
  return glued === undefined ? gluedTemperature(last, small) : (GLUED_UNITS[glued] ?? glued)
}

/** `temp (°C)`, `level [cm]`. */
function inBrackets(name: string): string | undefined {
  const open = Math.max(name.lastIndexOf('('), name.lastIndexOf('['))
  const isClosed = name.endsWith(')') || name.endsWith(']')
  return open > 0 && isClosed ? unitAfterNumber(name.slice(open + 1, -1).trim()) : undefined
}

/** `tempf`, `tempC`, `temp1f`, `temperatureF`, `dewPointC`. */
function gluedTemperature(last: string, small: string): string | undefined {
  const isTemperature = small.startsWith('temp') || small.includes('temperature') || small.startsWith('dewp')
  if (!isTemperature) return undefined
  const stem = small.slice(0, -1)
  const isSuffix =
    last.endsWith('C') || last.endsWith('F') || /^temp\d*$/.test(stem) || /^dewp(t|oin)?t?$/.test(stem)
  if (!isSuffix || stem.length < 4) return undefined
  if (small.endsWith('c')) return '°C'
  return small.endsWith('f') ? '°F' : undefined
}
