import { expect, it } from 'vitest'
import type { JsonObject } from './json.ts'
import { NO_NUMBER, NO_ROW, rowNumbered, rowNumberOf, rowOf } from './key-rows.ts'

const object = (...names: string[]): JsonObject => Object.fromEntries(names.map(name => [name, 1]))
const namesOf = (row: readonly { readonly name: string }[]) => row.map(({ name }) => name)

it('the same names in the same order are the same row, whatever else came between', () => {
  const row = rowOf(object('temperature', 'humidity'))
  expect(namesOf(row)).toEqual(['temperature', 'humidity'])
  expect(namesOf(rowOf(object('temperature')))).toEqual(['temperature'])
  expect(namesOf(rowOf(object('temperature', 'ts', 'humidity')))).toEqual(['temperature', 'ts', 'humidity'])
  expect(namesOf(rowOf(object('humidity', 'temperature')))).toEqual(['humidity', 'temperature'])
  expect(namesOf(rowOf(object('pressure')))).toEqual(['pressure'])
  expect(rowOf(object('temperature', 'humidity'))).toBe(row)
})

it('names that every object has are names like others', () => {
  expect(namesOf(rowOf(JSON.parse('{"__proto__":1,"constructor":2}')))).toEqual(['__proto__', 'constructor'])
})

it('no row is a part of one: an object has all of its keys in it, or none', () => {
  const many = Array.from({ length: 40 }, (_, i) => `key${i}`)
  expect(rowOf(object(...many))).toBe(NO_ROW)
  expect(rowOf(object('temperature', 'x'.repeat(200)))).toBe(NO_ROW)
  expect(namesOf(rowOf(object(...many.slice(0, 32))))).toHaveLength(32)
})

it('random names do not stay for ever, and what comes after them is read as before', () => {
  const before = rowOf(object('temperature', 'humidity'))
  for (let i = 0; i < 25_000; i++) rowOf(object(`random${i}`))
  const row = rowOf(object('temperature', 'humidity'))
  expect(row).not.toBe(before)
  expect(namesOf(row)).toEqual(['temperature', 'humidity'])
})

it('a number is of one row for ever: of none after the tree started anew', () => {
  const names = object('temperature', 'humidity')
  const number = rowNumberOf(names)
  expect(rowNumbered(number)).toBe(rowOf(names))
  expect(rowNumbered(NO_NUMBER)).toBe(NO_ROW)
  expect(rowNumberOf(object('x'.repeat(200)))).toBe(NO_NUMBER)
  for (let i = 0; i < 10_500; i++) rowOf(object(`once${i}`))
  expect(rowNumbered(number)).toBe(NO_ROW)
  expect(rowNumberOf(names)).toBeGreaterThan(number)
  expect(rowNumbered(rowNumberOf(names))).toBe(rowOf(names))
})
