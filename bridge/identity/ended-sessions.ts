/**
 * Sessions that somebody logged out of. A session is a signed statement that holds by itself, so those that ended
 * before their time are remembered, here and in the database, for good: no clock decides that one may be forgotten.
 *
 * Of each person so many at most. Beyond, the half that would expire first is forgotten one by one and remembered
 * together: from then on nothing holds that would expire no later, which is what most of it has done by then.
 */

import type { Statement } from './signing.ts'

export interface EndedSession {
  readonly identity: string
  /** Which one; `ALL_EARLIER`: every one that expires no later. */
  readonly session: string
  readonly expiresAtMs: number
}

export const ALL_EARLIER = ''
const MAX_PER_IDENTITY = 1000

interface EndedOf {
  /** When they would have expired, by session. */
  readonly expiryMs: Map<string, number>
  allUntilMs: number
}

export class EndedSessions {
  readonly #byIdentity = new Map<string, EndedOf>()

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
    if (of.expiryMs.size <= MAX_PER_IDENTITY) return [ended]
    forgetHalf(of)
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

function forgetHalf(of: EndedOf): void {
  const inOrder = [...of.expiryMs.values()].sort((a, b) => a - b)
  of.allUntilMs = Math.max(of.allUntilMs, inOrder[Math.floor(inOrder.length / 2)]!)
  for (const [session, expiresAtMs] of of.expiryMs)
    if (expiresAtMs <= of.allUntilMs) of.expiryMs.delete(session)
}

/** Sessions of before they had names are told apart by the millisecond. */
function nameOf(statement: Statement): string {
  return statement.session ?? String(expiryOf(statement))
}

/** Every session has one. */
function expiryOf({ expiresAtMs }: Statement): number {
  return expiresAtMs ?? Number.POSITIVE_INFINITY
}
