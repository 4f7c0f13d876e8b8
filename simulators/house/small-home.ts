/** Ten devices in five rooms: what a newcomer sees first. */

import type { Device } from '../device.ts'
import * as field from '../fields.ts'
import type { Random } from '../random.ts'
import { espHome } from '../shapes/esphome.ts'
import { plainJson } from '../shapes/plain-json.ts'
import { shellyGen2 } from '../shapes/shelly.ts'
import { tasmota } from '../shapes/tasmota.ts'
import { zigbee2mqtt } from '../shapes/zigbee2mqtt.ts'
import { battery, drying, energyKwh, inSteps, type Signal } from '../signal.ts'
import { fridge, switchedLoad, whileUsed } from './appliances.ts'
import { House } from './house.ts'

export function smallHome(random: Random, startMs: number): Device[] {
  const house = new House(
    {
      'living-room': { glazing: 0.03 },
      kitchen: { isWet: true },
      bedroom: { setpoint: 18.5 },
      bathroom: { setpoint: 22, isWet: true },
      garden: { isOutside: true },
    },
    random.fork('house'),
    startMs,
  )
  const living = house.room('living-room')
  const kitchen = house.room('kitchen')
  const bedroom = house.room('bedroom')
  const bathroom = house.room('bathroom')
  const garden = house.room('garden')
  const of = (name: string): Random => random.fork(name)
  const zigbee = zigbee2mqtt()

  const fridgePower = house.signal(fridge(of('fridge')))
  const fridgeRelay = { on: true }
  const fridgeLoad = switchedLoad(fridgeRelay, fridgePower)
  const television = { on: true }
  const televisionPower = switchedLoad(
    television,
    house.signal(whileUsed(living.motion, 0.6, 96, of('television'))),
  )
  const mains = house.signal(house.weather.mains)

  return [
    {
      name: 'bedroom_climate',
      room: 'Bedroom',
      make: { vendor: 'Aqara', model: 'WSDCGQ11LM', description: 'Temperature and humidity sensor' },
      shape: zigbee,
      schedule: { everyMs: 4000 },
      fields: {
        temperature: field.temperature(house.signal(bedroom.temperature), of('bedroom t'), 0.01),
        humidity: field.humidity(house.signal(bedroom.humidity), of('bedroom h'), 0.01),
        battery: field.percent(battery(of('bedroom battery')), 'battery'),
        linkquality: field.linkQuality(of('bedroom lqi'), 110),
      },
    },
    {
      name: 'bathroom_climate',
      room: 'Bathroom',
      make: {
        vendor: 'Sonoff',
        model: 'SNZB-02D',
        description: 'Temperature and humidity sensor with a screen',
      },
      shape: zigbee,
      schedule: { everyMs: 5000 },
      fields: {
        temperature: field.temperature(house.signal(bathroom.temperature), of('bathroom t'), 0.1),
        humidity: field.humidity(house.signal(bathroom.humidity), of('bathroom h'), 0.1),
        battery: field.percent(battery(of('bathroom battery')), 'battery'),
        linkquality: field.linkQuality(of('bathroom lqi'), 74),
      },
    },
    {
      name: 'living_room_motion',
      room: 'Living room',
      make: { vendor: 'Philips', model: '9290012607', description: 'Hue motion sensor' },
      shape: zigbee,
      schedule: { everyMs: 5000, watch: ['occupancy'] },
      fields: {
        occupancy: field.flag(house.signal(living.motion), 'motion'),
        illuminance: field.illuminance(house.signal(living.light), of('living lux')),
        battery: field.percent(battery(of('motion battery')), 'battery'),
        linkquality: field.linkQuality(of('motion lqi'), 96),
      },
    },
    {
      name: 'living_room_lamp',
      room: 'Living room',
      make: { vendor: 'IKEA', model: 'LED2005R5', description: 'TRADFRI bulb, dimmable' },
      shape: zigbee,
      schedule: { everyMs: 5000, watch: ['state'] },
      fields: {
        state: field.switched(living.lamp),
        brightness: field.settable(living.brightness, 0, 254),
        linkquality: field.linkQuality(of('lamp lqi'), 141),
      },
    },
    {
      name: 'living_room_radiator',
      room: 'Living room',
      make: { vendor: 'Aqara', model: 'SRTS-A01', description: 'Radiator thermostat' },
      shape: zigbee,
      schedule: { everyMs: 4000 },
      fields: {
        local_temperature: field.temperature(house.signal(living.temperature), of('trv t'), 0.1),
        occupied_heating_setpoint: field.settable(living.setpoint, 5, 30, '°C', 'temperature'),
        position: { read: house.signal(living.valve), unit: '%' },
        battery: field.percent(battery(of('trv battery')), 'battery'),
      },
    },
    {
      name: 'Fridge plug',
      room: 'Kitchen',
      shape: tasmota('kitchen_fridge'),
      schedule: { everyMs: 3000 },
      fields: {
        POWER: field.switched(fridgeRelay),
        'ENERGY.Total': field.energy(energyKwh(fridgeLoad, 381.7)),
        'ENERGY.Power': field.power(fridgeLoad, of('fridge power'), 1),
        'ENERGY.Voltage': field.voltage(mains, of('fridge volt'), 1),
        'ENERGY.Current': field.current(fridgeLoad, mains),
        'Wifi.Signal': field.signalStrength(of('fridge wifi'), -58),
      },
    },
    {
      name: 'Television',
      room: 'Living room',
      shape: shellyGen2('shellyplusplugs-80646fd0c3a4'),
      schedule: { everyMs: 2500, watch: ['switch:0.output'] },
      fields: {
        'switch:0.output': field.switched(television),
        'switch:0.apower': field.power(televisionPower, of('tv power')),
        'switch:0.voltage': field.voltage(mains, of('tv volt')),
        'switch:0.current': field.current(televisionPower, mains),
        'switch:0.aenergy.total': { read: wattHours(televisionPower, 37_614), unit: 'Wh', class: 'energy' },
      },
    },
    {
      name: 'Kitchen air',
      room: 'Kitchen',
      shape: espHome('kitchen-air'),
      schedule: { everyMs: 4000 },
      fields: {
        'sensor/temperature': field.temperature(house.signal(kitchen.temperature), of('kitchen t'), 0.1),
        'sensor/humidity': field.humidity(house.signal(kitchen.humidity), of('kitchen h'), 0.1),
        'sensor/co2': field.carbonDioxide(house.signal(kitchen.co2), of('kitchen co2')),
        'binary_sensor/window': field.flag(house.signal(kitchen.window), 'opening'),
      },
    },
    {
      name: 'Weather station',
      room: 'Garden',
      shape: plainJson('garden', 'weather-station'),
      schedule: { everyMs: 2000 },
      fields: {
        temperature: field.temperature(house.signal(garden.temperature), of('garden t'), 0.1),
        humidity: field.humidity(house.signal(garden.humidity), of('garden h'), 1),
        pressure: field.pressure(house.signal(house.weather.pressure), of('garden p')),
        illuminance: field.illuminance(house.signal(house.weather.daylight), of('garden lux')),
        wind_speed: field.windSpeed(house.signal(house.weather.windSpeed)),
      },
    },
    {
      name: 'Plant pot',
      room: 'Living room',
      shape: plainJson('living-room', 'plant-pot', { hasTime: false }),
      schedule: { everyMs: 5000 },
      fields: {
        soil_moisture: field.percent(drying(of('soil'), startMs), 'moisture'),
        temperature: field.temperature(house.signal(living.temperature), of('soil t'), 0.1),
        battery: field.percent(battery(of('soil battery')), 'battery'),
      },
    },
  ]
}

function wattHours(powerW: Signal, start: number): Signal {
  const kwh = energyKwh(powerW, start / 1000)
  return nowMs => inSteps(kwh(nowMs) * 1000, 0.001)
}
