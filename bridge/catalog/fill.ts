import { setTimeout as sleep } from 'node:timers/promises'
import { backoffMs } from '../store/backoff.ts'
import type { History } from '../store/store.ts'
import type { Catalog } from './catalog.ts'

/**
 * How long a start waits for the store's answer, so that whoever asks at once sees the devices of before. Nothing that is
 * accepted leans on it (types are in the journal): with more to tell, or away, the store fills the catalog later.
 */
const WAIT_MS = 300

export interface FillParts {
  readonly catalog: Pick<Catalog, 'fill' | 'isComplete'>
  readonly history: Pick<History, 'lastValues'>
  /** The store has told all that it has. */
  readonly onFilled: () => void
  readonly signal: AbortSignal
}

/** Fills the catalog with the newest values that the store has; keeps asking while the store is away. */
export async function fillCatalog(parts: FillParts): Promise<void> {
  const tried = Promise.withResolvers<void>()
  void askUntilAnswered(parts, tried.resolve)
  const waiting = new AbortController()
  await Promise.race([
    tried.promise,
    sleep(WAIT_MS, undefined, { signal: waiting.signal }).catch(() => undefined),
  ])
  waiting.abort()
}

async function askUntilAnswered(
  { catalog, history, onFilled, signal }: FillParts,
  onTried: () => void,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      catalog.fill(await history.lastValues())
      catalog.isComplete = true
      onFilled()
      return
    } catch {
      // The writer reports a store that is away; here there is nothing to add.
    } finally {
      onTried()
    }
    await sleep(backoffMs(attempt), undefined, { signal }).catch(() => undefined)
  }
}
