import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '../store/backoff.ts'
import type { History } from '../store/store.ts'
import type { Catalog } from './catalog.ts'

/** How long a start waits for the store's answer; devices that it remembers appear later otherwise. */
const WAIT_MS = 2000

/**
 * Fills the catalog with the newest values that the store has; keeps asking while the store is away. Resolves when
 * they are in, or after 2 s.
 */
export async function fillCatalog(catalog: Catalog, history: History, signal: AbortSignal): Promise<void> {
  const filled = askUntilAnswered(catalog, history, signal)
  const waiting = new AbortController()
  await Promise.race([filled, sleep(WAIT_MS, undefined, { signal: waiting.signal }).catch(() => undefined)])
  waiting.abort()
}

async function askUntilAnswered(catalog: Catalog, history: History, signal: AbortSignal): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      catalog.fill(await history.lastValues())
      return
    } catch {
      // The writer reports a store that is away; here there is nothing to add.
      await sleep(backoffMs(attempt), undefined, { signal }).catch(() => undefined)
    }
  }
}
