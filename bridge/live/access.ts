/** Who may be a live client, from where, and what they may do. The same for all transports. */

import type { IncomingMessage } from 'node:http'
import { plainAddress } from '../../broker/guard/addresses.ts'

export const ROLES = ['viewer', 'operator', 'admin'] as const

export type Role = (typeof ROLES)[number]

export interface Principal {
  readonly name: string
  readonly role: Role
  /** When their access ends, milliseconds since the epoch; the connection is closed then. */
  readonly expiresAtMs?: number
}

/** Where access is open. */
export const ANYONE: Principal = { name: 'anyone', role: 'admin' }

export interface Credentials {
  /** The Cookie header, as it came. */
  readonly cookie?: string | undefined
  /** Of an `auth` frame, or of the header `Authorization: Bearer`. Never of the URL: those are logged. */
  readonly token?: string | undefined
}

/** Null: these credentials do not say who it is. */
export type Authenticate = (credentials: Credentials) => Principal | null | Promise<Principal | null>

export interface AccessOptions {
  /** Access is open unless given. */
  readonly authenticate?: Authenticate
  /** Whether a page from there may connect; unless given, only one from the host that was asked. */
  readonly allowOrigin?: (origin: string, host: string | undefined) => boolean
  /** The client's address, where a proxy stands between; the socket's unless given. */
  readonly addressOf?: (request: IncomingMessage) => string
}

/** Watch what is there; act on it: commands, replays; administer: everything else. */
export type Deed = 'watch' | 'act' | 'administer'

/** What a role may do, over whichever way it comes. */
const DEEDS: Readonly<Record<Role, readonly Deed[]>> = {
  viewer: ['watch'],
  operator: ['watch', 'act'],
  admin: ['watch', 'act', 'administer'],
}

export function may({ role }: Pick<Principal, 'role'>, deed: Deed): boolean {
  return DEEDS[role].includes(deed)
}

/** Pages of other hosts could otherwise use the cookies of whoever looks at them, or an open bridge on loopback. */
export function mayComeFrom(
  request: IncomingMessage,
  allowOrigin: AccessOptions['allowOrigin'] = isSameHost,
): boolean {
  const { origin, host } = request.headers
  return origin === undefined || allowOrigin(origin, host)
}

export function addressOf(request: IncomingMessage): string {
  return plainAddress(request.socket.remoteAddress)
}

/** Null also when authenticating fails: whoever cannot be told is not let in. */
export async function principalOf(
  credentials: Credentials,
  authenticate: Authenticate | undefined,
): Promise<Principal | null> {
  if (!authenticate) return ANYONE
  try {
    return await authenticate(credentials)
  } catch {
    return null
  }
}

export function credentialsOf({ headers }: IncomingMessage): Credentials {
  const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  return { cookie: headers.cookie, token }
}

function isSameHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}
