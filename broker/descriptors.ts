/**
 * Room among the files and sockets that a process may have open. The kernel gives the lowest number that is free: one
 * near the limit says that nearly all below are taken, by whatever part of the process, and nobody has to count.
 *
 * Some are kept for those that must go on when clients take all the rest: spool, stores, what was accepted already.
 */

import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'

/** The spool's segments, up to four days of the embedded store with their logs, readers, the way to InfluxDB. */
const KEPT = 64

/** False: a connection that just came is one too many, and is to be closed. */
export function hasRoomFor(connection: Duplex): boolean {
  // Not in the types; without a number, as on Windows, there is nothing to go by.
  const number = (connection as { _handle?: { fd?: number } | null })._handle?.fd ?? -1
  return number < highest
}

const highest = readLimit() - KEPT

/** Node raises the soft limit to the hard one when it starts. */
function readLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
