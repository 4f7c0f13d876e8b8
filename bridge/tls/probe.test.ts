/** Every fault made for real, and found; what is well says so. */

import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { createServer, type Server } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { examineTls } from '../commands/doctor-tls.ts'
import { loadConfig } from '../config/config.ts'
import { tryTool } from '../test/tool.ts'
import { newDataDir, removeDataDir, startTrestle, type Trestle } from '../test/trestle.ts'
import { issueServerCertificate } from './authority.ts'
import { type Certified, certify } from './certificate.ts'
import { readCertified, tlsFiles } from './files.ts'
import { HERE, listenOnFreePort, makeAuthority, makeServer } from './fixture.ts'

let dataDir: string
let own: string
let trestle: Trestle
let env: Record<string, string>

beforeAll(async () => {
  dataDir = newDataDir()
  own = join(dataDir, 'data')
  await issueServerCertificate(own, { names: HERE, days: 90, replaceAuthority: false })
  trestle = await startTrestle({ dataDir, env: { TRESTLE_MQTTS_PORT: '0' } })
  env = {
    TRESTLE_DATA_DIR: own,
    TRESTLE_HTTP_PORT: String(trestle.http),
    TRESTLE_MQTTS_PORT: String(trestle.mqtts),
  }
}, 30_000)
afterAll(async () => {
  await trestle.stop()
  removeDataDir(dataDir)
})

const servers: (Server | ReturnType<typeof createTcpServer>)[] = []
const directories: string[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
  for (const directory of directories.splice(0)) removeDataDir(directory)
})

interface Said {
  /** What is wrong, a line each: `subject: text`. */
  readonly wrong: readonly string[]
  readonly well: readonly string[]
}

async function doctor(words: readonly string[], extra: Record<string, string> = {}): Promise<Said> {
  const loaded = loadConfig({ ...env, ...extra }, dataDir)
  const { settings } = loaded.ok ? loaded.config : expect.fail(loaded.mistakes.join())
  const [url, flag, value] = words
  const flags = flag === undefined ? {} : { [flag.slice(2)]: value! }
  const findings = await examineTls(settings, url, flags)
  const lines = (isWell: boolean) =>
    findings.filter(finding => finding.isWell === isWell).map(({ subject, text }) => `${subject}: ${text}`)
  return { wrong: lines(false), well: lines(true) }
}

const typed = (...words: string[]) => tryTool(dataDir, ['doctor', 'tls', ...words], { env })

/** A server that shows this, and says nothing. */
async function show({ certificate: cert, key }: Certified): Promise<number> {
  const server = createServer({ cert, key }, socket => socket.on('error', () => socket.destroy()).end())
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  servers.push(server)
  return listenOnFreePort(server)
}

/** Signed by the authority that this machine trusts. */
async function shownHere(names = HERE, days = 90): Promise<number> {
  const issuer = readCertified(tlsFiles(own).authority)
  return show(await certify({ commonName: 'x', purpose: { kind: 'server', names }, days, issuer }))
}

const subjects = (lines: readonly string[]) => lines.map(line => line.split(':', 1)[0])

describe('a bridge as `tls init` leaves it is well', () => {
  it('by its files and ports', async () => {
    const said = await doctor([])
    expect(said.wrong).toEqual([])
    const { code, stdout } = await typed()
    expect(code).toBe(0)
    expect(stdout).toMatch(/^ok {4}expiry: the certificate is valid until /m)
    expect(stdout).toMatch(/All is well\.\n$/)
    expect(subjects(said.well)).toEqual(
      expect.arrayContaining(['key', 'name', 'expiry', 'ca', 'port', 'path']),
    )
  }, 60_000)

  it.each(['https', 'wss', 'mqtts'])('by its address: %s', async protocol => {
    const port = protocol === 'mqtts' ? trestle.mqtts : trestle.http
    const path = protocol === 'wss' ? '/mqtt' : ''
    for (const host of ['localhost', '127.0.0.1'])
      expect(await doctor([`${protocol}://${host}:${port}${path}`])).toMatchObject({ wrong: [] })
  })
})

