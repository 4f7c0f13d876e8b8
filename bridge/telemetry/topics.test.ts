import fc from 'fast-check'
import { expect, it } from 'vitest'
import { matchesGlob } from './globs.ts'
import { isValidFilter, matchesFilter } from './topics.ts'

it.each([
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['#', 'a/b', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/x', true],
  ['a/b', 'a/b', true],
  ['a/b', 'a/bc', false],
  ['a/b/c', 'a/b', false],
  ['a', 'a/b', false],
])('filter %s, topic %s: %s [MQTT-4.7]', (filter, topic, matches) =>
  expect(matchesFilter(filter, topic)).toBe(matches),
)

it.each(['#', 'a/#', '+', '+/a/#', 'a/+/b', '/'])('%s is a filter', filter =>
  expect(isValidFilter(filter)).toBe(true),
)
it.each(['', 'a#', 'a/#/b', 'a+', 'a+/b', 'sport+', 'a/b\0'])('%j is none', filter =>
  expect(isValidFilter(filter)).toBe(false),
)

it.each([
  ['kitchen-*', 'kitchen-thermo', true],
  ['*', '', true],
  ['*', 'a/b', true],
  ['a?c', 'abc', true],
  ['a?c', 'ac', false],
  ['*.Power.*', 'ENERGY.Power.0', true],
  ['*a*b', 'xaxbxb', true],
  ['abc', 'ABC', false],
  ['a*', 'ba', false],
])('glob %s, text %s: %s', (glob, text, matches) => expect(matchesGlob(glob, text)).toBe(matches))

it('a hostile glob costs little', () => {
  const start = performance.now()
  expect(matchesGlob(`${'*a'.repeat(100)}b`, 'a'.repeat(5_000))).toBe(false)
  expect(performance.now() - start).toBeLessThan(100)
})

it('matches as level by level it should, whatever the levels', () => {
  const level = fc.constantFrom('', 'a', 'b', '$x', 'ab', '+', '#', 'a+')
  const levels = fc.array(level, { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(levels, levels, (filterLevels, topicLevels) => {
      const filter = filterLevels.join('/')
      const topic = topicLevels.map(text => text.replace(/[+#]/g, 'c')).join('/')
      const isValid =
        filter !== '' &&
        filterLevels.every(
          (text, i) => !/[+#]/.test(text) || text === '+' || (text === '#' && i === filterLevels.length - 1),
        )
      expect(isValidFilter(filter)).toBe(isValid)
      if (!isValid || topic === '') return
      const pattern = filter
        .replaceAll('$', '\\$')
        .replaceAll('+', '[^/]*')
        .replace(/(^|\/)#$/, (_, slash) => (slash ? '(/.*)?' : '.*'))
      const isHidden = topic.startsWith('$') && !filter.startsWith('$')
      expect(matchesFilter(filter, topic), `${filter} ${topic}`).toBe(
        !isHidden && new RegExp(`^${pattern}$`).test(topic),
      )
    }),
    { numRuns: 5_000 },
  )
})
