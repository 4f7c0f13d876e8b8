/** `trestle tls`: certificates for this house, made here. */

import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { isLoopback } from '../../broker/guard/addresses.ts'
import type { Settings } from '../config/schema.ts'
import type { ServerIssued } from '../tls/authority.ts'
import { MAX_SERVER_DAYS, SERVER_DAYS } from '../tls/days.ts'
import { tlsFiles, writeSecret } from '../tls/files.ts'
import { type Names, namesIn, namesOfThisMachine, parseNames } from '../tls/names.ts'
import { trustWords } from '../tls/trust-words.ts'
import { configOrExit, fail } from './surroundings.ts'

interface ServerFlags {
  readonly host: readonly string[]
  readonly ip: readonly string[]
  readonly days: number
  readonly force?: boolean
  readonly json?: boolean
}

export function register(program: Command): void {
  const tls = program.command('tls').description('certificates for this house, made here')
  withServer(tls.command('init'))
    .description('make an authority, and a certificate for this server: https, wss and mqtts from then on')
    .option('--force', 'a new authority, too: everything that trusted the old one has to be told')
    .action((flags: ServerFlags) => {
      const { settings } = configOrExit()
      return issue(settings, namesFor(settings, flags), flags)
    })
  withServer(tls.command('renew'))
    .description(
      'make the next certificate for this server, for the same names and what is added; it is taken into use without a restart',
    )
    .action((flags: ServerFlags) => {
      const { settings } = configOrExit()
      const before = namesBefore(settings) ?? fail('there is no certificate yet; trestle tls init makes it')
      const added = parse(flags.host, flags.ip)
      return issue(settings, { dns: union(before.dns, added.dns), ip: union(before.ip, added.ip) }, flags)
    })
  tls
    .command('device')
    .description('make a key and a certificate, by which a device is known instead of by a password')
    .argument('<id>', 'of the device')
    .option('--out <directory>', 'where <id>.pem and <id>.key go', '.')
    .option('--json', 'print them instead')
    .action((id: string, flags: DeviceFlags) => issueForDevice(configOrExit().settings, id, flags))
}

function withServer(command: Command): Command {
  return command
    .option('--host <name>', "by which it is reached; again for more (default: this machine's)", collect, [])
    .option('--ip <address>', 'the same for addresses', collect, [])
    .option(
      '--days <n>',
      `until it expires; at most ${MAX_SERVER_DAYS}, as Apple takes no more`,
      daysOf,
      SERVER_DAYS,
    )
    .option('--json', 'print what was made as one JSON object')
}

async function issue(
  settings: Settings,
  names: Names,
  { days, force = false, json = false }: ServerFlags,
): Promise<void> {
  // What makes certificates takes longer to load than all the other commands together.
  const { issueServerCertificate } = await import('../tls/authority.ts')
  const result = await issueServerCertificate(settings.dataDir, { names, days, replaceAuthority: force })
  if (!result.ok)
    fail(
      `the authority that is there may not vouch for ${result.beyond.join(', ')}: it was made for the house. ` +
        'trestle tls init --force makes another, which phones and devices then have to trust anew',
    )
  const { issued } = result
  if (json) process.stdout.write(`${JSON.stringify(asJson(settings, names, issued))}\n`)
  else process.stdout.write(asWords(settings, names, issued))
}

function asJson({ dataDir }: Settings, names: Names, { authority, isNewAuthority, server }: ServerIssued) {
  const files = tlsFiles(dataDir)
  return {
    ca: files.authority.cert,
    cert: files.server.cert,
    key: files.server.key,
    names: [...names.dns, ...names.ip],
    expires: server.validToDate.toISOString(),
    caFingerprint256: authority.fingerprint256,
    caIsNew: isNewAuthority,
  }
}

