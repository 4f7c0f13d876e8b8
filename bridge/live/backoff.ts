/** When to try again after a connection ended. Runs in browsers too. */

import { CLOSE } from './protocol.ts'

const FIRST_MS = 500
/** The server asked for it: it is full, or we were too slow or too fast for it. */
const FULL_MS = 30_000
const OVERLOAD_MS = 5_000

/** Trying again would end the same way, until somebody logs in. */
export function isFinal(code: number): boolean {
  return code === CLOSE.notAuthorised || code === CLOSE.forbidden || code === CLOSE.authTooLate
}

/**
 * Milliseconds to wait: anything up to a bound that doubles with each failure, so that a thousand dashboards do
 * not come back at the same moment.
 */
export function retryDelayMs(code: number, failures: number, maxMs: number, random = Math.random()): number {
  if (code === CLOSE.full) return FULL_MS * (1 + random)
  const least = code === CLOSE.tooSlow || code === CLOSE.tooFast ? OVERLOAD_MS : 0
  const bound = Math.min(maxMs, FIRST_MS * 2 ** Math.min(failures, 16))
  return least + Math.max(50, bound * random)
}
