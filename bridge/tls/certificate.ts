/**
 * Makes one X.509 certificate; pkijs encodes and signs. ECDSA on P-256 throughout: every browser knows it, and the
 * small processors of devices are quicker with it than with RSA.
 */

import { randomBytes, webcrypto } from 'node:crypto'
import { BitString, Integer, OctetString, Utf8String } from 'asn1js'
import * as pki from 'pkijs'
import { addressBytes, subnetBytes, subnetOfBytes } from './addresses.ts'
import type { Names, Permitted } from './names.ts'

/** Both PEM. */
export interface Certified {
  readonly certificate: string
  /** PKCS #8, not encrypted: for files that only their owner reads. */
  readonly key: string
}

export type Purpose =
  /** `permitted`: null for one that vouches for names of devices, which are no host names. */
  | { readonly kind: 'authority'; readonly permitted: Permitted | null }
  | { readonly kind: 'server'; readonly names: Names }
  | { readonly kind: 'client' }

export interface CertificateRequest {
  readonly commonName: string
  readonly purpose: Purpose
  readonly days: number
  /** Null: it signs itself. */
  readonly issuer: Certified | null
}

const DAY_MS = 86_400_000
/** For clocks that run behind, as those of devices do. It counts towards the days. */
const BACKDATED_MS = DAY_MS
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
const HASH = 'SHA-256'
/** RFC 5280 4.1.2.2 allows 20; browsers want at least 64 bits that nobody guesses. */
const SERIAL_BYTES = 16

const OID = {
  commonName: '2.5.4.3',
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  alternativeNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKey: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
}

/** RFC 5280 4.2.1.3 and 4.2.1.6: bits of a key's use, kinds of a name. */
const DIGITAL_SIGNATURE = new BitString({ valueHex: Uint8Array.of(0b1000_0000).buffer, unusedBits: 7 })
const CERTIFICATE_AND_CRL_SIGN = new BitString({ valueHex: Uint8Array.of(0b0000_0110).buffer, unusedBits: 1 })
const DNS_NAME = 2
const IP_ADDRESS = 7

/** Valid from a day ago for `days` in all, and never longer than its issuer. */
export async function certify(request: CertificateRequest): Promise<Certified> {
  const { commonName, purpose, days, issuer } = request
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const made = new pki.Certificate()
  made.version = 2
  made.serialNumber = new Integer({ valueHex: newSerial().buffer as ArrayBuffer })
  made.subject = nameOf(commonName)
  const signer = issuer === null ? made : parseCertificate(issuer.certificate)
  made.issuer = signer.subject
  const fromMs = Date.now() - BACKDATED_MS
  const toMs = Math.min(fromMs + days * DAY_MS, issuer === null ? Infinity : signer.notAfter.value.getTime())
  made.notBefore.value = new Date(fromMs)
  made.notAfter.value = new Date(toMs)
  await made.subjectPublicKeyInfo.importKey(keys.publicKey)
  made.extensions = [
    ...extensionsFor(purpose),
    extension(OID.subjectKey, new OctetString({ valueHex: await keyIdentifier(made) })),
    // Strict verifiers, such as Python 3.13, want it in what is not self-signed.
    ...(issuer === null
      ? []
      : [
          extension(
            OID.authorityKey,
            new pki.AuthorityKeyIdentifier({
              keyIdentifier: new OctetString({ valueHex: await keyIdentifier(signer) }),
            }).toSchema(),
          ),
        ]),
  ]
  await made.sign(issuer === null ? keys.privateKey : await importKey(issuer.key), HASH)
  return {
    certificate: toPem('CERTIFICATE', made.toSchema(true).toBER(false)),
    key: toPem('PRIVATE KEY', await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)),
  }
}

