/**
 * Sessions that somebody logged out of. A session is a signed statement that holds by itself, so those that ended
 * before their time are remembered, here and in the database, for good: no clock decides that one may be forgotten.
 *
 * Of each person so many at most. Beyond, those that would expire first are merged until half of the room is free: from
 * then on nothing holds that would expire no later, which is what most of it has done by then.
 */

import type { Statement } from './signing.ts'

export interface EndedSession {
  readonly identity: string
  /** Which one; `ALL_EARLIER`: every one that expires no later. */
  readonly session: string
  readonly expiresAtMs: number
}

export const ALL_EARLIER = ''
/** Of one person: some 100 kB here, and a row each on the disk. */
export const MAX_LOGOUTS = 1000

interface Remembered {
  /** When they would have expired, by session. */
  readonly expiryMs: Map<string, number>
  allUntilMs: number
}

export class EndedSessions {
  /** Those that are not remembered one by one any more. */
  merged = 0
  readonly #maxPerIdentity: number
  readonly #byIdentity = new Map<string, Remembered>()

  constructor(maxPerIdentity = MAX_LOGOUTS) {
    this.#maxPerIdentity = maxPerIdentity
  }

  /** What an earlier start remembered. */
  take(rows: readonly EndedSession[]): void {
    for (const { identity, session, expiresAtMs } of rows) {
      const theirs = this.#of(identity)
      if (session === ALL_EARLIER) theirs.allUntilMs = Math.max(theirs.allUntilMs, expiresAtMs)
      else theirs.expiryMs.set(session, expiresAtMs)
    }
  }

  /** Whoever was removed comes back as another: theirs are forgotten, as in the database. */
  keepOnly(isKnown: (identity: string) => boolean): void {
    for (const identity of this.#byIdentity.keys()) if (!isKnown(identity)) this.#byIdentity.delete(identity)
  }

  /** Of all people, in rows. */
  get size(): number {
    let rows = 0
    for (const { expiryMs, allUntilMs } of this.#byIdentity.values())
      rows += expiryMs.size + (allUntilMs > 0 ? 1 : 0)
    return rows
  }

  has(statement: Statement): boolean {
    const theirs = this.#byIdentity.get(statement.identity)
    if (theirs === undefined) return false
    return expiryOf(statement) <= theirs.allUntilMs || theirs.expiryMs.has(nameOf(statement))
  }

  /** A new session that expires later than this is none of those. */
  allUntilMs(identity: string): number {
    return this.#byIdentity.get(identity)?.allUntilMs ?? 0
  }

  /** Returns what is to be kept of it on the disk. */
  end(statement: Statement): EndedSession[] {
    const { identity } = statement
    const theirs = this.#of(identity)
    const ended: EndedSession = { identity, session: nameOf(statement), expiresAtMs: expiryOf(statement) }
    theirs.expiryMs.set(ended.session, ended.expiresAtMs)
    if (theirs.expiryMs.size <= this.#maxPerIdentity) return [ended]
    this.merged += merge(theirs, Math.floor(this.#maxPerIdentity / 2))
    return [ended, { identity, session: ALL_EARLIER, expiresAtMs: theirs.allUntilMs }]
  }

  *rows(): Iterable<EndedSession> {
    for (const [identity, { expiryMs, allUntilMs }] of this.#byIdentity) {
      if (allUntilMs > 0) yield { identity, session: ALL_EARLIER, expiresAtMs: allUntilMs }
      for (const [session, expiresAtMs] of expiryMs) yield { identity, session, expiresAtMs }
    }
  }

  #of(identity: string): Remembered {
    let theirs = this.#byIdentity.get(identity)
    if (theirs === undefined) {
      theirs = { expiryMs: new Map(), allUntilMs: 0 }
      this.#byIdentity.set(identity, theirs)
    }
    return theirs
  }
}

/** All but so many, less than there are. Returns how many. */
function merge(theirs: Remembered, keep: number): number {
  const { size } = theirs.expiryMs
  const inOrder = [...theirs.expiryMs.values()].sort((a, b) => a - b)
  theirs.allUntilMs = Math.max(theirs.allUntilMs, inOrder[size - keep - 1]!)
  for (const [session, expiresAtMs] of theirs.expiryMs)
    if (expiresAtMs <= theirs.allUntilMs) theirs.expiryMs.delete(session)
  return size - theirs.expiryMs.size
}

/** Sessions of before they had names are told apart by the millisecond. */
function nameOf(statement: Statement): string {
  return statement.session ?? String(expiryOf(statement))
}

/** Every session has one. */
function expiryOf({ expiresAtMs }: Statement): number {
  return expiresAtMs ?? Number.POSITIVE_INFINITY
}
