/**
 * The two authorities of a house, and what they sign.
 *
 * One vouches for this server, and people make their phones trust it: so it may sign nothing but names of the house,
 * and it is never replaced unless somebody says so. The other vouches for devices towards this bridge, and nobody else
 * trusts it: a thief of the first cannot pass for a device, one of the second cannot pass for the server.
 */

import { randomBytes, X509Certificate } from 'node:crypto'
import { type Certified, certify, permittedBy } from './certificate.ts'
import { AUTHORITY_DAYS, DEVICE_DAYS } from './days.ts'
import { readCertified, tlsFiles, writeCertified } from './files.ts'
import { type Names, namesBeyond, permittedFor } from './names.ts'

export interface ServerRequest {
  readonly names: Names
  readonly days: number
  /** Makes a new authority even where there is one: everything that trusted the old one has to be told. */
  readonly replaceAuthority: boolean
}

export interface ServerIssued {
  /** Of the authority. */
  readonly authority: X509Certificate
  readonly isNewAuthority: boolean
  readonly server: X509Certificate
}

export type ServerResult =
  | { readonly ok: true; readonly issued: ServerIssued }
  /** The authority that is there may not vouch for these. */
  | { readonly ok: false; readonly beyond: readonly string[] }

/** Makes a certificate for the server, and the authorities where there are none. */
export async function issueServerCertificate(dataDir: string, request: ServerRequest): Promise<ServerResult> {
  const { names, days, replaceAuthority } = request
  const files = tlsFiles(dataDir)
  const old = replaceAuthority ? null : readCertified(files.authority)
  const permitted = old === null ? permittedFor(names) : permittedBy(old.certificate)
  const beyond = permitted === null ? [] : namesBeyond(names, permitted)
  if (beyond.length > 0) return { ok: false, beyond }
  const authority = old ?? (await makeAuthority('server', permitted))
  const server = await certify({
    commonName: names.dns.find(name => name !== 'localhost') ?? 'localhost',
    purpose: { kind: 'server', names },
    days,
    issuer: authority,
  })
  if (old === null) writeCertified(files.authority, authority)
  await deviceAuthority(dataDir)
  writeCertified(files.server, server)
  return {
    ok: true,
    issued: {
      authority: new X509Certificate(authority.certificate),
      isNewAuthority: old === null,
      server: new X509Certificate(server.certificate),
    },
  }
}

export interface ClientIssued extends Certified {
  /** As `Login.certificate` has it. */
  readonly fingerprint256: string
  readonly expiresMs: number
}

/** X.520 allows 64 characters in a common name. */
const MAX_DEVICE_ID_LENGTH = 64

/** A key and a certificate for a device; the key is kept nowhere. Throws when the id does not fit into a name. */
export async function issueClientCertificate(dataDir: string, id: string): Promise<ClientIssued> {
  if (id === '' || id.length > MAX_DEVICE_ID_LENGTH || /[\p{C}\u2028\u2029]/u.test(id) || id.trim() !== id)
    throw new RangeError(`${JSON.stringify(id)} cannot be the name in a certificate`)
  const made = await certify({
    commonName: id,
    purpose: { kind: 'client' },
    days: DEVICE_DAYS,
    issuer: await deviceAuthority(dataDir),
  })
  const { fingerprint256, validToDate } = new X509Certificate(made.certificate)
  return { ...made, fingerprint256, expiresMs: validToDate.getTime() }
}

async function deviceAuthority(dataDir: string): Promise<Certified> {
  const { deviceAuthority: paths } = tlsFiles(dataDir)
  const old = readCertified(paths)
  if (old !== null) return old
  const made = await makeAuthority('devices', null)
  writeCertified(paths, made)
  return made
}

/** The name is what people look for in a long list on their phone: it tells two houses, and two attempts, apart. */
function makeAuthority(of: string, permitted: ReturnType<typeof permittedBy>): Promise<Certified> {
  const today = new Date().toISOString().slice(0, 10)
  return certify({
    commonName: `Trestle ${of} ${today} ${randomBytes(3).toString('hex')}`,
    purpose: { kind: 'authority', permitted },
    days: AUTHORITY_DAYS,
    issuer: null,
  })
}
