/**
 * Who is let in, under which client id, and for how long. The one place where a client id changes hands, before CONNACK:
 *
 * - A client id is used by one identity at a time. Another one is refused it, unless the holder may not go by it (any
 *   more), or is nobody in particular: then the holder's connection is closed and nothing of its session is passed on.
 * - The same identity takes over from itself, as MQTT has it [MQTT-3.1.4-2].
 * - When what an identity may do changes, its connections are closed: they come back with what they may do then. Of one
 *   that is not known any more no will is published.
 */

import type { Access, AccessOf, Authenticate, Login, LoginResult } from './access.ts'

/** A connection, from its CONNECT on. */
export interface Member {
  /** Resolves when it is gone. */
  leave(withWill: boolean): Promise<void>
}

export type Refusal = Extract<LoginResult, { ok: false }>['reason'] | 'identifier-rejected'

export type Admitted =
  | { readonly ok: true; readonly access: Access }
  | { readonly ok: false; readonly reason: Refusal; readonly detail: string }

export interface AdmissionOptions {
  readonly authenticate: Authenticate
  readonly accessOf: AccessOf
  /** The identity of the session under a client id; undefined: there is none. */
  readonly sessionOwner: (clientId: string) => string | null | undefined
  /** Ends a session that belongs to another identity. */
  readonly endSession: (clientId: string) => Promise<void>
}

/** May do nothing: of connections that are going. */
export const NO_ACCESS: Access = {
  identity: null,
  isConfined: true,
  mayUse: () => false,
  mayPublish: () => false,
  maySubscribe: () => false,
  mayReceive: () => false,
}

interface Held {
  readonly member: Member
  readonly clientId: string
  /** As its login had it; empty: `clientId` was made for it, and it may go by it as long as it stays. */
  readonly givenId: string
  readonly identity: string | null
  readonly stillHolds: () => boolean
  /** `NO_ACCESS` once it is to go. */
  access: Access
  /** Who had the client id before, and is still there. */
  before: Held | null
}

export class Admission {
  readonly stats = {
    refused: { 'bad-credentials': 0, 'not-authorised': 0, 'identifier-rejected': 0, unavailable: 0 },
  }
  readonly #options: AdmissionOptions
  readonly #members = new Map<Member, Held>()
  /** By client id: the newest. */
  readonly #holders = new Map<string, Held>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /**
   * `clientId` is the one that its session goes by, where the login has none. `will`: the topic of its will. Once it is
   * let in, `gone` is to follow.
   */
  async admit(member: Member, clientId: string, login: Login, will: string | null): Promise<Admitted> {
    const result = await this.#options
      .authenticate(login)
      .catch((error: Error): Failure => ({ ok: false, reason: 'unavailable', detail: error.message }))
    if (!result.ok) return this.#refuse(result.reason, 'detail' in result ? result.detail : result.reason)
    const { access, stillHolds = () => true } = result
    if (!access.mayUse(login.clientId))
      return this.#refuse('identifier-rejected', 'the client id is not its own')
    if (will !== null && !access.mayPublish(will))
      return this.#refuse('not-authorised', `it may not publish its will to ${will}`)
    const { identity } = access
    const before = this.#holders.get(clientId)
    const held: Held = {
      member,
      clientId,
      givenId: login.clientId,
      identity,
      stillHolds,
      access,
      before: before ?? null,
    }
    const owner = before === undefined ? this.#options.sessionOwner(clientId) : before.identity
    if (owner !== undefined && owner !== identity) {
      if (this.#isHeld(owner, before?.givenId ?? clientId))
        return this.#refuse('identifier-rejected', 'the client id is in use')
      this.#hold(held)
      await before?.member.leave(true)
      await this.#options.endSession(clientId)
    } else {
      this.#hold(held)
    }
    // Access may have changed while the other one left.
    return held.access === NO_ACCESS
      ? this.#refuse('unavailable', 'its access changed meanwhile')
      : { ok: true, access }
  }

  accessOf(member: Member): Access {
    return this.#members.get(member)?.access ?? NO_ACCESS
  }

  /** Of who goes by a client id now; undefined: nobody does. */
  ownerOf(clientId: string): string | null | undefined {
    return this.#holders.get(clientId)?.identity
  }

  /** Its connection is gone. */
  gone(member: Member): void {
    const held = this.#members.get(member)
    if (held === undefined) return
    this.#members.delete(member)
    const { clientId, before } = held
    const newest = this.#holders.get(clientId)
    if (newest !== held) {
      for (let later = newest ?? null; later !== null; later = later.before)
        if (later.before === held) later.before = before
    } else if (before === null) {
      this.#holders.delete(clientId)
    } else {
      // It went before it took over.
      this.#holders.set(clientId, before)
    }
  }

  /** Nobody was let in under its client id after it. */
  isNewest(member: Member): boolean {
    const held = this.#members.get(member)
    return held !== undefined && this.#holders.get(held.clientId) === held
  }

  /** Closes those whose access is not what it was when they came. Resolves when they are gone. */
  async review(): Promise<void> {
    const leaving: Promise<void>[] = []
    for (const held of this.#members.values()) {
      const { access, identity, member, givenId } = held
      if (access === NO_ACCESS) continue
      const now = this.#options.accessOf(identity)
      if (now === access && access.mayUse(givenId) && held.stillHolds()) continue
      held.access = NO_ACCESS
      leaving.push(member.leave(now !== null))
    }
    await Promise.all(leaving)
  }

  #hold(held: Held): void {
    this.#members.set(held.member, held)
    this.#holders.set(held.clientId, held)
  }

  /** Nobody in particular holds nothing against those who proved who they are. */
  #isHeld(owner: string | null, clientId: string): boolean {
    return owner !== null && this.#options.accessOf(owner)?.mayUse(clientId) === true
  }

  #refuse(reason: Refusal, detail: string): Admitted {
    this.stats.refused[reason]++
    return { ok: false, reason, detail }
  }
}

type Failure = Extract<LoginResult, { ok: false }> & { readonly detail: string }
