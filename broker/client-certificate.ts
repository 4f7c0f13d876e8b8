/** What the certificate says that a client showed: whose it is, as far as our own authority vouches for it. */

import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import type { Login } from './access.ts'

/** X.520 allows 64 characters in a common name. */
const MAX_NAME_LENGTH = 64
/** Control and format characters, lone surrogates, what has no meaning, and what stands for bytes that were no text. */
const HOSTILE = /[\p{Cc}\p{Cf}\p{Cs}\p{Cn}\p{Co}\u2028\u2029\uFFFD]/u

/**
 * Null: none was shown, nobody we trust signed it, or its name could be read in more than one way. Such a client is
 * not turned away here: it may still have a password.
 */
export function certificateOf(stream: Duplex): Login['certificate'] {
  if (!(stream instanceof TLSSocket) || !stream.authorized) return null
  const certificate = stream.getPeerX509Certificate()
  if (certificate === undefined) return null
  // Several common names come as a list.
  const commonName: unknown = certificate.toLegacyObject().subject?.CN
  if (typeof commonName !== 'string' || !isPlain(commonName)) return null
  return { commonName, fingerprint256: certificate.fingerprint256 }
}

function isPlain(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME_LENGTH && !HOSTILE.test(name) && name.trim() === name
}
