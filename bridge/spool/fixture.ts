/** For tests: a spool that has room, commits at once and tells nobody. */

import type { SpoolOptions } from './spool.ts'

export const SPOOL_OPTIONS: Omit<SpoolOptions, 'dir' | 'nodeId'> = {
  maxBytes: 1e9,
  policy: 'refuse',
  segmentBytes: 16 * 1024 ** 2,
  lingerMs: 0,
  quietLingerMs: 0,
  holdMs: 1000,
  maxPendingBytes: 1e9,
  maxPendingMessages: 1e6,
  keepMs: 0,
  keepBytes: 0,
  beforeCommit: () => null,
  onCommit: () => undefined,
  onOverflow: () => undefined,
  log: { warn: () => undefined, error: () => undefined },
}
