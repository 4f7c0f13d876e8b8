import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressBytes, addressOfBytes, subnetBytes, subnetOfBytes } from './addresses.ts'
import { issueClientCertificate, issueServerCertificate } from './authority.ts'
import { certify, permittedBy } from './certificate.ts'
import { MAX_SERVER_DAYS, SERVER_DAYS } from './days.ts'
import { readCertified, tlsFiles } from './files.ts'
import { HERE, listenOnFreePort, openTls } from './fixture.ts'
import { namesBeyond, namesIn, parseNames, permittedFor } from './names.ts'

let dataDir: string
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'trestle-tls-'))
})
afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

const DAY_MS = 86_400_000
const request = (names = HERE) => ({ names, days: SERVER_DAYS, replaceAuthority: false })

async function issue(names = HERE) {
  const result = await issueServerCertificate(dataDir, request(names))
  return result.ok ? result.issued : expect.fail(`beyond: ${result.beyond}`)
}

describe('names', () => {
  it('of a house are taken as typed, addresses wherever they stand', () => {
    expect(parseNames(['Trestle.LOCAL.', '192.168.1.10', 'küche.lan'], ['fd00:0::1'])).toEqual({
      ok: true,
      names: {
        dns: ['localhost', 'trestle.local', 'xn--kche-0ra.lan'],
        ip: ['127.0.0.1', '::1', '192.168.1.10', 'fd00::1'],
      },
    })
  })

  it('that are none are mistakes, all of them at once', () => {
    const result = parseNames(
      ['a b', '-x', '*.local', '*.home.local', 'a..b', ''],
      ['999.1.1.1', 'fe80::1%eth0'],
    )
    expect(result).toMatchObject({ ok: false })
    expect(result.ok ? [] : result.mistakes).toHaveLength(7)
  })

  it('beyond the house are beyond the authority, unless it was made for them', () => {
    const strange = { dns: ['bank.example', 'notlocal', 'evil-local'], ip: ['9.9.9.9', '2001:db8::1'] }
    const home = {
      dns: ['a.b.local', 'local', 'nas.home.arpa'],
      ip: ['10.1.2.3', '172.31.0.1', 'fe80::2', '::1'],
    }
    const permitted = permittedFor(HERE)
    expect(namesBeyond(strange, permitted)).toEqual([...strange.dns, ...strange.ip])
    expect(namesBeyond(home, permitted)).toEqual([])
    expect(namesBeyond(strange, permittedFor(strange))).toEqual([])
    expect(namesBeyond({ dns: [], ip: ['172.32.0.1', '100.128.0.1'] }, permitted)).toHaveLength(2)
  })
})

it('addresses and networks go into bytes and back', () => {
  for (const address of [
    '0.0.0.0',
    '192.168.1.10',
    '::',
    '::1',
    '1::',
    'fd00::a:0:b',
    '1:2:3:4:5:6:7:8',
    '::ffff:1.2.3.4',
  ]) {
    const bytes = addressBytes(address)
    expect(addressBytes(addressOfBytes(bytes))).toEqual(bytes)
  }
  expect([...addressBytes('fd00::1:2')]).toEqual([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2])
  for (const subnet of [
    { address: '172.16.0.0', prefix: 12 },
    { address: '10.0.0.1', prefix: 32 },
  ])
    expect(subnetOfBytes(subnetBytes(subnet))).toEqual(subnet)
  expect([...subnetBytes({ address: '100.64.0.0', prefix: 10 })]).toEqual([100, 64, 0, 0, 255, 192, 0, 0])
})