function extensionsFor(purpose: Purpose): pki.Extension[] {
  switch (purpose.kind) {
    case 'authority':
      return [
        extension(
          OID.basicConstraints,
          new pki.BasicConstraints({ cA: true, pathLenConstraint: 0 }).toSchema(),
          'critical',
        ),
        extension(OID.keyUsage, CERTIFICATE_AND_CRL_SIGN, 'critical'),
        ...(purpose.permitted === null ? [] : [nameConstraints(purpose.permitted)]),
      ]
    case 'server':
      return [
        extension(OID.basicConstraints, new pki.BasicConstraints().toSchema(), 'critical'),
        extension(OID.keyUsage, DIGITAL_SIGNATURE, 'critical'),
        extension(OID.extendedKeyUsage, new pki.ExtKeyUsage({ keyPurposes: [OID.serverAuth] }).toSchema()),
        extension(
          OID.alternativeNames,
          new pki.GeneralNames({
            names: [
              ...purpose.names.dns.map(dnsName),
              ...purpose.names.ip.map(ip => ipAddress(addressBytes(ip))),
            ],
          }).toSchema(),
        ),
      ]
    case 'client':
      return [
        extension(OID.basicConstraints, new pki.BasicConstraints().toSchema(), 'critical'),
        extension(OID.keyUsage, DIGITAL_SIGNATURE, 'critical'),
        extension(OID.extendedKeyUsage, new pki.ExtKeyUsage({ keyPurposes: [OID.clientAuth] }).toSchema()),
      ]
  }
}

/**
 * Not critical, though RFC 5280 4.2.1.10 wants it: Mbed TLS, which ESP32s verify with, does not know the extension and
 * refuses a certificate in which it is critical. Browsers and OpenSSL obey it either way.
 */
function nameConstraints({ dns, subnets }: Permitted): pki.Extension {
  const bases = [...dns.map(dnsName), ...subnets.map(subnet => ipAddress(subnetBytes(subnet)))]
  const permittedSubtrees = bases.map(base => new pki.GeneralSubtree({ base }))
  return extension(OID.nameConstraints, new pki.NameConstraints({ permittedSubtrees }).toSchema())
}

/** What an authority may vouch for; null: whatever it likes. */
export function permittedBy(authority: string): Permitted | null {
  const found = parseCertificate(authority).extensions?.find(({ extnID }) => extnID === OID.nameConstraints)
  if (!(found?.parsedValue instanceof pki.NameConstraints)) return null
  const bases = (found.parsedValue.permittedSubtrees ?? []).map(({ base }) => base)
  return {
    dns: bases.filter(({ type }) => type === DNS_NAME).map(({ value }) => String(value)),
    subnets: bases
      .filter(({ type }) => type === IP_ADDRESS)
      .map(({ value }) => subnetOfBytes((value as OctetString).valueBlock.valueHexView)),
  }
}

function extension(
  extnID: string,
  value: { toBER(sizeOnly: boolean): ArrayBuffer },
  critical?: 'critical',
): pki.Extension {
  return new pki.Extension({ extnID, critical: critical !== undefined, extnValue: value.toBER(false) })
}

function dnsName(value: string): pki.GeneralName {
  return new pki.GeneralName({ type: DNS_NAME, value })
}

function ipAddress(bytes: Uint8Array): pki.GeneralName {
  return new pki.GeneralName({
    type: IP_ADDRESS,
    value: new OctetString({ valueHex: bytes.slice().buffer as ArrayBuffer }),
  })
}

function nameOf(commonName: string): pki.RelativeDistinguishedNames {
  const value = new Utf8String({ value: commonName })
  return new pki.RelativeDistinguishedNames({
    typesAndValues: [new pki.AttributeTypeAndValue({ type: OID.commonName, value })],
  })
}

/** Positive, and of a fixed length: the first bit 0, the second 1. */
function newSerial(): Uint8Array {
  const bytes = Uint8Array.from(randomBytes(SERIAL_BYTES))
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return bytes
}

/** RFC 5280 4.2.1.2, method 1: no secret, so that SHA-1 does. */
function keyIdentifier({ subjectPublicKeyInfo }: pki.Certificate): Promise<ArrayBuffer> {
  const bits = subjectPublicKeyInfo.subjectPublicKey.valueBlock.valueHexView
  return webcrypto.subtle.digest('SHA-1', bits.slice())
}

function parseCertificate(pem: string): pki.Certificate {
  return pki.Certificate.fromBER(fromPem(pem))
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('pkcs8', fromPem(pem), ALGORITHM, false, ['sign'])
}

function toPem(label: string, der: ArrayBuffer): string {
  const lines = Buffer.from(der)
    .toString('base64')
    .match(/.{1,64}/g)!
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

function fromPem(pem: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64'))
}
