import { expect, it } from 'vitest'
import { fieldClass, isQuantityWord } from './field-classes.ts'
import { spellUnit, unitAfterNumber, unitOfName } from './units.ts'

it.each([
  ['temperature_C', '°C'],
  ['temp-C', '°C'],
  ['flow_temperature_c', '°C'],
  ['ENERGY.tempf', '°F'],
  ['tempc', '°C'],
  ['temp1f', '°F'],
  ['temperature.tC', '°C'],
  ['pressure_hPa', 'hPa'],
  ['wind_avg_m_s', 'm/s'],
  ['wind_max_km_h', 'km/h'],
  ['pm25_ug_m3', 'µg/m³'],
  ['total_m3', 'm³'],
  ['energy_kWh', 'kWh'],
  ['voltage_V', 'V'],
  ['hum-percent', '%'],
  ['temp (°C)', '°C'],
  ['level [cm]', 'cm'],
  ['battery_mV', 'mV'],
  ['level_m', 'm'],
  ['uptime_seconds', 's'],
  ['energykWh', 'kWh'],
  ['batteryPct', '%'],
  ['energy.kWh', 'kWh'],
  ['freqkHz', 'kHz'],
  ['current_ma', 'mA'],
  ['wind_kmh', 'km/h'],
])('the name %s says %s', (name, unit) => expect(unitOfName(name)).toBe(unit))

it.each([
  'temperature',
  'rain',
  'vitamin_c',
  'class_a',
  'panic',
  'attic',
  'half',
  'timer_m',
  'mm',
  'Fahrenheit_offset',
  'f',
  'x (old)',
  'power_MW',
  'powermW',
  'temp_ma',
])('the name %s says nothing', name => expect(unitOfName(name)).toBeUndefined())

it('units are kept as they came, but for the spellings of temperature', () => {
  expect(spellUnit('Cel')).toBe('°C')
  expect(spellUnit(' degF ')).toBe('°F')
  expect(spellUnit('%RH')).toBe('%RH')
  expect(spellUnit('')).toBeUndefined()
  expect(spellUnit('a sentence that is longer than units are')).toBeUndefined()
})

it('after a number only known units count', () => {
  expect(unitAfterNumber('seconds')).toBe('s')
  expect(unitAfterNumber('°C')).toBe('°C')
  expect(unitAfterNumber('apples')).toBeUndefined()
})

it('what a field measures follows from its unit, then from its name', () => {
  expect(fieldClass('x', 'kWh')).toBe('energy')
  expect(fieldClass('outdoorTemperature')).toBe('temperature')
  expect(fieldClass('температура')).toBe('temperature')
  expect(fieldClass('battery_voltage')).toBe('voltage')
  expect(fieldClass('mode')).toBeUndefined()
  expect(isQuantityWord('humidity')).toBe(true)
  expect(isQuantityWord('front_door')).toBe(false)
})