describe('a certificate for the server', () => {
  it('names what it was asked for, is for servers, and lives no longer than Apple takes', async () => {
    const names = { dns: ['localhost', 'trestle.local'], ip: ['127.0.0.1', '::1', '192.168.1.10'] }
    const { server, authority } = await issue(names)
    expect(namesIn(server)).toEqual(names)
    expect(server.checkIssued(authority) && server.verify(authority.publicKey)).toBe(true)
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect([server.ca, authority.ca]).toEqual([false, true])
    const days = (server.validToDate.getTime() - server.validFromDate.getTime()) / DAY_MS
    expect(days).toBe(SERVER_DAYS)
    expect(days).toBeLessThanOrEqual(MAX_SERVER_DAYS)
    // Clocks of devices run behind.
    expect(server.validFromDate.getTime()).toBeLessThan(Date.now() - 0.9 * DAY_MS)
  })

  it('is made anew by the same authority: what phones trust is never replaced silently', async () => {
    const first = await issue()
    const second = await issue({ dns: ['localhost', 'other.lan'], ip: [] })
    expect([first.isNewAuthority, second.isNewAuthority]).toEqual([true, false])
    expect(second.authority.fingerprint256).toBe(first.authority.fingerprint256)
    expect(second.server.serialNumber).not.toBe(first.server.serialNumber)
    expect(second.server.checkIssued(first.authority)).toBe(true)
  })

  it('for a name beyond the authority is refused before anything is written', async () => {
    await issue()
    const before = readFileSync(tlsFiles(dataDir).server.cert)
    const result = await issueServerCertificate(dataDir, request({ dns: ['bank.example'], ip: ['9.9.9.9'] }))
    expect(result).toEqual({ ok: false, beyond: ['bank.example', '9.9.9.9'] })
    expect(readFileSync(tlsFiles(dataDir).server.cert)).toEqual(before)
    const forced = await issueServerCertificate(dataDir, {
      ...request({ dns: ['bank.example'], ip: [] }),
      replaceAuthority: true,
    })
    expect(forced).toMatchObject({ ok: true, issued: { isNewAuthority: true } })
  })

  it('leaves files for their owner alone', async () => {
    await issue()
    const directory = join(dataDir, 'tls')
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    expect(readdirSync(directory).toSorted()).toEqual([
      'ca.key',
      'ca.pem',
      'device-ca.key',
      'device-ca.pem',
      'server.key',
      'server.pem',
    ])
    for (const name of readdirSync(directory))
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600)
    chmodSync(join(directory, 'server.key'), 0o644)
    await issue()
    expect(statSync(join(directory, 'server.key')).mode & 0o777).toBe(0o600)
  })
})

it('the key of the authority, stolen, cannot pass for a bank', async () => {
  await issue()
  const authority = readCertified(tlsFiles(dataDir).authority)!
  for (const [servername, names, verdict] of [
    ['nas.local', { dns: ['nas.local'], ip: [] }, 'trusted'],
    ['bank.example', { dns: ['bank.example'], ip: [] }, 'Error: permitted subtree violation'],
    ['nas.local', { dns: ['nas.local'], ip: ['9.9.9.9'] }, 'Error: permitted subtree violation'],
  ] as const) {
    const forged = await certify({
      commonName: servername,
      purpose: { kind: 'server', names },
      days: 30,
      issuer: authority,
    })
    const server = createServer({ cert: forged.certificate, key: forged.key })
    const port = await listenOnFreePort(server)
    const seen = await openTls(port, { ca: authority.certificate, servername }).then(socket => {
      socket.destroy()
      return 'trusted'
    }, String)
    server.close()
    expect(seen).toBe(verdict)
  }
})

it('the limits of an authority can be read from it', async () => {
  const names = {
    dns: ['localhost', 'bridge.example.org', '*.plant.example'],
    ip: ['127.0.0.1', '203.0.113.7'],
  }
  const { authority } = await issue(names)
  const permitted = permittedBy(authority.toString())!
  expect(permitted.dns).toEqual(permittedFor(names).dns)
  expect(permitted.subnets.map(subnetBytes)).toEqual(permittedFor(names).subnets.map(subnetBytes))
})

describe('a certificate for a device', () => {
  it('names the device, is for clients, and its authority is not the one that phones trust', async () => {
    const { certificate, key, fingerprint256, expiresMs } = await issueClientCertificate(
      dataDir,
      'living.lamp',
    )
    const parsed = new X509Certificate(certificate)
    const authority = new X509Certificate(readFileSync(tlsFiles(dataDir).deviceAuthority.cert))
    expect(parsed.subject).toBe('CN=living.lamp')
    expect(parsed.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
    expect(parsed.checkIssued(authority)).toBe(true)
    expect(parsed.fingerprint256).toBe(fingerprint256)
    expect(expiresMs).toBeGreaterThan(Date.now() + 3000 * DAY_MS)
    expect(key).toContain('BEGIN PRIVATE KEY')
    // Asked first, it has made its authority; a server's comes later, and leaves it alone.
    const { authority: ofServers } = await issue()
    expect(parsed.checkIssued(ofServers)).toBe(false)
    expect(new X509Certificate(readFileSync(tlsFiles(dataDir).deviceAuthority.cert)).fingerprint256).toBe(
      authority.fingerprint256,
    )
  })

  it.each(['', ' a', 'a\nb', 'a\0b', 'a\u202eb', '\ud800', 'x'.repeat(65)])(
    'has a name that reads in one way: not %j',
    async id => {
      await expect(issueClientCertificate(dataDir, id)).rejects.toThrow(RangeError)
    },
  )
})
