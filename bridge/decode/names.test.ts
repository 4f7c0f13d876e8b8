import fc from 'fast-check'
import { expect, it } from 'vitest'
import { writableName } from '../store/line-protocol.ts'
import { cleanName, cleanRoom, MAX_NAME_LENGTH, uniqueName, uniqueOnce } from './names.ts'

/** Whatever would end a tag or a line in line protocol, turn a line of text around, or stand there unseen. */
const HOSTILE = [
  ...[
    '\0',
    '\n',
    '\r',
    '\t',
    '\x1b',
    '\x7f',
    '\x85',
    '\x9f',
    '\u2028',
    '\u2029',
    '\ud800',
    '\udfff',
    '\ufeff',
  ],
  ...['\u202a', '\u202e', '\u2066', '\u2069', '\u200b', '\u2060', '\ufffd', '\u2421', '\u240a', '\u29f5'],
  ...['\\', '\\\\', '"', ',', '=', ' ', '#', '/', '.', '~', '_', 'a', 'é', '🌡', 'b'.repeat(200)],
]
const hostile = fc.string({ unit: fc.constantFrom(...HOSTILE), maxLength: 12 })

it('no name carries what would end a tag or a line, or hides what it is', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.string({ unit: 'binary', maxLength: 300 })), name => {
      for (const clean of [cleanName(name), uniqueName(name)]) {
        expect(clean).not.toMatch(/[\p{Cc}\p{Cs}\u200b\u2028-\u202e\u2060-\u206f\ufeff]/u)
        expect(writableName(clean)).toBe(clean)
        expect(clean.length).toBeLessThanOrEqual(MAX_NAME_LENGTH)
        expect(clean).not.toBe('')
      }
    }),
    { numRuns: 5_000 },
  )
})

it('what is clean stays as it is', () => {
  for (const name of [
    'thermo-1',
    'living room/lamp',
    'кухня',
    '🏡 Home',
    'a\\b',
    'x=1,y',
    'می‌خواهم',
    '👨‍👩‍👧',
  ])
    expect(uniqueName(name)).toBe(name)
})

it('different names stay different: no device falls onto the series of another', () => {
  const taken = new Map<string, string>()
  const take = (name: string) => {
    const clean = uniqueName(name)
    expect(taken.get(clean) ?? name).toBe(name)
    taken.set(clean, name)
    return clean
  }
  fc.assert(
    fc.property(hostile, name => {
      // What a cleaned name looks like is a name as well, and so is what that becomes.
      take(take(take(name)))
      take(cleanName(name))
      take(writableName(name))
    }),
    { numRuns: 20_000 },
  )
  expect(taken.size).toBeGreaterThan(20_000)
})

it('a name that went through once is known again', () => {
  for (const name of ['a', 'a\n', 'a\\', 'b'.repeat(300)])
    expect(uniqueOnce(uniqueName(name))).toBe(uniqueName(name))
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