function asWords(
  settings: Settings,
  names: Names,
  { authority, isNewAuthority, server }: ServerIssued,
): string {
  const files = tlsFiles(settings.dataDir)
  const made = `A certificate for ${[...names.dns, ...names.ip].join(', ')}
    ${files.server.cert}
valid until ${server.validToDate.toISOString().slice(0, 10)}, signed by the authority "${authority.subject.replace('CN=', '')}"
    ${files.authority.cert}
`
  if (!isNewAuthority)
    return `${made}\nWhat trusts the authority trusts it already. A running bridge takes it into use within seconds.\n`
  const { http, mqtts } = settings
  const host = nameAmongOthers(names) ?? names.dns[0]!
  const { fingerprint256 } = authority
  const words = trustWords({ host, httpPort: http.port, mqttsPort: mqtts.port, fingerprint256 })
  return `${made}\nStart the bridge anew: it speaks https, wss and mqtts then.\n\n${words}\n`
}

interface DeviceFlags {
  readonly out: string
  readonly json?: boolean
}

async function issueForDevice(
  settings: Settings,
  id: string,
  { out, json = false }: DeviceFlags,
): Promise<void> {
  // The id names the files, too.
  if (!/^[\w][\w.@ -]*$/.test(id)) fail(`${id}: letters, digits, ".", "-", "_" and "@" are wanted`)
  const { issueClientCertificate } = await import('../tls/authority.ts')
  const made = await issueClientCertificate(settings.dataDir, id).catch(error =>
    fail((error as Error).message),
  )
  const { certificate, key, fingerprint256, expiresMs } = made
  const expires = new Date(expiresMs).toISOString()
  if (json) {
    process.stdout.write(`${JSON.stringify({ id, certificate, key, fingerprint256, expires })}\n`)
    return
  }
  const paths = { cert: join(out, `${id}.pem`), key: join(out, `${id}.key`) }
  for (const path of Object.values(paths)) if (existsSync(path)) fail(`${path} is there already`)
  writeSecret(paths.key, key)
  writeFileSync(paths.cert, certificate, { mode: 0o600 })
  const { authority } = tlsFiles(settings.dataDir)
  const cafile = existsSync(authority.cert) ? ` --cafile ${authority.cert}` : ''
  const host = nameAmongOthers(namesBefore(settings)) ?? 'HOST'
  process.stdout.write(`${paths.cert}
${paths.key}     nobody else has this key: bring it to the device, and delete it here
valid until ${expires.slice(0, 10)}, for the device "${id}"

    mosquitto_pub${cafile} --cert ${paths.cert} --key ${paths.key} -h ${host} -p ${settings.mqtts.port} -i ${id} -q 1 -t home/${id}/temperature -m 21.5
`)
}

function namesFor(settings: Settings, { host, ip }: ServerFlags): Names {
  if (host.length > 0 || ip.length > 0) return parse(host, ip)
  const before = namesBefore(settings)
  if (before !== null) return before
  const { hosts, ips } = namesOfThisMachine()
  return parse(hosts, ips)
}

/** Of the certificate that is there; null: there is none. */
function namesBefore({ dataDir }: Settings): Names | null {
  const { cert } = tlsFiles(dataDir).server
  return existsSync(cert) ? namesIn(new X509Certificate(readFileSync(cert))) : null
}

/** By which others reach it. */
function nameAmongOthers(names: Names | null): string | undefined {
  const { dns = [], ip = [] } = names ?? {}
  return dns.find(name => name !== 'localhost') ?? ip.find(address => !isLoopback(address))
}

function parse(hosts: readonly string[], ips: readonly string[]): Names {
  const parsed = parseNames(hosts, ips)
  return parsed.ok ? parsed.names : fail(parsed.mistakes.join('\n'))
}

function union(before: readonly string[], added: readonly string[]): string[] {
  return [...new Set([...before, ...added])]
}

function daysOf(text: string): number {
  const days = Number(text)
  if (!Number.isSafeInteger(days) || days < 2 || days > MAX_SERVER_DAYS)
    throw new InvalidArgumentError(`2 to ${MAX_SERVER_DAYS}`)
  return days
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',').filter(Boolean)]
}
