/** What the commands beside the bridge share: its settings, and whether it runs. */

import { request as requestPlain } from 'node:http'
import { type RequestOptions, request as requestSecure } from 'node:https'
import { text as readText } from 'node:stream/consumers'
import type { ConnectionOptions } from 'node:tls'
import type { Command } from 'commander'
import { type Config, loadConfig } from '../config/config.ts'
import type { Settings } from '../config/schema.ts'
import { type DataDirectory, openDataDirectory, SetupError } from '../data-directory.ts'
import { localInUrl } from '../hosts.ts'
import { asRunning } from '../running.ts'
import { tlsToOwnBridge, trustedHere } from '../tls/trusted.ts'

const EXIT_SETUP = 2

export function fail(line: string): never {
  process.stderr.write(`${line}\n`)
  process.exit(EXIT_SETUP)
}

/** Host and ports are those of the running bridge, whatever it was started with. */
export function configOrExit(): Config {
  const config = writtenConfigOrExit()
  return { ...config, settings: asRunning(config.settings) }
}

/** As file and environment say. */
export function writtenConfigOrExit(): Config {
  const loaded = loadConfig()
  return loaded.ok ? loaded.config : fail(loaded.mistakes.join('\n'))
}

/** Null: the bridge runs, and has it. */
export function takeDataDirectory({ dataDir }: Settings): DataDirectory | null {
  try {
    return openDataDirectory(dataDir)
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    if (/in use/.test(error.message)) return null
    return fail(error.message)
  }
}

/** Of what asks the running bridge. */
export function withAddress(command: Command): Command {
  return command
    .option('--url <url>', 'of the running bridge, where it is not that of the settings')
    .option('--token <token>', 'TRESTLE_TOKEN otherwise')
}

export interface BridgeAddress {
  readonly url?: string
  readonly token?: string
}

interface BridgeRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
}

/** Asks the running bridge; `url` and `token` where they are not those of the settings. */
export async function askBridge<T>(
  settings: Settings,
  address: BridgeAddress,
  request: BridgeRequest,
): Promise<T> {
  return read<T>(await answerOf(settings, address, request), request)
}

/** The same; null: it has no such thing. */
export async function askBridgeFor<T>(
  settings: Settings,
  address: BridgeAddress,
  request: BridgeRequest,
): Promise<T | null> {
  const answer = await answerOf(settings, address, request)
  return answer.status === 404 ? null : read<T>(answer, request)
}

function read<T>({ status, body }: Answer, { path }: BridgeRequest): T {
  if (status < 200 || status > 299) fail(`${path}: ${status} ${body}`)
  return JSON.parse(body) as T
}

async function answerOf(
  settings: Settings,
  { url, token = process.env.TRESTLE_TOKEN }: BridgeAddress,
  { method, path, body }: BridgeRequest,
): Promise<Answer> {
  const { host, http } = settings
  const own = url === undefined ? tlsOrExit(settings) : { ca: trustedHere(settings) }
  const base = url ?? `${own === null ? 'http' : 'https'}://${localInUrl(host)}:${http.port}`
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  }
  const text = body === undefined ? undefined : JSON.stringify(body)
  const answer = await send(new URL(path, base), { method, headers, ...own }, text).catch(error =>
    fail(`the bridge does not answer at ${base}: ${(error as Error).message}; --url names another`),
  )
  if (answer.status === 401)
    fail(
      `${path}: 401, the bridge asks who you are: --token, or TRESTLE_TOKEN; "trestle token add" makes one`,
    )
  return answer
}

function tlsOrExit(settings: Settings): ConnectionOptions | null {
  try {
    return tlsToOwnBridge(settings)
  } catch (error) {
    return fail((error as Error).message)
  }
}

interface Answer {
  readonly status: number
  readonly body: string
}

/** `fetch` trusts nobody but the public authorities. */
function send(url: URL, options: RequestOptions, body: string | undefined): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const request = url.protocol === 'https:' ? requestSecure : requestPlain
  request(url, options, response => {
    readText(response).then(text => resolve({ status: response.statusCode ?? 0, body: text }), reject)
  })
    .on('error', reject)
    .end(body)
  return promise
}

/** RFC 3339, milliseconds, or how long ago: `2h`. */
export function parseTimeMs(text: string): number {
  const ago = /^(\d+)(m|h|d)$/.exec(text)
  if (ago)
    return Date.now() - Number(ago[1]) * { m: 60_000, h: 3_600_000, d: 86_400_000 }[ago[2] as 'm' | 'h' | 'd']
  const ms = /^\d{12,}$/.test(text) ? Number(text) : Date.parse(text)
  return Number.isFinite(ms)
    ? ms
    : fail(`${text} is no time: 2026-05-01T12:00:00Z, milliseconds, or 2h for two hours ago`)
}
