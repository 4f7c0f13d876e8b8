/** What the commands beside the bridge share: its settings, and whether it runs. */

import { type Config, loadConfig } from '../config/config.ts'
import type { Settings } from '../config/schema.ts'
import { type DataDirectory, openDataDirectory, SetupError } from '../data-directory.ts'

const EXIT_SETUP = 2

export function fail(line: string): never {
  process.stderr.write(`${line}\n`)
  process.exit(EXIT_SETUP)
}

export function configOrExit(): Config {
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

export interface BridgeAddress {
  readonly url?: string
  readonly token?: string
}

/** Asks the running bridge; `url` and `token` where they are not those of the settings. */
export async function askBridge<T>(
  { host, http, tls }: Settings,
  { url, token = process.env.TRESTLE_TOKEN }: BridgeAddress,
  request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly body?: unknown },
): Promise<T> {
  const local = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  const base = url ?? `${tls.cert === undefined ? 'http' : 'https'}://${local}:${http.port}`
  const response = await fetch(base + request.path, {
    method: request.method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  }).catch(error =>
    fail(`the bridge does not answer at ${base}: ${(error as Error).message}; --url names another`),
  )
  if (!response.ok) fail(`${request.path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
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
