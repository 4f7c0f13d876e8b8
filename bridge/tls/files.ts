/** `tls/` in the data directory: what `tls init` makes, and how it gets there. */

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Certified } from './certificate.ts'

export interface PairPaths {
  readonly cert: string
  readonly key: string
}

export interface TlsFiles {
  /** The authority that phones and browsers are told to trust: for servers alone. */
  readonly authority: PairPaths
  readonly server: PairPaths
  /** Vouches for devices, towards this bridge alone. */
  readonly deviceAuthority: PairPaths
}

export function tlsFiles(dataDir: string): TlsFiles {
  const pair = (name: string) => ({
    cert: join(dataDir, 'tls', `${name}.pem`),
    key: join(dataDir, 'tls', `${name}.key`),
  })
  return { authority: pair('ca'), server: pair('server'), deviceAuthority: pair('device-ca') }
}

/** Null: there is none. */
export function readCertified({ cert, key }: PairPaths): Certified | null {
  if (!existsSync(cert) || !existsSync(key)) return null
  return { certificate: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

/** Each file whole or as it was; for its owner alone. */
export function writeCertified({ cert, key }: PairPaths, made: Certified): void {
  writeSecret(key, made.key)
  writeSecret(cert, made.certificate)
}

export function writeSecret(path: string, content: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, content, { mode: 0o600, flush: true })
  renameSync(`${path}.new`, path)
}
