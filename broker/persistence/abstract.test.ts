/** The tests that come with aedes-persistence, for every persistence of Aedes. */

import assert from 'node:assert'
// @ts-expect-error: it comes without types
import abstractTests from 'aedes-persistence/abstract.js'
import { afterAll, describe, it } from 'vitest'
import { seeded } from '../seeded.ts'
import { answerLate, newDirectory, persistenceOptions } from './fixture.ts'
import { SqlitePersistence } from './sqlite-persistence.ts'

const directories: { remove(): void }[] = []
afterAll(() => {
  for (const directory of directories) directory.remove()
})

function newPersistence(): SqlitePersistence {
  const directory = newDirectory()
  directories.push(directory)
  return new SqlitePersistence(persistenceOptions(directory.path))
}

/** The part of node:test's context that they use; a plan that is not kept fails. */
function contextOf() {
  let planned: number | null = null
  let made = 0
  const counting = new Proxy(assert, {
    get(target, name) {
      made++
      return Reflect.get(target, name)
    },
  })
  return {
    assert: counting,
    plan: (count: number) => {
      planned = count
    },
    diagnostic: () => undefined,
    check: () => {
      if (planned !== null) assert.equal(made, planned, 'as many assertions as planned')
    },
  }
}

describe.each([
  { name: 'answers at once', persistence: newPersistence },
  { name: 'answers late', persistence: () => answerLate(newPersistence(), seeded(1), 4) },
])('a persistence that $name', ({ persistence }) => {
  abstractTests({
    testAsync: true,
    persistence,
    test: (name: string, run: (context: unknown) => Promise<void>) =>
      it.concurrent(name, async () => {
        const context = contextOf()
        await run(context)
        context.check()
      }, 60_000),
  })
})
