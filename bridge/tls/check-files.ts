/** The certificate that the bridge would show, as its files have it. */

import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { MAX_SERVER_DAYS } from './days.ts'
import { type Finding, well, wrong } from './findings.ts'
import { namesIn } from './names.ts'
import { CertificateError, type Pair, readPair } from './pair.ts'
import type { TlsPaths } from './served-certificate.ts'

const DAY_MS = 86_400_000
const SOON_MS = 30 * DAY_MS
/** Phones are to be visited, which takes longer. */
const AUTHORITY_SOON_MS = 180 * DAY_MS

export interface FilesChecked {
  /** Null: it cannot be served. */
  readonly pair: Pair | null
  readonly findings: readonly Finding[]
}

export function checkFiles(paths: TlsPaths): FilesChecked {
  try {
    const pair = readPair(paths)
    const findings = [
      well('key', `${paths.key} belongs to ${paths.cert}`),
      checkNames(pair.leaf),
      checkExpiry(pair.leaf, paths.authority === null ? 'renew it' : 'trestle tls renew'),
      ...checkSecrecy(paths.key),
      ...checkAuthority(pair.leaf, paths),
    ]
    return { pair, findings }
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    return { pair: null, findings: [wrong(error.subject, error.message)] }
  }
}

function checkNames(leaf: X509Certificate): Finding {
  const { dns, ip } = namesIn(leaf)
  return dns.length + ip.length > 0
    ? well('name', `the certificate is for ${[...dns, ...ip].join(', ')}`)
    : wrong(
        'name',
        'the certificate names no host among its alternative names, and browsers look nowhere else; make another',
      )
}

/** Of one that is shown to others; `remedy`: what to do about it. */
export function checkExpiry({ validFromDate, validToDate }: X509Certificate, remedy: string): Finding {
  const leftMs = validToDate.getTime() - Date.now()
  const until = validToDate.toISOString().slice(0, 10)
  if (leftMs < 0) return wrong('expiry', `the certificate has expired on ${until}: ${remedy}`)
  if (validFromDate.getTime() > Date.now())
    return wrong(
      'expiry',
      `the certificate is not valid before ${validFromDate.toISOString()}: is the clock of this machine right?`,
    )
  if (leftMs < SOON_MS)
    return wrong(
      'expiry',
      `the certificate expires on ${until}, in ${Math.floor(leftMs / DAY_MS)} days: ${remedy}`,
    )
  const days = (validToDate.getTime() - validFromDate.getTime()) / DAY_MS
  return days > MAX_SERVER_DAYS
    ? wrong(
        'expiry',
        `the certificate is valid for ${Math.round(days)} days, and iPhones and Macs take at most ${MAX_SERVER_DAYS}: make another`,
      )
    : well('expiry', `the certificate is valid until ${until}`)
}

function checkSecrecy(key: string): Finding[] {
  const mode = statSync(key).mode & 0o777
  return (mode & 0o077) === 0
    ? []
    : [wrong('file', `${key} can be read by others (mode ${mode.toString(8)}): chmod 600 it`)]
}

function checkAuthority(leaf: X509Certificate, { authority }: TlsPaths): Finding[] {
  if (authority === null) return []
  if (!existsSync(authority))
    return [
      wrong('ca', `${authority} is gone, and nobody can be told to trust it: bring it back from a backup`),
    ]
  const own = new X509Certificate(readFileSync(authority))
  if (!leaf.checkIssued(own) || !leaf.verify(own.publicKey))
    return [wrong('ca', `${authority} did not sign the certificate: trestle tls renew makes one that it did`)]
  const until = own.validToDate.toISOString().slice(0, 10)
  return own.validToDate.getTime() - Date.now() < AUTHORITY_SOON_MS
    ? [
        wrong(
          'ca',
          `the authority is valid until ${until} only: trestle tls init --force makes another, which phones have to trust`,
        ),
      ]
    : [well('ca', `${authority} signed it, and is valid until ${until}`)]
}