describe('a fault is one line that says what to do:', () => {
  it('another authority', async () => {
    const port = await show(await makeServer(await makeAuthority()))
    const { wrong } = await doctor([`mqtts://localhost:${port}`])
    expect(wrong[0]).toMatch(/^ca: "CN=somebody" is neither trusted here .* --cafile /)
  })

  it('the authority of another, by --cafile', async () => {
    const file = join(dataDir, 'other.pem')
    writeFileSync(file, (await makeAuthority()).certificate)
    const { wrong } = await doctor([`mqtts://localhost:${trestle.mqtts}`, '--cafile', file])
    expect(subjects(wrong)).toEqual(['ca'])
    const { code, stdout } = await typed(`mqtts://localhost:${trestle.mqtts}`, '--cafile', file)
    expect(code).toBe(1)
    expect(stdout).toMatch(/^LOOK {2}ca: /m)
  }, 60_000)

  it('a certificate that signed itself', async () => {
    const self = await certify({
      commonName: 'x',
      purpose: { kind: 'server', names: HERE },
      days: 90,
      issuer: null,
    })
    const { wrong } = await doctor([`mqtts://localhost:${await show(self)}`])
    expect(wrong[0]).toMatch(/^ca: the certificate has signed itself: trestle tls init /)
  })

  it('a name that is not in it', async () => {
    const port = await shownHere({ dns: ['trestle.local'], ip: [] })
    const { wrong } = await doctor([`mqtts://localhost:${port}`])
    expect(wrong[0]).toMatch(
      /^name: .* for trestle\.local, not for localhost: trestle tls renew --host localhost /,
    )
    expect(subjects(wrong)).not.toContain('ca')
  })

  it('a name that the authority may not vouch for', async () => {
    const port = await shownHere({ dns: ['localhost', 'bank.example'], ip: [] })
    const { wrong } = await doctor([`mqtts://localhost:${port}`])
    expect(wrong[0]).toMatch(/^ca: .* may not vouch for all of these names/)
  })

  it('an expired certificate, also by an authority that is unknown', async () => {
    const port = await shownHere(HERE, 0.9)
    const { wrong } = await doctor([`mqtts://localhost:${port}`])
    expect(wrong[0]).toMatch(/^expiry: the certificate has expired on .*: trestle tls renew/)
    expect(subjects(wrong)).not.toContain('ca')
    const strange = await show(await makeServer(await makeAuthority(), { dns: ['a'], ip: [] }, 0.9))
    expect(subjects((await doctor([`mqtts://localhost:${strange}`])).wrong)).toEqual([
      'name',
      'expiry',
      'ca',
      'path',
    ])
  })

  it('one that expires soon', async () => {
    const { wrong } = await doctor([`mqtts://localhost:${await shownHere(HERE, 20)}`])
    expect(wrong[0]).toMatch(/^expiry: .* in 18 days: /)
  })

  it('one that phones refuse for its length', async () => {
    const { wrong } = await doctor([`mqtts://localhost:${await shownHere(HERE, 1000)}`])
    expect(wrong[0]).toMatch(/^expiry: .* 1000 days, and iPhones and Macs take at most 825/)
  })

  it('a port where nobody listens', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await new Promise(resolve => server.close(resolve))
    const { wrong } = await doctor([`https://localhost:${port}`])
    expect(wrong).toEqual([
      expect.stringMatching(/^port: nothing listens on localhost:\d+: does the bridge run/),
    ])
  })

  it('a port that speaks without TLS', async () => {
    const { wrong } = await doctor([`mqtts://localhost:${trestle.mqtt}`])
    expect(wrong).toEqual([expect.stringMatching(/^port: .* speaks MQTT without TLS/)])
    const plain = await startTrestle({ dataDir: temporary() })
    const page = await doctor([`https://localhost:${plain.http}`])
    await plain.stop()
    expect(page.wrong).toEqual([expect.stringMatching(/^port: .* speaks HTTP without TLS/)])
  })

  it('a port that speaks something else', async () => {
    const { wrong } = await doctor([`mqtts://localhost:${trestle.http}`])
    expect(wrong).toEqual([
      expect.stringMatching(/^path: .* does not answer as MQTT does: is it the port of the page/),
    ])
    const other = await doctor([`https://localhost:${trestle.mqtts}`])
    expect(other.wrong).toEqual([expect.stringMatching(/^path: .* not Trestle$/)])
  })

  it('a path that is none', async () => {
    const { wrong } = await doctor([`wss://localhost:${trestle.http}/mqtts`])
    expect(wrong).toEqual([
      expect.stringMatching(/^path: there is no \/mqtts: dashboards use \/live, devices use \/mqtt/),
    ])
  })

  it('an origin that is refused', async () => {
    const { wrong } = await doctor([
      `https://localhost:${trestle.http}`,
      '--origin',
      'https://elsewhere.example',
    ])
    expect(subjects(wrong)).toEqual(['origin', 'origin'])
    expect(wrong[0]).toMatch(/a page from https:\/\/elsewhere\.example may not use \/live: http\.origins /)
  })

  it('an address without encryption, one that leads nowhere, one that is none', async () => {
    expect((await doctor(['http://localhost:8080'])).wrong[0]).toMatch(/^url: .*https:\/\/localhost:8080 is/)
    expect((await doctor(['https://trestle.invalid:8080'])).wrong[0]).toMatch(
      /^name: trestle\.invalid leads to no address/,
    )
    expect((await typed('https://')).code).toBe(2)
  }, 60_000)
})

