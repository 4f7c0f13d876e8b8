/** Our own authority's certificate, for whoever wants to trust it. Its key never leaves the data directory. */

import { Hono } from 'hono'

export const AUTHORITY_PATH = '/ca.crt'
/** By this type phones offer to install it. */
export const AUTHORITY_TYPE = 'application/x-x509-ca-cert'

/** PEM; null: the certificate in use is not of our own making. */
export type AuthorityFile = () => string | null

export const NO_AUTHORITY = 'this bridge has no authority of its own; "trestle tls init" makes one\n'

/** Open to everybody: nobody can log in before they trust it. */
export function authorityRoute(authority: AuthorityFile): Hono {
  return new Hono().get(AUTHORITY_PATH, c => {
    const pem = authority()
    return pem === null ? c.text(NO_AUTHORITY, 404) : c.body(pem, 200, { 'content-type': AUTHORITY_TYPE })
  })
}
