/** Every ready-made device, by the name that scenario files use. */

import { airMonitor } from './air-monitor.ts'
import { climateSensor } from './climate-sensor.ts'
import { doorContact, windowContact } from './contacts.ts'
import { energyMeter } from './energy-meter.ts'
import { heatPump } from './heat-pump.ts'
import { homieThermostat } from './homie-thermostat.ts'
import { lamp } from './lamp.ts'
import { leakSensor } from './leak-sensor.ts'
import { motionSensor } from './motion-sensor.ts'
import type { MakeDevice } from './place.ts'
import { plantPot } from './plant-pot.ts'
import { radiator } from './radiator.ts'
import { shellyPlug } from './shelly-plug.ts'
import { shellyRelay } from './shelly-relay.ts'
import { tasmotaPlug } from './tasmota-plug.ts'
import { weatherStation } from './weather-station.ts'

export const KINDS = {
  'air-monitor': airMonitor,
  'climate-sensor': climateSensor,
  'door-contact': doorContact,
  'energy-meter': energyMeter,
  'heat-pump': heatPump,
  'homie-thermostat': homieThermostat,
  lamp,
  'leak-sensor': leakSensor,
  'motion-sensor': motionSensor,
  'plant-pot': plantPot,
  radiator,
  'shelly-plug': shellyPlug,
  'shelly-relay': shellyRelay,
  'tasmota-plug': tasmotaPlug,
  'weather-station': weatherStation,
  'window-contact': windowContact,
} as const satisfies Readonly<Record<string, MakeDevice>>

export type Kind = keyof typeof KINDS
