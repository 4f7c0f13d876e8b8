import fc from 'fast-check'
import { expect, it } from 'vitest'
import { cleanName, cleanRoom, MAX_NAME_LENGTH } from './names.ts'

/** Whatever would end a tag or a line in line protocol, or a query in a dashboard. */
function isSafe(name: string): boolean {
  return (
    [...name].every(char => char >= ' ' && !(char >= '\x7f' && char < '\xa0')) &&
    !name.endsWith('\\') &&
    name.isWellFormed()
  )
}

it('no name carries control characters, a trailing backslash or half a character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.string(), (a, b) => {
      for (const name of [a, `${a}\\`, `${b}\n${a}`, `\ud800${b}`]) {
        expect(isSafe(cleanName(name))).toBe(true)
        expect(cleanName(name).length).toBeLessThanOrEqual(MAX_NAME_LENGTH)
      }
    }),
  )
})

it('what is clean stays as it is', () => {
  for (const name of ['thermo-1', 'living room/lamp', 'кухня', '🏡 Home', 'a\\b', 'x=1,y'])
    expect(cleanName(name)).toBe(name)
})

it('what was different stays different', () => {
  const names = ['a', 'a\n', 'a\r', 'a\\', 'a\\\\', 'a\x00']
  expect(new Set(names.map(name => cleanName(name))).size).toBe(names.length)
})

it('rooms hold nothing that means something in a regular expression or a path', () => {
  expect(cleanRoom('3rd/floor')).toBe('3rd-floor')
  expect(cleanRoom('Küche (unten)')).toBe('Küche-unten')
  expect(cleanRoom('.*')).toBeUndefined()
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), room => {
      expect(cleanRoom(room) ?? '').not.toMatch(/[/\\^$.*+?()[\]{}|]/)
    }),
  )
})
