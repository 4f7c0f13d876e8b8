import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { removeDataDir, startTrestle, type Trestle } from './trestle.ts'

let trestle: Trestle
afterEach(async () => {
  await trestle.stop()
  removeDataDir(trestle.dataDir)
})

it('every metric is documented', async () => {
  trestle = await startTrestle()
  const text = await (await fetch(`${trestle.url}/metrics`)).text()
  const names = [...text.matchAll(/^# TYPE (trestle_\w+) /gm)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(30)
  const page = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')
  expect(names.filter(name => !page.includes(`\`${name}\``))).toEqual([])
})
