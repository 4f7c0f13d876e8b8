import fc from 'fast-check'
import { expect, it } from 'vitest'
import { matchesFilter } from '../topic-filter.ts'
import { TopicTree } from './topic-tree.ts'

const level = fc.constantFrom('a', 'b', '', '$SYS', 'constructor', '__proto__')
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => (isOpen || levels.length === 0 ? [...levels, '#'] : levels).join('/'))

function treeOf(
  paths: readonly string[],
  removed: readonly string[],
): { tree: TopicTree<string>; left: string[] } {
  const tree = new TopicTree<string>()
  for (const path of paths) tree.set(path, path)
  for (const path of removed) tree.delete(path)
  return { tree, left: [...new Set(paths)].filter(path => !removed.includes(path)) }
}

it('finds the filters that match a topic, and no others', () => {
  fc.assert(
    fc.property(fc.array(filter), fc.array(filter), topic, (filters, removed, wanted) => {
      const { tree, left } = treeOf(filters, removed)
      expect(tree.matchingFilters(wanted).toSorted()).toEqual(
        left.filter(path => matchesFilter(path, wanted)).toSorted(),
      )
      expect(tree.size).toBe(left.length)
    }),
    { numRuns: 2000 },
  )
})

it('finds the topics that a filter matches, and no others', () => {
  fc.assert(
    fc.property(fc.array(topic), fc.array(topic), filter, (topics, removed, wanted) => {
      const { tree, left } = treeOf(topics, removed)
      expect([...tree.matchingTopics(wanted)].toSorted()).toEqual(
        left.filter(path => matchesFilter(wanted, path)).toSorted(),
      )
    }),
    { numRuns: 2000 },
  )
})
