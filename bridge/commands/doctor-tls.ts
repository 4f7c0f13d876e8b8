/** `trestle doctor tls`: what stands between a client and this bridge, a line for each thing. */

import type { Command } from 'commander'
import type { Settings } from '../config/schema.ts'
import { inUrl, isEverywhere } from '../hosts.ts'
import { checkFiles } from '../tls/check-files.ts'
import { type Finding, lineOf, verdict, wrong } from '../tls/findings.ts'
import { firstNameIn } from '../tls/names.ts'
import { CertificateError, parseChain, readFile } from '../tls/pair.ts'
import { probe } from '../tls/probe.ts'
import { tlsPaths } from '../tls/served-certificate.ts'
import { trustedHere } from '../tls/trusted.ts'
import { configOrExit, fail } from './surroundings.ts'

interface DoctorTlsFlags {
  readonly cafile?: string
  readonly origin?: string
}

export function registerDoctorTls(doctor: Command): void {
  doctor
    .command('tls')
    .description(
      'which of certificate, authority, name, expiry, port, path and origin is wrong, and what to do',
    )
    .argument('[url]', 'https://, wss:// or mqtts:// (default: the files and ports of the settings)')
    .option('--cafile <file>', 'PEM of whom to trust (default: our own authority, and those of the system)')
    .option('--origin <origin>', 'of a page that shall connect, such as https://dash.example.org')
    .action(async (url: string | undefined, flags: DoctorTlsFlags) => {
      const { settings } = configOrExit()
      const findings = await examineTls(settings, url, flags)
      for (const { isWell, subject, text } of findings)
        process.stdout.write(lineOf(isWell, `${subject}: ${text}`))
      const problems = findings.filter(({ isWell }) => !isWell).length
      process.stdout.write(verdict(problems))
      process.exitCode = problems === 0 ? 0 : 1
    })
}

/** `url` undefined: the files and the ports of the settings. */
export async function examineTls(
  settings: Settings,
  url: string | undefined,
  flags: DoctorTlsFlags,
): Promise<Finding[]> {
  if (url === undefined) return examineOwn(settings, flags)
  const { cafile, origin } = flags
  const whole = url.includes('://') ? url : `https://${url}`
  if (!URL.canParse(whole)) fail(`${url}: not an address such as https://trestle.local:8080`)
  return probe({ url: new URL(whole), ca: trusted(settings, cafile), origin })
}

/** The files, and the ports where they should be shown, by the first name that they are for. */
async function examineOwn(settings: Settings, flags: DoctorTlsFlags): Promise<Finding[]> {
  const paths = tlsPaths(settings)
  if (paths === null)
    return [wrong('file', 'there is no certificate, and no TLS: trestle tls init makes one')]
  const { pair, findings } = checkFiles(paths)
  if (pair === null) return [...findings]
  const servername = firstNameIn(pair.leaf)
  const { host, http, mqtts, mqtt } = settings
  const local = isEverywhere(host) ? '127.0.0.1' : host
  const ca = trusted(settings, flags.cafile)
  const about = (protocol: string, port: number) =>
    probe({
      url: new URL(`${protocol}://${inUrl(local)}:${port}`),
      ca,
      origin: flags.origin,
      servername,
    })
  return [
    ...findings,
    ...(await about('https', http.port)),
    ...(mqtt.url === undefined ? await about('mqtts', mqtts.port) : []),
  ]
}

function trusted(settings: Settings, cafile: string | undefined): string[] {
  if (cafile === undefined) return trustedHere(settings)
  try {
    return parseChain(readFile(cafile), cafile).map(certificate => certificate.toString())
  } catch (error) {
    if (!(error instanceof CertificateError)) throw error
    return fail(error.message)
  }
}
