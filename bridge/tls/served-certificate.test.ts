import { once } from 'node:events'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import pino from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { settingsSchema } from '../config/schema.ts'
import { eventually } from '../test/trestle.ts'
import { issueServerCertificate } from './authority.ts'
import { type Certified, certify } from './certificate.ts'
import { HERE, listenOnFreePort, makeAuthority, makeServer, openTls } from './fixture.ts'
import { ServedCertificate, tlsPaths } from './served-certificate.ts'

let directory: string
let authority: Certified
let certificate: ServedCertificate | null
let server: Server | null
const lines: { level: number; msg: string; reason?: string }[] = []
const log = pino({}, { write: line => void lines.push(JSON.parse(line)) })

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'trestle-tls-'))
  authority = await makeAuthority()
  lines.length = 0
})
afterEach(() => {
  certificate?.close()
  server?.close()
  certificate = server = null
  rmSync(directory, { recursive: true, force: true })
})

const paths = () => ({
  cert: join(directory, 'cert.pem'),
  key: join(directory, 'key.pem'),
  clientCa: null,
  mayComeLater: false,
  authority: null,
})

function write({ certificate: cert, key }: Certified): void {
  writeFileSync(paths().cert, cert)
  writeFileSync(paths().key, key)
}

/** With every file looked at often. */
function open(handshakeTimeoutMs = 10_000): ServedCertificate {
  certificate = new ServedCertificate({ paths: paths(), log, lookEveryMs: 20, handshakeTimeoutMs })
  return certificate
}

async function serve(of: ServedCertificate): Promise<number> {
  const { options, serve: tell } = of.forMqtt
  server = createServer(options, socket => socket.on('error', () => socket.destroy()).pipe(socket))
  tell(server)
  return listenOnFreePort(server)
}

const figure = (name: string) => certificate!.metrics.find(metric => metric.name === name)!.read()
const serialOf = (socket: TLSSocket) => socket.getPeerX509Certificate()!.serialNumber

async function serialSeen(port: number): Promise<string> {
  const socket = await openTls(port, { ca: authority.certificate })
  const serial = serialOf(socket)
  socket.destroy()
  return serial
}

describe('a new certificate', () => {
  it('is found and used without a restart, and the connections that stand go on', async () => {
    write(await makeServer(authority))
    const port = await serve(open())
    const old = await openTls(port, { ca: authority.certificate })
    const before = serialOf(old)
    write(await makeServer(authority))
    await eventually(
      () => serialSeen(port),
      serial => serial !== before,
    )
    old.write('still here')
    expect(String((await once(old, 'data'))[0])).toBe('still here')
    old.destroy()
    expect(figure('tls_reloads_total')).toBe(1)
  })

  it('behind a link that was moved is found, as certbot and Kubernetes do it', async () => {
    for (const name of ['1', '2']) {
      mkdirSync(join(directory, name))
      const made = await makeServer(authority)
      writeFileSync(join(directory, name, 'cert.pem'), made.certificate)
      writeFileSync(join(directory, name, 'key.pem'), made.key)
    }
    symlinkSync('1', join(directory, 'live'))
    const linked = { cert: join(directory, 'live/cert.pem'), key: join(directory, 'live/key.pem') }
    certificate = new ServedCertificate({ paths: { ...paths(), ...linked }, log, lookEveryMs: 20 })
    const port = await serve(certificate)
    const before = await serialSeen(port)
    symlinkSync('2', join(directory, 'next'))
    renameSync(join(directory, 'next'), join(directory, 'live'))
    await eventually(
      () => serialSeen(port),
      serial => serial !== before,
    )
  })

  it.each([
    [
      'a key of another',
      async () => ({ ...(await makeServer(authority)), key: (await makeServer(authority)).key }),
      /does not belong/,
    ],
    [
      'no certificate at all',
      async () => ({ ...(await makeServer(authority)), certificate: 'nothing' }),
      /no PEM certificate/,
    ],
    [
      'half a file',
      async () => {
        const made = await makeServer(authority)
        return { ...made, certificate: made.certificate.slice(0, 200) }
      },
      /no PEM certificate/,
    ],
    ['no key', async () => ({ ...(await makeServer(authority)), key: '' }), /no PEM private key/],
    [
      'the authority in front',
      async () => {
        const made = await makeServer(authority)
        return { ...made, certificate: authority.certificate + made.certificate }
      },
      /must come first/,
    ],
    [
      'somebody else behind it',
      async () => {
        const made = await makeServer(authority)
        return { ...made, certificate: made.certificate + (await makeAuthority('x')).certificate }
      },
      /did not sign/,
    ],
    [
      'one that has expired',
      () =>
        certify({ commonName: 'x', purpose: { kind: 'server', names: HERE }, days: 0.9, issuer: authority }),
      /expired/,
    ],
  ])('that cannot be used leaves the old one in place: %s', async (_what, make, reason) => {
    write(await makeServer(authority))
    const port = await serve(open())
    const before = await serialSeen(port)
    write(await make())
    certificate!.reload()
    expect(await serialSeen(port)).toBe(before)
    const told = lines.find(({ msg }) => msg.includes('the old one stays'))
    expect(told).toMatchObject({ level: 40, reason: expect.stringMatching(reason) })
    expect(figure('tls_reload_failures_total')).toBeGreaterThan(0)
    expect(figure('tls_reloads_total')).toBe(0)
    // A whole one after it is taken.
    write(await makeServer(authority))
    certificate!.reload()
    expect(await serialSeen(port)).not.toBe(before)
  })

  it('that is gone leaves the old one in place', async () => {
    write(await makeServer(authority))
    const port = await serve(open())
    const before = await serialSeen(port)
    rmSync(paths().cert)
    certificate!.reload()
    expect(await serialSeen(port)).toBe(before)
    expect(lines.at(-1)?.reason).toContain('there is no such file')
  })
})

