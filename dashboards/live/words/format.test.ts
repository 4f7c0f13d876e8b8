import { describe, expect, test } from 'vitest'
import {
  clockSeconds,
  decimalsFor,
  digitsOf,
  formatAge,
  formatBytes,
  formatNumber,
  plural,
} from './format.ts'

describe('ages', () => {
  test.each([
    [-500, '1 s'],
    [0, '1 s'],
    [999, '1 s'],
    [4_200, '4 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [12 * 60_000, '12 min'],
    [3_600_000, '1 h'],
    [47 * 3_600_000, '47 h'],
    [48 * 3_600_000, '2 d'],
  ])('%d ms is %s', (ms, text) => expect(formatAge(ms)).toBe(text))
})

describe('numbers', () => {
  test('minus is a minus sign, thousands are grouped, zero has no sign', () => {
    expect(formatNumber(-1240.4, 0)).toBe('−1,240')
    expect(formatNumber(-0.04, 1)).toBe('0.0')
    expect(formatNumber(21.55, 1)).toBe('21.6')
  })

  test('decimals are decided by the unit first, then by size', () => {
    expect(decimalsFor('°C', 21.5, 1)).toBe(1)
    expect(decimalsFor('°C', 21, 0)).toBe(1)
    expect(decimalsFor('%', 47.25, 2)).toBe(0)
    expect(decimalsFor('W', 1460.2, 1)).toBe(0)
    expect(decimalsFor('W', 8.21, 2)).toBe(2)
    expect(decimalsFor(null, 3, 0)).toBe(0)
    expect(decimalsFor(null, 31.123, 3)).toBe(1)
  })

  test('digits of a number survive the usual noise of doubles', () => {
    expect(digitsOf(0.1 + 0.2)).toBe(1)
    expect(digitsOf(5)).toBe(0)
    expect(digitsOf(Math.PI)).toBe(3)
  })

  test('bytes and counts', () => {
    expect(formatBytes(171)).toBe('171\u2009B')
    expect(formatBytes(1234)).toBe('1.2\u2009kB')
    expect(plural(1, 'device')).toBe('1 device')
    expect(plural(1240, 'device')).toBe('1,240 devices')
  })
})

test('times of day are local', () => {
  const at = new Date(2026, 2, 3, 4, 5, 6).getTime()
  expect(clockSeconds(at)).toBe('04:05:06')
})
