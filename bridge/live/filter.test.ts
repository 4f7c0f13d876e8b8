import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesGlob } from '../telemetry/globs.ts'
import { Filter } from './filter.ts'

describe('globs', () => {
  test('agree with the regular expression that says the same', () => {
    const letters = fc.constantFrom('a', 'b', '/', '*', '?', '.')
    const text = fc.array(letters, { maxLength: 12 }).map(list => list.join(''))
    fc.assert(
      fc.property(text, text, (glob, name) => {
        const escaped = glob.replaceAll('.', '\\.').replaceAll('*', '[^]*').replaceAll('?', '[^]')
        expect(matchesGlob(glob, name)).toBe(new RegExp(`^${escaped}$`).test(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('are case-sensitive, and cheap even when written to be dear', () => {
    expect(matchesGlob('Kitchen-*', 'kitchen-1')).toBe(false)
    const startMs = performance.now()
    expect(matchesGlob(`${'a*'.repeat(120)}b`, 'a'.repeat(256))).toBe(false)
    expect(performance.now() - startMs).toBeLessThan(100)
  })
})

test('a device is meant by its id or by its name of now; a rename counts from the next reading on', () => {
  const names = new Map([['0xa1', 'kitchen']])
  const called = { of: (id: string) => names.get(id) ?? null, version: 0 }
  const filter = new Filter({ devices: ['kitch*', 'lamp'] }, called)
  const matching = () => ['0xa1', '0xb2', 'lamp'].filter(id => filter.matches(id, ''))
  expect(matching()).toEqual(['0xa1', 'lamp'])
  names.set('0xa1', 'hall').set('0xb2', 'kitchenette')
  called.version++
  expect(matching()).toEqual(['0xb2', 'lamp'])
  expect(new Filter({ devices: ['0xa1'] }, called).matches('0xa1', '')).toBe(true)
})

test('kinds are combined by AND, patterns by OR; fields that do not match are left out', () => {
  const filter = new Filter({ devices: ['a', 'b*'], topics: ['home/#'], fields: ['temp*'] })
  const of = (device: string, topic: string, ...names: string[]) => {
    const fields = names.map(name => ({ name, value: 1 }))
    const selected = filter.select({ seq: 1, device, topic, tags: {}, fields, timeUs: 0, receivedUs: 0 })
    return selected?.map(field => field.name)
  }
  expect(of('a', 'home/x', 'temperature', 'humidity')).toEqual(['temperature'])
  expect(of('bb', 'home/x', 'temp')).toEqual(['temp'])
  expect(of('a', 'office/x', 'temp')).toBeUndefined()
  expect(of('c', 'home/x', 'temp')).toBeUndefined()
  expect(of('a', 'home/x', 'humidity')).toBeUndefined()
})
