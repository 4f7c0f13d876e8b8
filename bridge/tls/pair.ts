/** A server's certificate and key, as files say they are: whether they can be served, and how long. */

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { PairPaths } from './files.ts'

export interface Pair {
  /** PEM, the server's own first. */
  readonly cert: string
  readonly key: string
  readonly leaf: X509Certificate
  readonly expiresMs: number
}

/** A file that cannot be used; told in one line. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly subject: 'file' | 'key' | 'chain' | 'expiry'

  constructor(subject: CertificateError['subject'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.subject = subject
  }
}

/**
 * Throws a CertificateError when they cannot be served. Expired ones can: a clock that is wrong, as on a board that
 * has just started, is no reason to take no readings.
 */
export function readPair(paths: PairPaths): Pair {
  const cert = readFile(paths.cert)
  const key = readFile(paths.key)
  const chain = parseChain(cert, paths.cert)
  const leaf = chain[0]!
  checkKey(chain, parseKey(key, paths.key), paths)
  for (const [at, issuer] of chain.slice(1).entries()) {
    if (!chain[at]!.checkIssued(issuer))
      throw new CertificateError(
        'chain',
        `${paths.cert}: certificate ${at + 2} did not sign the one before it; the order is the server's first, then each that signed the one before`,
      )
  }
  try {
    createSecureContext({ cert, key })
  } catch (error) {
    throw new CertificateError('file', `${paths.cert}: ${(error as Error).message}`, { cause: error })
  }
  return { cert, key, leaf, expiresMs: leaf.validToDate.getTime() }
}

export function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'may not be read' : message
    throw new CertificateError('file', `${path}: ${why}`, { cause: error })
  }
}

/** All certificates of a PEM file, in its order; at least one. */
export function parseChain(pem: string, path: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw new CertificateError('file', `${path}: there is no PEM certificate in it`)
  try {
    return blocks.map(block => new X509Certificate(block))
  } catch (error) {
    throw new CertificateError('file', `${path}: a certificate in it cannot be read`, { cause: error })
  }
}

function parseKey(pem: string, path: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch (error) {
    const why = /ENCRYPTED/.test(pem)
      ? 'the key is encrypted; it is wanted in the clear, in a file for its owner alone'
      : 'there is no PEM private key in it'
    throw new CertificateError('key', `${path}: ${why}`, { cause: error })
  }
}

function checkKey(
  chain: readonly X509Certificate[],
  key: KeyObject,
  { cert, key: keyPath }: PairPaths,
): void {
  if (chain[0]!.checkPrivateKey(key)) return
  const isElsewhere = chain.some(certificate => certificate.checkPrivateKey(key))
  throw new CertificateError(
    isElsewhere ? 'chain' : 'key',
    isElsewhere
      ? `${cert}: the server's certificate must come first, those that signed it after it`
      : `${keyPath}: the key does not belong to the certificate in ${cert}`,
  )
}