describe('at a start', () => {
  it('a pair that cannot be used is one clear line', () => {
    expect(open).toThrow(`tls: ${paths().cert}: there is no such file`)
  })

  it('an authority for devices that somebody named has to be there; our own may come later', async () => {
    write(await makeServer(authority))
    const missing = join(directory, 'devices.pem')
    const opening = (mayComeLater: boolean) => () => {
      certificate = new ServedCertificate({ paths: { ...paths(), clientCa: missing, mayComeLater }, log })
    }
    expect(opening(false)).toThrow(`tls: ${missing}: there is no such file`)
    expect(opening(true)).not.toThrow()
  })

  it('a clock that runs wrong, or an expired certificate, is a warning: readings matter more', async () => {
    write(
      await certify({
        commonName: 'x',
        purpose: { kind: 'server', names: HERE },
        days: 0.9,
        issuer: authority,
      }),
    )
    await serve(open())
    expect(lines.map(({ msg }) => msg)).toEqual(['tls: the certificate has expired'])
    expect(figure('tls_certificate_seconds_left')).toBeLessThan(0)
  })

  it('what expires within 30 days is told, and counted in seconds', async () => {
    write(await makeServer(authority, HERE, 25))
    open()
    expect(lines.map(({ msg }) => msg)).toEqual(['tls: the certificate expires in 23 days'])
    expect(figure('tls_certificate_seconds_left')).toBeCloseTo(24 * 86_400, -2)
  })

  it('what `tls init` made is used when it is there, and says how it is renewed', async () => {
    const settings = settingsSchema.parse({ dataDir: directory })
    expect(tlsPaths(settings)).toBeNull()
    await issueServerCertificate(directory, { names: HERE, days: 20, replaceAuthority: false })
    const own = tlsPaths(settings)!
    certificate = new ServedCertificate({ paths: own, log })
    expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(/trestle tls renew/)])
    expect(certificate.authority).toContain('BEGIN CERTIFICATE')
    expect(certificate.authority).not.toContain('KEY')
    const brought = tlsPaths(settingsSchema.parse({ dataDir: directory, tls: { cert: '/a', key: '/b' } }))
    expect(brought).toMatchObject({ cert: '/a', key: '/b', authority: null })
  })
})

describe('what is spoken', () => {
  it('is TLS 1.2 and 1.3, no older', async () => {
    write(await makeServer(authority))
    const port = await serve(open())
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await openTls(port, {
        ca: authority.certificate,
        minVersion: version,
        maxVersion: version,
      })
      expect(socket.getProtocol()).toBe(version)
      socket.destroy()
    }
    // Level 0, or our own side would refuse first.
    const old = {
      minVersion: 'TLSv1' as const,
      maxVersion: 'TLSv1.1' as const,
      ciphers: 'DEFAULT@SECLEVEL=0',
    }
    await expect(openTls(port, { ca: authority.certificate, ...old })).rejects.toThrow(
      /alert protocol version/,
    )
  })

  it('has forward secrecy and authenticated encryption in TLS 1.2', async () => {
    write(await makeServer(authority))
    const port = await serve(open())
    for (const ciphers of [
      'AES128-SHA',
      'ECDHE-ECDSA-AES128-SHA',
      'AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-SHA384',
    ]) {
      const options = { ca: authority.certificate, maxVersion: 'TLSv1.2' as const, ciphers }
      await expect(openTls(port, options), ciphers).rejects.toThrow(/handshake failure/)
    }
  })

  it('is not negotiated a second time', async () => {
    write(await makeServer(authority))
    const port = await serve(open())
    const socket = await openTls(port, { ca: authority.certificate, maxVersion: 'TLSv1.2' })
    const { promise, resolve } = Promise.withResolvers<Error | null>()
    socket.on('error', resolve)
    socket.renegotiate({}, resolve)
    expect(String(await promise)).toMatch(/no renegotiation/)
    socket.destroy()
  })

  it('begins within the time for it', async () => {
    write(await makeServer(authority))
    const port = await serve(open(300))
    for (const bytes of ['', '\x16\x03\x01\x02\x00']) {
      const socket = connectTcp(port, '127.0.0.1', () => socket.write(bytes))
      socket.on('error', () => undefined).resume()
      await once(socket, 'close')
    }
  })
})