describe('a fault of the files is one line:', () => {
  async function withFiles(
    change: (files: ReturnType<typeof tlsFiles>) => void | Promise<void>,
  ): Promise<Said> {
    const directory = temporary()
    await issueServerCertificate(directory, { names: HERE, days: 90, replaceAuthority: false })
    await change(tlsFiles(directory))
    return doctor([], { TRESTLE_DATA_DIR: directory })
  }

  it('none at all', async () => {
    const { wrong } = await doctor([], { TRESTLE_DATA_DIR: temporary() })
    expect(wrong).toEqual([expect.stringMatching(/^file: there is no certificate.*trestle tls init/)])
  })

  it('a key of another', async () => {
    const { wrong } = await withFiles(async ({ server }) =>
      writeFileSync(server.key, (await makeAuthority()).key),
    )
    expect(wrong).toEqual([expect.stringMatching(/^key: .*server\.key: the key does not belong to /)])
  })

  it('a chain in the wrong order', async () => {
    const { wrong } = await withFiles(({ authority, server }) => {
      const [first, second] = [authority.cert, server.cert].map(path => readFileSync(path, 'utf8'))
      writeFileSync(server.cert, `${first}${second}`)
    })
    expect(wrong).toEqual([expect.stringMatching(/^chain: .* must come first/)])
  })

  it('an authority that did not sign it', async () => {
    const { wrong } = await withFiles(async ({ authority }) =>
      writeFileSync(authority.cert, (await makeAuthority()).certificate),
    )
    expect(wrong).toContainEqual(expect.stringMatching(/^ca: .*ca\.pem did not sign the certificate/))
  })

  it('a key that others can read', async () => {
    const { wrong } = await withFiles(({ server }) => chmodSync(server.key, 0o644))
    expect(wrong).toContainEqual(expect.stringMatching(/^file: .*server\.key can be read by others/))
  })

  it('others than those that the bridge shows', async () => {
    // Renewed elsewhere, by another authority: the running bridge does not show what the files say.
    const { wrong } = await withFiles(() => undefined)
    expect(subjects(wrong)).toEqual(['ca', 'ca'])
  })
})

function temporary(): string {
  const directory = newDataDir()
  mkdirSync(directory, { recursive: true })
  directories.push(directory)
  return directory
}
