/**
 * Preloaded into the bridge by a test, also into its threads: a method throws, once, as a fault of ours would.
 * THROW_IN is `<file below bridge/..> <class> <method> <which call>`; empty: nothing happens.
 */

import { writeSync } from 'node:fs'

/** What it says on stderr, at once. */
const THROWN = 'thrown on purpose'

const [file, name, method, call] = (process.env.THROW_IN ?? '').split(' ')
if (file && name && method) {
  const module = (await import(new URL(`../../../${file}`, import.meta.url).href)) as Record<
    string,
    { prototype: Record<string, (...given: unknown[]) => unknown> }
  >
  const { prototype } = module[name]!
  const original = prototype[method]!
  let calls = 0
  prototype[method] = function (...given) {
    if (++calls === Number(call)) {
      writeSync(2, `${THROWN}\n`)
      throw new Error(THROWN)
    }
    return original.apply(this, given)
  }
}
