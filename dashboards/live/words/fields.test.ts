import { describe, expect, test } from 'vitest'
import { asSwitch, fieldLabel, fieldRank, isAlarm, kindOf, secondaryText, valueWord } from './fields.ts'

const field = (name: string, unit: string | null = null, deviceClass: string | null = null) => ({
  name,
  unit,
  class: deviceClass,
})

describe('values in words', () => {
  test('a Zigbee contact is true when shut, a Home Assistant door is true when open', () => {
    expect(valueWord(field('contact'), true, 0)).toBe('Closed')
    expect(valueWord(field('contact', null, 'door'), false, 0)).toBe('Open')
    expect(valueWord(field('front', null, 'door'), true, 0)).toBe('Open')
  })

  test('ON and OFF read as a switch, other text stays as it came', () => {
    expect(valueWord(field('state'), 'OFF', 0)).toBe('Off')
    expect(asSwitch(field('state'), 'ON')).toBe(true)
    expect(asSwitch(field('mode'), 'heat')).toBeNull()
    expect(valueWord(field('mode'), '<b>heat</b>', 0)).toBe('<b>heat</b>')
  })

  test('only what a device itself reports is an alarm', () => {
    expect(isAlarm(field('water_leak'), true)).toBe(true)
    expect(isAlarm(field('water_leak'), false)).toBe(false)
    expect(isAlarm(field('temperature', '°C'), 95)).toBe(false)
  })

  test('secondary values are named where the unit does not tell', () => {
    expect(secondaryText(field('humidity', '%'), 47, 0)).toBe('47\u2009%')
    expect(secondaryText(field('battery', '%'), 91, 0)).toBe('bat 91\u2009%')
    expect(secondaryText(field('linkquality', 'lqi'), 142, 0)).toBe('link 142')
    expect(secondaryText(field('ENERGY.Power'), 2, 0)).toBe('power 2')
    expect(secondaryText(field('temperature'), 21, 0)).toBe('temperature 21')
    expect(secondaryText(field('voltage', 'V'), 231, 0)).toBe('231\u2009V')
  })
})

test('names of fields become labels', () => {
  expect(fieldLabel('energy_today')).toBe('Energy today')
  expect(fieldLabel('powerFactor')).toBe('Power Factor')
  expect(fieldLabel('co2')).toBe('CO₂')
  expect(fieldLabel('ENERGY.Power')).toBe('Energy Power')
  expect(fieldLabel('switch:0.apower')).toBe('Switch 0 apower')
})

test('what matters in the room comes before what speaks about the device', () => {
  const order = ['battery', 'temperature', 'linkquality', 'odd', 'water_leak', 'humidity'].sort(
    (a, b) => fieldRank(field(a)) - fieldRank(field(b)),
  )
  expect(order.slice(0, 4)).toEqual(['water_leak', 'temperature', 'humidity', 'odd'])
  expect(kindOf(field('apower', 'W'))).toBe('energy')
  expect(kindOf(field('T1', '°C'))).toBe('climate')
})
