import type { Catalog, PresenceChange } from './catalog.ts'

const INTERVAL_MS = 1000

export interface WatchOptions {
  readonly catalog: Catalog
  /** Whether devices can reach us at all: a broker that is away makes nobody silent. */
  readonly isListening: () => boolean
  readonly announce: (changes: readonly PresenceChange[]) => void
}

/** Looks once a second who fell silent, or is back. Returns what ends it. */
export function watchPresence({ catalog, isListening, announce }: WatchOptions): () => void {
  const timer = setInterval(() => announce(catalog.listen(isListening())), INTERVAL_MS)
  timer.unref()
  return () => clearInterval(timer)
}
