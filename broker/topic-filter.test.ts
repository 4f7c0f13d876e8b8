import { expect, it } from 'vitest'
import { matchesFilter } from './topic-filter.ts'

it.each([
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['a/+', 'a/b', true],
  ['a/+', 'a', false],
  ['a/+', 'a/', true],
  ['+', '/a', false],
  ['/+', '/a', true],
  ['#', 'a/b/c', true],
  ['a/#', 'a', true],
  ['a/#', 'ab', false],
  ['a/+/c/#', 'a/b/c/d/e', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
])('%s and %s: %s', (filter, topic, matches) => {
  expect(matchesFilter(filter, topic)).toBe(matches)
})
