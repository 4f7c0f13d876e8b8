/**
 * Who is known here, and what they may: devices (by MQTT), people and programs (by HTTP, live and MQTT). Written by
 * `npm run trestle -- device|user|token`, also while the bridge runs, and kept in memory for every message.
 *
 * Whether credentials are needed is decided here, and nowhere else:
 *   on loopback   MQTT as soon as one device exists, HTTP as soon as one user or token exists
 *   off loopback  always
 *   allowAnonymous: never; who shows credentials is held to them all the same
 */

import type { AccessOf, Authenticate } from '../../broker/access.ts'
import type { Credentials, Principal } from '../live/access.ts'

/** Its value is what `login` returns as `session`; `principalOf` finds it in the Cookie header. */
export const SESSION_COOKIE = 'trestle_session'

export interface IdentitiesOptions {
  readonly dataDir: string
  /** As the bridge listens: `settings.host`. */
  readonly host: string
  readonly allowAnonymous: boolean
  readonly log: {
    info(fields: object, text: string): void
    warn(fields: object, text: string): void
    error(fields: object, text: string): void
  }
}

export interface LoginAttempt {
  readonly name: string
  readonly password: string
  /** The client's own, where a trusted proxy stands between. Loopback is not limited. */
  readonly address: string
}

export type LoginOutcome =
  | {
      readonly ok: true
      /** The cookie's value. Verifiable without memory: it holds until `principal.expiresAtMs`, or a change of the user. */
      readonly session: string
      readonly principal: Principal
    }
  /** `wrong`: the name or the password; it is not told which. `too-many`: not even looked at. */
  | { readonly ok: false; readonly reason: 'wrong' | 'too-many'; readonly retryAfterS: number }

export interface Identities {
  /** Right now; both change while the bridge runs. */
  readonly needsCredentials: { readonly mqtt: boolean; readonly http: boolean }

  /** For the broker. */
  readonly authenticate: Authenticate
  readonly accessOf: AccessOf

  /** A password, of a person. Takes a while by design (scrypt), off the event loop. */
  login(attempt: LoginAttempt): Promise<LoginOutcome>
  /**
   * Cheap. `cookie` is the whole Cookie header, `token` an API token. Where no credentials are needed everybody is
   * `ANYONE`; else null for whoever cannot be told.
   */
  principalOf(credentials: Credentials): Principal | null
  /** Whether one that `principalOf` or `login` returned is still who it was, with the same role, now. */
  isCurrent(principal: Principal): boolean
  /**
   * Called within about a second of a change: of a device, a user, a token, or of whether credentials are needed.
   * Whoever holds connections asks again what they may. Returns how to end it.
   */
  onChange(listener: () => void): () => void
  close(): void
}
