/** `trestle token`: programs, by a token in `Authorization: Bearer`, or as password by MQTT. */

import type { Command } from 'commander'
import { parseDurationMs } from '../config/quantities.ts'
import { sign } from '../identity/signing.ts'
import { type IdentityStore, signingKey } from '../identity/store.ts'
import type { Role } from '../live/access.ts'
import { checkName, dayOf, table, withIdentities } from './identity-store.ts'
import { fail } from './surroundings.ts'
import { roleOption } from './user.ts'

interface AddFlags {
  readonly role: Role
  readonly expires?: string
  readonly json?: boolean
}

export function register(program: Command): void {
  const token = program
    .command('token')
    .description('programs that may look and command, each with its own token')
  token
    .command('add')
    .description('make one; it is shown once')
    .argument('<name>', 'what it is for')
    .addOption(roleOption())
    .option('--expires <duration>', 'when it ends, such as 90d; otherwise when it is revoked')
    .option('--json', 'print {name, role, token, expires} and nothing else')
    .action(add)
  token
    .command('list')
    .description('all of them, without the tokens')
    .option('--json', 'as one JSON array')
    .action((flags: { json?: boolean }) => withIdentities(store => list(store, flags)))
  token.command('revoke').description('it opens nothing any more').argument('<name>').action(revoke)
}

function add(name: string, { role, expires, json = false }: AddFlags): Promise<void> {
  checkName('token', name)
  const lifeMs = expires === undefined ? null : parseDurationMs(expires)
  if (expires !== undefined && (lifeMs === null || lifeMs <= 0))
    fail(`--expires ${expires}: a duration such as 12h or 90d is wanted`)
  const expiresAtMs = lifeMs === null ? null : Date.now() + lifeMs
  return withIdentities((store, settings) => {
    const made = store.addToken({ name, role, expiresAtMs })
    if (made === null)
      return fail(`there is a token called ${name} already; trestle token revoke ${name} ends it`)
    const { identity, version } = made
    const token = sign({ kind: 'token', identity, version, expiresAtMs }, signingKey(settings.dataDir))
    if (json) process.stdout.write(`${JSON.stringify({ name, role, token, expires: isoOf(expiresAtMs) })}\n`)
    else process.stdout.write(`${token}\n`)
    if (!json)
      process.stderr.write('It is shown this once. Programs send it as "Authorization: Bearer <token>".\n')
    if (store.read().users.length === 0)
      process.stderr.write('On loopback, page and API stay open until there is a user: trestle user add.\n')
  })
}

function list(store: IdentityStore, { json = false }: { json?: boolean }): void {
  const { tokens } = store.read()
  if (json) {
    const shown = tokens.map(({ name, role, expiresAtMs, createdMs }) => ({
      name,
      role,
      expires: isoOf(expiresAtMs),
      created: isoOf(createdMs),
    }))
    process.stdout.write(`${JSON.stringify(shown)}\n`)
  } else if (tokens.length === 0) {
    process.stderr.write('There is none yet: trestle token add <name> --role viewer makes one.\n')
  } else {
    const rows = tokens.map(({ name, role, expiresAtMs, createdMs }) => [
      name,
      role,
      dayOf(createdMs),
      expiresAtMs === null ? 'when it is revoked' : dayOf(expiresAtMs),
    ])
    process.stdout.write(table([['name', 'role', 'since', 'until'], ...rows]))
  }
}

function revoke(name: string): Promise<void> {
  return withIdentities(store => {
    if (!store.revokeToken(name)) fail(`there is no token called ${name}; trestle token list shows them`)
    process.stderr.write(`${name} opens nothing any more.\n`)
  })
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString()
}
