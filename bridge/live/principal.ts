/** Who a live client is, and what they may do. */

export interface Principal {
  readonly name: string
  /** Viewers watch; operators also send commands. */
  readonly role: 'viewer' | 'operator' | 'admin'
  /** When their access ends, milliseconds since the epoch; the connection is closed then. */
  readonly expiresAtMs?: number
}

/** Where access is open. */
export const ANYONE: Principal = { name: 'anyone', role: 'admin' }

export function mayCommand({ role }: Principal): boolean {
  return role !== 'viewer'
}
