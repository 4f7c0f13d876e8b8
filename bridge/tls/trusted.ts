/** Whom the tools of this machine trust: those whom the system trusts, and who made the certificate of this bridge. */

import { existsSync, readFileSync } from 'node:fs'
import { type ConnectionOptions, getCACertificates } from 'node:tls'
import type { Settings } from '../config/schema.ts'
import { tlsFiles } from './files.ts'
import { firstNameIn, serverName } from './names.ts'
import { readPair } from './pair.ts'
import { tlsPaths } from './served-certificate.ts'

/** PEM. */
export function trustedHere({ dataDir }: Settings): string[] {
  const own = tlsFiles(dataDir).authority.cert
  return [...getCACertificates('default'), ...(existsSync(own) ? [readFileSync(own, 'utf8')] : [])]
}

/**
 * For the bridge on this machine, asked by an address that its certificate need not name: it has to show the very
 * certificate of the files, for the first name in it. Null: it has none, and speaks without TLS. Throws a
 * CertificateError when the files cannot be used.
 */
export function tlsToOwnBridge(settings: Settings): ConnectionOptions | null {
  const paths = tlsPaths(settings)
  if (paths === null) return null
  const { cert, leaf } = readPair(paths)
  return {
    ca: [...trustedHere(settings), cert],
    allowPartialTrustChain: true,
    servername: serverName(firstNameIn(leaf)),
  }
}
