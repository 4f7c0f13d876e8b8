import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { BmpString, Primitive, Utf8String } from 'asn1js'
import pino from 'pino'
import * as pki from 'pkijs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Login } from '../../broker/access.ts'
import { certificateOf } from '../../broker/client-certificate.ts'
import { settingsSchema } from '../config/schema.ts'
import { issueClientCertificate, issueServerCertificate } from './authority.ts'
import { type Certified, certify } from './certificate.ts'
import { readCertified, tlsFiles } from './files.ts'
import { HERE, listenOnFreePort, makeAuthority, openTls } from './fixture.ts'
import { ServedCertificate, tlsPaths } from './served-certificate.ts'

const COMMON_NAME = '2.5.4.3'
let dataDir: string
let served: ServedCertificate
let server: Server
let port: number

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'trestle-tls-'))
  await issueServerCertificate(dataDir, { names: HERE, days: 30, replaceAuthority: false })
  served = new ServedCertificate({
    paths: tlsPaths(settingsSchema.parse({ dataDir }))!,
    log: pino({ level: 'silent' }),
  })
  server = createServer(served.forMqtt.options)
  served.forMqtt.serve(server)
  port = await listenOnFreePort(server)
})
afterAll(() => {
  served.close()
  server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

/** What the broker hears of a client that shows this. */
async function seen(shown: Certified | null): Promise<Login['certificate']> {
  const arrived = once(server, 'secureConnection') as Promise<[TLSSocket]>
  const ca = readFileSync(tlsFiles(dataDir).authority.cert)
  const socket = await openTls(port, {
    ca,
    ...(shown === null ? {} : { cert: shown.certificate, key: shown.key }),
  })
  const [accepted] = await arrived
  const certificate = certificateOf(accepted)
  socket.destroy()
  return certificate
}

const deviceAuthority = () => readCertified(tlsFiles(dataDir).deviceAuthority)!

describe('a client that shows a certificate', () => {
  it('of ours is known by its name and its fingerprint', async () => {
    const { fingerprint256, ...shown } = await issueClientCertificate(dataDir, 'küche lamp.1')
    expect(await seen(shown)).toEqual({ commonName: 'küche lamp.1', fingerprint256 })
  })

  it('or none at all, is let in as nobody: it may have a password', async () => {
    expect(await seen(null)).toBeNull()
  })

  it('of another authority, of its own, or for a server, is nobody', async () => {
    const stranger = await makeAuthority()
    const client = { commonName: 'lamp-1', purpose: { kind: 'client' }, days: 30 } as const
    expect(await seen(await certify({ ...client, issuer: stranger }))).toBeNull()
    expect(await seen(await certify({ ...client, issuer: null }))).toBeNull()
    const server = { ...client, purpose: { kind: 'server', names: HERE } } as const
    expect(await seen(await certify({ ...server, issuer: deviceAuthority() }))).toBeNull()
    // What phones trust says nothing about devices.
    expect(
      await seen(await certify({ ...client, issuer: readCertified(tlsFiles(dataDir).authority) })),
    ).toBeNull()
  })

  it('that has expired is nobody', async () => {
    const client = { commonName: 'lamp-1', purpose: { kind: 'client' }, days: 0.9 } as const
    expect(await seen(await certify({ ...client, issuer: deviceAuthority() }))).toBeNull()
  })
})

describe('a name that can be read in more than one way is no name', () => {
  const utf8 = (value: string) => new Utf8String({ value })
  /** Tagged as UTF-8, whatever they are. */
  const bytes = (...valueHex: number[]) =>
    new Primitive({ idBlock: { tagClass: 1, tagNumber: 12 }, valueHex: Uint8Array.from(valueHex).buffer })

  it.each([
    ['NUL', [utf8('lamp-1\0.evil')]],
    ['line break', [utf8('lamp-1\nCN=admin')]],
    ['control', [utf8('lamp\u001b[31m')]],
    ['right to left', [utf8('lamp\u202e1-pmal')]],
    ['zero width', [utf8('lamp\u200b-1')]],
    ['space at the end', [utf8('lamp-1 ')]],
    ['empty', [utf8('')]],
    ['too long', [utf8('x'.repeat(65))]],
    ['two names', [utf8('lamp-1'), utf8('admin')]],
    ['no name', []],
  ])('%s', async (_what, values) => {
    expect(await seen(await withNames(values))).toBeNull()
  })

  it.each([
    ['bytes that are no UTF-8', [bytes(0x6c, 0xff, 0x6d)]],
    ['an overlong slash', [bytes(0x6c, 0xc0, 0xaf)]],
    ['a surrogate in UTF-8', [bytes(0x6c, 0xed, 0xa0, 0x80)]],
    ['half a pair in BMPString', [new BmpString({ value: '\ud800' })]],
  ])('%s: TLS itself reads no such certificate', async (_what, values) => {
    const { certificate } = await withNames(values)
    expect(() => new X509Certificate(certificate)).toThrow(/invalid utf8string|illegal characters/)
  })

  it('one in BMPString is a name like another', async () => {
    expect(await seen(await withNames([new BmpString({ value: 'lamp-ü' })]))).toMatchObject({
      commonName: 'lamp-ü',
    })
  })

  it.each(['+', '#', 'a/b', '__proto__', 'CN=x,O=y', '*'])(
    '%s is a name, and what it may is for others to say',
    async name => {
      expect(await seen(await withNames([utf8(name)]))).toMatchObject({ commonName: name })
    },
  )
})

/** Signed by our own authority, as if it had been talked into it: `certify` itself makes no such names. */
async function withNames(values: readonly (Utf8String | BmpString | Primitive)[]): Promise<Certified> {
  const issuer = deviceAuthority()
  const made = await certify({ commonName: 'x', purpose: { kind: 'client' }, days: 30, issuer })
  const der = (pem: string) => Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64')
  const certificate = pki.Certificate.fromBER(new Uint8Array(der(made.certificate)))
  certificate.subject = new pki.RelativeDistinguishedNames({
    typesAndValues: values.map(
      value => new pki.AttributeTypeAndValue({ type: COMMON_NAME, value: value as Utf8String }),
    ),
  })
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('pkcs8', der(issuer.key), algorithm, false, ['sign'])
  await certificate.sign(key, 'SHA-256')
  const body = Buffer.from(certificate.toSchema(true).toBER(false)).toString('base64')
  return { ...made, certificate: `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n` }
}
