/**
 * Full jitter: anywhere between nothing and the doubled ceiling, so that writers that failed together do not return
 * together. `attempt` counts from 0; milliseconds.
 */
export function backoffMs(attempt: number, maxMs = MAX_MS, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(maxMs, BASE_MS * 2 ** Math.min(attempt, 30))) + MIN_MS
}

const BASE_MS = 500
const MAX_MS = 30_000
/** Zero would be a busy loop by chance. */
const MIN_MS = 50
