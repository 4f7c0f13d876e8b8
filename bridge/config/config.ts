/**
 * The settings of one process: the file, over it the environment, over both nothing. The only reader of
 * `process.env`. Every mistake is found before any is reported.
 */

import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { isMap, type Node, parseDocument } from 'yaml'
import { isLoopback } from '../../broker/guard/addresses.ts'
import { VARIABLES } from './environment.ts'
import { type Settings, settingsSchema } from './schema.ts'

export interface Config {
  readonly settings: Settings
  /** The file that was read; null: none. */
  readonly file: string | null
  /** Keys that the file or the environment set. */
  readonly given: ReadonlySet<string>
  /** Oddities that stop nothing: variables that look like ours and are not. */
  readonly warnings: readonly string[]
}

export type ConfigResult =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly mistakes: readonly string[] }

type Environment = Readonly<Record<string, string | undefined>>
type Tree = { [key: string]: unknown }

const DEFAULT_FILE = 'trestle.yaml'

/** Never throws. `env` and `cwd` are parameters for the tests. */
export function loadConfig(env: Environment = process.env, cwd: string = process.cwd()): ConfigResult {
  const mistakes: string[] = []
  const given = new Set<string>()
  const file = findFile(env, cwd, mistakes)
  const tree = file === null ? {} : readTree(file, mistakes)
  for (const path of leaves(tree)) given.add(path)
  const sources = applyEnvironment(tree, env, given, mistakes)

  let parsed = settingsSchema.safeParse(tree)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      mistakes.push(...describe(issue, sources, file))
      remove(tree, issue)
    }
    // With defaults in place of what is wrong, the rest can be held against each other too.
    parsed = settingsSchema.safeParse(tree)
  }
  if (parsed.success) mistakes.push(...contradictions(parsed.data))
  if (mistakes.length > 0 || !parsed.success) return { ok: false, mistakes }
  const settings = { ...parsed.data, dataDir: resolve(cwd, parsed.data.dataDir) }
  return {
    ok: true,
    config: { settings, file, given, warnings: [...unknownVariables(env), ...idleSettings(settings, given)] },
  }
}

function findFile(env: Environment, cwd: string, mistakes: string[]): string | null {
  const named = env.TRESTLE_CONFIG
  const path = resolve(cwd, named ?? DEFAULT_FILE)
  if (existsSync(path)) return path
  if (named !== undefined) mistakes.push(`TRESTLE_CONFIG: there is no file ${path}`)
  return null
}

function readTree(file: string, mistakes: string[]): Tree {
  let source: string
  try {
    source = readFileSync(file, 'utf8')
  } catch (error) {
    mistakes.push(`${file}: cannot be read: ${(error as Error).message}`)
    return {}
  }
  const document = parseDocument(source, { prettyErrors: true })
  for (const error of document.errors) mistakes.push(`${file}: ${error.message.split('\n')[0]}`)
  if (document.errors.length > 0) return {}
  const root: Node | null = document.contents
  if (root === null) return {}
  if (!isMap(root)) {
    mistakes.push(`${file}: must hold keys and values, such as "host: 127.0.0.1"`)
    return {}
  }
  return document.toJS() as Tree
}

/** Lays the environment over `tree`; returns which variable set which path, to name it in a mistake. */
function applyEnvironment(
  tree: Tree,
  env: Environment,
  given: Set<string>,
  mistakes: string[],
): ReadonlyMap<string, string> {
  const sources = new Map<string, string>()
  for (const { path, names } of VARIABLES) {
    const found = firstSet(env, names)
    if (found === null) continue
    const value = found.isFile ? readSecret(found, mistakes) : found.value
    if (value === null) continue
    sources.set(path, found.name)
    given.add(path)
    setPath(tree, path.split('.'), value)
  }
  return sources
}

interface Found {
  readonly name: string
  readonly value: string
  readonly isFile: boolean
}

/** An empty variable counts as unset: that is how compose files leave things out. */
function firstSet(env: Environment, names: readonly string[]): Found | null {
  for (const name of names) {
    const value = env[name]
    if (value !== undefined && value !== '') return { name, value, isFile: false }
    const file = env[`${name}_FILE`]
    if (file !== undefined && file !== '') return { name: `${name}_FILE`, value: file, isFile: true }
  }
  return null
}

