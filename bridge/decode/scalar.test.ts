import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { numberOf, scalarOf } from './scalar.ts'

describe('numbers', () => {
  it.each([
    ['21', 21],
    ['-12.75', -12.75],
    ['+3.5', 3.5],
    ['.5', 0.5],
    ['5.', 5],
    ['1.5e3', 1500],
    ['2E-3', 0.002],
    ['1e5', 100_000],
    ['9007199254740993', 9007199254740993n],
  ])('%s', (text, value) => expect(numberOf(text)).toBe(value))

  it.each([
    '',
    '-',
    '.',
    '007',
    '00.5',
    '12e45678',
    '1e+999',
    '1,5',
    '0x1F',
    '1 2',
    '192.168.1.2',
    '2024-11-03',
    'NaN',
    '١٢',
  ])('not %s', text => expect(numberOf(text)).toBeUndefined())

  it('every double as JavaScript writes it, but for long exponents without sign or point', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), x => {
        const text = String(x)
        expect(Number(numberOf(text) ?? x)).toBe(x === 0 ? 0 : x)
      }),
    )
  })
})

describe('whole payloads', () => {
  it.each([
    ['21.5 °C', { value: 21.5, unit: '°C' }],
    ['54.3%', { value: 54.3, unit: '%' }],
    ['188 seconds', { value: 188, unit: 's' }],
    ['ON', { value: true }],
    ['offline', { value: 'offline' }],
    ['21,5', { value: 21.5 }],
    ['1,234', { value: '1,234' }],
    ['21.5 apples', { value: '21.5 apples' }],
    ['open', { value: 'open' }],
    ['NONE', { value: 'NONE' }],
  ])('%s', (text, scalar) => expect(scalarOf(text)).toEqual(scalar))

  it.each(['nan', 'None', 'unavailable', 'null', '--', '-inf'])('%s is no value', text =>
    expect(scalarOf(text)).toBeUndefined(),
  )
})
