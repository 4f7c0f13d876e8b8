/** The options that all commands share, named as people know them from mosquitto_pub and MQTTX. */

import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type FaultPlan, faultPlanOf } from './faults/plan.ts'
import { type Target, targetOf } from './target.ts'

interface ConnectionFlags {
  readonly url?: string
  readonly host: string
  readonly port?: number
  readonly protocol?: keyof typeof PORTS
  readonly path: string
  readonly username?: string
  readonly pw?: string
  readonly cafile?: string
  readonly insecure?: boolean
  readonly idPrefix?: string
}

export interface RunFlags extends ConnectionFlags {
  readonly qos: 0 | 1 | 2
  readonly seconds?: number
  readonly seed: number
  readonly start?: number
  readonly fault: readonly string[]
  readonly check?: string
  readonly token?: string
  readonly patience: number
  readonly json?: boolean
}

/** Those of Trestle; MQTT over WebSocket is on its HTTP port. */
const PORTS = { mqtt: 1883, mqtts: 8883, ws: 8080, wss: 8080 } as const

export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'of the broker, instead of the next five: mqtt://, mqtts://, ws:// or wss://')
    .option('-h, --host <host>', 'of the broker', '127.0.0.1')
    .option('-p, --port <port>', 'of the broker (default: that of the protocol)', wholeNumber)
    .addOption(
      new Option('-l, --protocol <name>', 'default: mqtt, or mqtts with --cafile').choices(
        Object.keys(PORTS),
      ),
    )
    .option('--path <path>', 'of MQTT over WebSocket', '/mqtt')
    .option('--cafile <file>', 'PEM of who signed the certificate of the broker')
    .option('--insecure', 'takes any certificate')
    .option('-u, --username <name>')
    .option('-P, --pw <password>')
    .option('-I, --id-prefix <text>', 'before every client id (default: "<username>-" with -u)')
}

export function withRun(command: Command): Command {
  return withConnection(command)
    .addOption(new Option('-q, --qos <0|1|2>', 'quality of service').argParser(qosOf).default(1))
    .option('--seconds <n>', 'how long (default: until Ctrl-C; with --check 10)', positive)
    .option('--seed <n>', 'the same seed and start give the same bytes', wholeNumber, 1)
    .option('--start <time>', 'of the simulated clock, RFC 3339 or milliseconds (default: now)', timeOf)
    .option('--fault <name=value,...>', 'what shall go wrong, see docs/simulators.md', collect, [])
    .option(
      '--check <url>',
      'of Trestle (http://127.0.0.1:8080): whether everything arrived; exit code 1 if not',
    )
    .option('--token <token>', 'for --check, when Trestle has users (default: TRESTLE_TOKEN)')
    .option('--patience <seconds>', 'how long --check waits while nothing moves', positive, 20)
    .option('--json', 'the last line is the report as JSON')
}

export function targetOfFlags(flags: ConnectionFlags): Target {
  const secrets = {
    username: flags.username,
    password: flags.pw,
    ca: flags.cafile === undefined ? undefined : readFileSync(flags.cafile),
    isInsecure: flags.insecure,
  }
  if (flags.url !== undefined) return targetOf(flags.url, secrets)
  const protocol = flags.protocol ?? (flags.cafile === undefined ? 'mqtt' : 'mqtts')
  const host = flags.host.includes(':') && !flags.host.startsWith('[') ? `[${flags.host}]` : flags.host
  const path = protocol.startsWith('ws') ? flags.path : ''
  return targetOf(`${protocol}://${host}:${flags.port ?? PORTS[protocol]}${path}`, secrets)
}

/** Trestle binds a device's client ids to its username; other brokers do not mind. */
export function clientIdPrefixOf(flags: ConnectionFlags): string {
  return flags.idPrefix ?? (flags.username === undefined ? '' : `${flags.username}-`)
}

/** What fleets, homes and scenario files take alike. */
export interface RunSettings {
  readonly target: Target
  readonly clientIdPrefix: string
  readonly qos: 0 | 1 | 2
  /** Infinity: until the signal. */
  readonly seconds: number
  readonly seed: number
  /** Of the simulated clock; undefined: the time when the run begins. */
  readonly startMs: number | undefined
  readonly faults: FaultPlan
  readonly checkUrl: string | undefined
  readonly token: string | undefined
  readonly patienceMs: number
  readonly signal: AbortSignal
}

export function runSettingsOf(flags: RunFlags, signal: AbortSignal): RunSettings {
  return {
    target: targetOfFlags(flags),
    clientIdPrefix: clientIdPrefixOf(flags),
    qos: flags.qos,
    seconds: flags.seconds ?? (flags.check === undefined ? Infinity : 10),
    seed: flags.seed,
    startMs: flags.start,
    faults: faultPlanOf(flags.fault),
    checkUrl: flags.check,
    token: flags.token ?? process.env.TRESTLE_TOKEN,
    patienceMs: flags.patience * 1000,
    signal,
  }
}

export function wholeNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('a whole number is wanted')
  return value
}

export function count(text: string): number {
  const value = wholeNumber(text)
  if (value === 0) throw new InvalidArgumentError('at least 1')
  return value
}

export function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0 is wanted')
  return value
}

export function rateOf(text: string): number {
  return text === 'max' ? Infinity : positive(text)
}

function qosOf(text: string): 0 | 1 | 2 {
  if (text === '0') return 0
  if (text === '1') return 1
  if (text === '2') return 2
  throw new InvalidArgumentError('0, 1 or 2')
}

function timeOf(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (!Number.isFinite(ms)) throw new InvalidArgumentError('a time as 2026-07-01T06:00:00Z is wanted')
  return ms
}

function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text]
}
