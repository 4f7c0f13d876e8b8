/** How Grafana calls the units that the catalog spells. A unit that is missing here is a line here. */

import {
  Ampere,
  Celsius,
  DecibelMilliWatt,
  Fahrenheit,
  Hectopascals,
  Hertz,
  KilometersPerHour,
  KiloWatt,
  KiloWattHour,
  Lux,
  MetersPerSecond,
  MicrogramPerCubicMeter,
  Millimeter,
  PartsPerMillion,
  Percent,
  Volt,
  Watt,
  WattHour,
} from '@grafana/grafana-foundation-sdk/units'

export const GRAFANA_UNITS = {
  '°C': Celsius,
  '°F': Fahrenheit,
  '%': Percent,
  ppm: PartsPerMillion,
  hPa: Hectopascals,
  lx: Lux,
  W: Watt,
  kW: KiloWatt,
  Wh: WattHour,
  kWh: KiloWattHour,
  V: Volt,
  A: Ampere,
  Hz: Hertz,
  'm/s': MetersPerSecond,
  'km/h': KilometersPerHour,
  mm: Millimeter,
  dBm: DecibelMilliWatt,
  'µg/m³': MicrogramPerCubicMeter,
} as const

export type CatalogUnit = keyof typeof GRAFANA_UNITS
