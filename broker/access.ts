/**
 * Who a client is, and what it may do. The broker asks and obeys; who is known, and what they may, is decided outside.
 *
 * An identity is what a credential proves. It owns what its clients leave behind: retained messages, wills, sessions.
 */

import type { IncomingHttpHeaders } from 'node:http'

/** What a client shows in its CONNECT, and what is known of its connection. */
export interface Login {
  readonly clientId: string
  readonly username: string | null
  readonly password: Buffer | null
  /** Of a client certificate that the listener's authority signed. */
  readonly certificate: { readonly commonName: string; readonly fingerprint256: string } | null
  /** The client's own, where a trusted proxy stands between. */
  readonly address: string
  /** Of the request that became a WebSocket; null: TCP or TLS. */
  readonly headers: IncomingHttpHeaders | null
}

/** What an identity may do; asked for every message, so answers are expected to be cheap. */
export interface Access {
  /** Null: nobody in particular, where access is open. */
  readonly identity: string | null
  /** It speaks for itself alone, not for other devices, as a gateway or a person does. */
  readonly isConfined: boolean
  /** Whether its clients may go by that client id. */
  mayUse(clientId: string): boolean
  mayPublish(topic: string): boolean
  /** Whether every topic that the filter can match may be read. */
  maySubscribe(filter: string): boolean
  /** Whether a message of that topic may be sent to it: decides again what was granted earlier. */
  mayReceive(topic: string): boolean
}

export type LoginResult =
  | {
      readonly ok: true
      readonly access: Access
      /** Asked when identities change: whether what it showed still counts, where `access` is shared with others. */
      readonly stillHolds?: () => boolean
    }
  /** `bad-credentials` and `not-authorised` as CONNACK has them; `unavailable`: ask again later. */
  | { readonly ok: false; readonly reason: 'bad-credentials' | 'not-authorised' | 'unavailable' }

export type Authenticate = (login: Login) => Promise<LoginResult>

/** What is left of an identity when its clients are away; null: it is not known any more, and owns nothing. */
export type AccessOf = (identity: string | null) => Access | null