function readSecret(found: Found, mistakes: string[]): string | null {
  try {
    return readFileSync(found.value, 'utf8').replace(/\r?\n$/, '')
  } catch (error) {
    mistakes.push(
      `${found.name}: cannot read ${found.value} (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
    )
    return null
  }
}

function setPath(tree: Tree, path: readonly string[], value: string): void {
  let at = tree
  for (const key of path.slice(0, -1)) {
    const child = at[key]
    // A mistake in the file (a text where a section belongs) is reported by the schema, not here.
    if (child === undefined || child === null) at[key] = {}
    else if (typeof child !== 'object') return
    at = at[key] as Tree
  }
  at[path.at(-1)!] = value
}

function remove(tree: Tree, issue: Issue): void {
  const path = issue.code === 'unrecognized_keys' ? [...issue.path, issue.keys?.[0] ?? ''] : issue.path
  let at: unknown = tree
  for (const key of path.slice(0, -1)) {
    if (at === null || typeof at !== 'object') return
    at = (at as Tree)[String(key)]
  }
  if (at !== null && typeof at === 'object') delete (at as Tree)[String(path.at(-1))]
}

type Issue = {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

function describe(issue: Issue, sources: ReadonlyMap<string, string>, file: string | null): string[] {
  const path = issue.path.map(String).join('.')
  if (issue.code === 'unrecognized_keys') {
    return (issue.keys ?? []).map(
      key => `${file ?? ''}: ${path === '' ? key : `${path}.${key}`}: there is no such setting`,
    )
  }
  const variable = sources.get(path)
  const where = variable === undefined ? `${file ?? 'settings'}: ${path}` : `${variable} (${path})`
  return [`${where}: ${issue.message}`]
}

/** What no single key can tell. */
function contradictions(settings: Settings): string[] {
  const { host, influx, tls, mqtt, http } = settings
  const found: string[] = []
  // Whether strangers have to say who they are is decided by `host`.
  if (mqtt.host !== undefined && mqtt.host !== host && !isLocalHost(mqtt.host))
    found.push(`mqtt.host: ${mqtt.host} is neither loopback nor what host says (${host})`)
  if ((tls.cert === undefined) !== (tls.key === undefined)) found.push('tls: cert and key belong together')
  if (influx.token !== undefined && influx.username !== undefined) {
    found.push('influx: either token (2.x, 3) or username and password (1.x), not both')
  }
  if (mqtt.port !== 0 && mqtt.port === http.port) found.push(`http.port: ${http.port} is mqtt.port too`)
  return found
}

/** Of a host as people and browsers write it, which need not be an address. */
export function isLocalHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host)
}

/** What was set and has no effect beside the rest. */
function idleSettings({ influx }: Settings, given: ReadonlySet<string>): string[] {
  const found: string[] = []
  if (influx.url === undefined) return found
  if (influx.token !== undefined && given.has('retention.raw'))
    found.push('retention.raw has no effect with influx.token: the bucket has a retention of its own')
  for (const key of ['retention.minute', 'retention.hour'])
    if (given.has(key)) found.push(`${key} has no effect with InfluxDB: the embedded store rolls up`)
  return found
}

/** Kubernetes sets such names for a service called trestle; anything else of ours is likely a slip of the pen. */
function unknownVariables(env: Environment): string[] {
  // The token is of the tools beside the bridge.
  const known = new Set(['TRESTLE_CONFIG', 'TRESTLE_TOKEN'])
  for (const { names } of VARIABLES) for (const name of names) known.add(name).add(`${name}_FILE`)
  return Object.keys(env)
    .filter(name => name.startsWith('TRESTLE_') && !known.has(name))
    .filter(name => !/^TRESTLE_(SERVICE_|PORT($|_))/.test(name))
    .map(name => `${name} is set, but there is no such setting`)
}

function leaves(tree: Tree, prefix = ''): string[] {
  return Object.entries(tree).flatMap(([key, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? leaves(value as Tree, `${prefix}${key}.`)
      : [`${prefix}${key}`],
  )
}
