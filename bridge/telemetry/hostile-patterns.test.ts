import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileTemplate } from '../decode/topic-template.ts'
import { matchesGlob } from './globs.ts'
import { isValidFilter, matchesFilter } from './topics.ts'

const SIZE = 64 * 1024
const repeat = (unit: string) => unit.repeat(Math.ceil(SIZE / unit.length)).slice(0, SIZE)
const TEXTS = ['a', 'ab', 'aaaaaaab', '/', 'a/', '+/', '*', '?', '{a}', '#/', '\u{1f321}', ' '].map(repeat)

/** The dearest that are known for whoever backtracks, and others at random. */
const HOSTILE = [
  ...['*a', '*?', '?*', '*a*b', '**', '*ab', 'a*', '*?a', '*aa?', '??', 'a?', '*a?b'].flatMap(unit =>
    [10, 60, 250].flatMap(length => [
      unit.repeat(length / unit.length),
      `${unit.repeat(length / unit.length)}!`,
    ]),
  ),
  ...fc.sample(
    fc.string({ unit: fc.constantFrom('*', '?', 'a', 'b', '/'), minLength: 200, maxLength: 250 }),
    {
      numRuns: 30,
      seed: 1,
    },
  ),
]

/** Of the processor, the fastest of three: others use the machine too. */
function tookMs(run: () => unknown): number {
  return Math.min(
    ...[1, 2, 3].map(() => {
      const start = process.cpuUsage()
      run()
      return process.cpuUsage(start).user / 1000
    }),
  )
}

it('a hundred hostile globs cost a text of 64 KB no more than 5 ms each', () => {
  expect(HOSTILE.length).toBeGreaterThanOrEqual(100)
  for (const glob of HOSTILE)
    for (const text of TEXTS) {
      const ms = tookMs(() => matchesGlob(glob, text))
      expect(ms, `${glob} on ${text.slice(0, 10)}`).toBeLessThan(5)
    }
})

it('a long text matches as a short one does', () => {
  const unit = fc.constantFrom('a', 'b', '?', '*')
  const glob = fc.string({ unit, maxLength: 12 })
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 14 })
  const pattern = (globText: string) =>
    new RegExp(`^${globText.replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`)
  // Of one character many times, so that the long way is taken; the meaning stays.
  const long = 'x'.repeat(20_001)
  fc.assert(
    fc.property(glob, text, (glob, text) => {
      const isMatch = pattern(glob).test(text)
      expect(matchesGlob(glob, text)).toBe(isMatch)
      expect(matchesGlob(`${glob}y*`, `${text}y${long}`)).toBe(pattern(`${glob}y*`).test(`${text}y`))
      expect(matchesGlob(`*y${glob}`, `${long}y${text}`)).toBe(pattern(`*y${glob}`).test(`y${text}`))
      expect(matchesGlob(`*y${glob}y*`, `${long}y${text}y${long}`)).toBe(
        pattern(`*y${glob}y*`).test(`y${text}y`),
      )
    }),
    { numRuns: 400 },
  )
})

it('a part longer than a word is found across words', () => {
  const part = 'abcdefghij'.repeat(10)
  const text = `${'abcdefghij'.repeat(9)}${'z'.repeat(30_000)}${part}${'z'.repeat(100)}`
  expect(matchesGlob(`*${part}*`, text)).toBe(true)
  expect(matchesGlob(`*${part.replaceAll('e', '?')}*`, text)).toBe(true)
  expect(matchesGlob(`*${part}a*`, text)).toBe(false)
})

it('topic filters cost a topic of 64 KB no more than 5 ms each', () => {
  const filters = [
    ...['+/', 'a/', '/', '+/a/'].map(unit => `${repeat(unit)}#`),
    '#',
    repeat('+/'),
    repeat('a'),
  ]
  for (const filter of filters)
    for (const text of TEXTS) {
      expect(tookMs(() => isValidFilter(filter))).toBeLessThan(5)
      expect(tookMs(() => matchesFilter(filter, text))).toBeLessThan(5)
    }
})

it('templates of rules cost a topic of 64 KB no more than 5 ms each', () => {
  const templates = [
    '{a...}/b',
    'b/{a...}',
    '{a}/{b...}/{c}',
    `${Array.from({ length: 40 }, (_, i) => `{x${i}}`).join('/')}/{rest...}/a`,
    `${'+/'.repeat(100)}#`,
    `${'a|b|c/'.repeat(40)}{rest...}/!`,
  ]
  for (const template of templates) {
    const match = compileTemplate(template)
    for (const text of TEXTS)
      expect(
        tookMs(() => match(text.split('/'))),
        template,
      ).toBeLessThan(5)
  }
})
