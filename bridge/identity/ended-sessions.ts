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

interface EndedOf {
  /** When they would have expired, by session. */
  readonly expiryMs: Map<string, number>
  allUntilMs: number
}

export class EndedSessions {
  /** Those that are not remembered one by one any more. */
  merged = 0
  readonly #maxPerIdentity: number
  readonly #byIdentity = new Map<string, EndedOf>()

  constructor(maxPerIdentity = MAX_LOGOUTS) {
    this.#maxPerIdentity = maxPerIdentity
  }

  /** What an earlier start remembered. */
  take(rows: readonly EndedSession[]): void {
    for (const { identity, session, expiresAtMs } of rows) {
      const of = this.#of(identity)
      if (session === ALL_EARLIER) of.allUntilMs = Math.max(of.allUntilMs, expiresAtMs)
      else of.expiryMs.set(session, expiresAtMs)
    }
  }

  has(statement: Statement): boolean {
    const of = this.#byIdentity.get(statement.identity)
    return of !== undefined && (expiryOf(statement) <= of.allUntilMs || of.expiryMs.has(nameOf(statement)))
  }

  /** A new session that expires later than this is none of those. */
  allUntilMs(identity: string): number {
    return this.#byIdentity.get(identity)?.allUntilMs ?? 0
  }

  /** Returns what is to be kept of it on the disk. */
  end(statement: Statement): EndedSession[] {
    const { identity } = statement
    const of = this.#of(identity)
    const ended: EndedSession = { identity, session: nameOf(statement), expiresAtMs: expiryOf(statement) }
    of.expiryMs.set(ended.session, ended.expiresAtMs)
    if (of.expiryMs.size <= this.#maxPerIdentity) return [ended]
    this.merged += merge(of, Math.floor(this.#maxPerIdentity / 2))
    return [ended, { identity, session: ALL_EARLIER, expiresAtMs: of.allUntilMs }]
  }

  *rows(): Iterable<EndedSession> {
    for (const [identity, { expiryMs, allUntilMs }] of this.#byIdentity) {
      if (allUntilMs > 0) yield { identity, session: ALL_EARLIER, expiresAtMs: allUntilMs }
      for (const [session, expiresAtMs] of expiryMs) yield { identity, session, expiresAtMs }
    }
  }

  #of(identity: string): EndedOf {
    let of = this.#byIdentity.get(identity)
    if (of === undefined) {
      of = { expiryMs: new Map(), allUntilMs: 0 }
      this.#byIdentity.set(identity, of)
    }
    return of
  }
}

/** All but so many, less than there are. Returns how many. */
function merge(of: EndedOf, keep: number): number {
  const { size } = of.expiryMs
  const inOrder = [...of.expiryMs.values()].sort((a, b) => a - b)
  of.allUntilMs = Math.max(of.allUntilMs, inOrder[size - keep - 1]!)
  for (const [session, expiresAtMs] of of.expiryMs)
    if (expiresAtMs <= of.allUntilMs) of.expiryMs.delete(session)
  return size - of.expiryMs.size
}

/** Sessions of before they had names are told apart by the millisecond. */
function nameOf(statement: Statement): string {
  return statement.session ?? String(expiryOf(statement))
}

/** Every session has one. */
function expiryOf({ expiresAtMs }: Statement): number {
  return expiresAtMs ?? Number.POSITIVE_INFINITY
}
