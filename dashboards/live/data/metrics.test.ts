import { expect, test } from 'vitest'
import { parseMetrics } from './metrics.ts'

test('reads names with labels, leaves comments and nonsense', () => {
  const metrics = parseMetrics('# HELP a b\n# TYPE a counter\na 1\n\nb{reason="x y"} 2.5\nc NaN\nodd\nd 1e3\n')
  expect([...metrics]).toEqual([['a', 1], ['b{reason="x y"}', 2.5], ['d', 1000]])
})
