/**
 * A process to be killed: writes the numbered batches of `crash-batches.ts` from where the store stands.
 *
 *     node bridge/store/embedded/crash-child.ts <directory>
 */

import { BATCHES, batchOf, clockAt } from './crash-batches.ts'
import { EmbeddedStore } from './embedded-store.ts'

let block = 0
const store = new EmbeddedStore({ directory: process.argv[2]!, now: () => clockAt(block) })
block = store.position()?.block ?? 0
while (block < BATCHES) {
  block++
  const verdict = await store.write(batchOf(block))
  if (verdict.kind !== 'written') throw new Error(JSON.stringify(verdict))
}
await store.close()
