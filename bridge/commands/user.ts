/** `trestle user`: people, by name and password. */

import { type Command, Option } from 'commander'
import { isLocalHost } from '../config/config.ts'
import { hashSecret } from '../identity/secrets.ts'
import type { IdentityStore } from '../identity/store.ts'
import { ROLES, type Role } from '../live/access.ts'
import { checkName, dayOf, table, withIdentities } from './identity-store.ts'
import { choosePassword, type PasswordFlags } from './password.ts'
import { fail } from './surroundings.ts'

/** A new one each time: commander keeps state in it. */
export function roleOption(): Option {
  return new Option('--role <role>', 'viewers watch, operators also command, admins do everything')
    .choices(ROLES)
    .makeOptionMandatory()
}

export function register(program: Command): void {
  const user = program.command('user').description('people who may look and command, by name and password')
  withPassword(user.command('add'))
    .description('make one; asks for the password, or makes one where there is no terminal')
    .argument('<name>')
    .addOption(roleOption())
    .action(add)
  user
    .command('list')
    .description('all of them')
    .option('--json', 'as one JSON array')
    .action((flags: { json?: boolean }) => withIdentities(store => list(store, flags)))
  withPassword(user.command('password'))
    .description('give somebody another one; what is logged in ends')
    .argument('<name>')
    .action(changePassword)
  user
    .command('remove')
    .description('somebody is known no more; what is logged in ends')
    .argument('<name>')
    .action(remove)
}

function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make one, and show it once')
    .option(
      '--json',
      'print {name, role, password} and nothing else; the password only where it was made here',
    )
}

async function add(name: string, { role, ...flags }: PasswordFlags & { role: Role }): Promise<void> {
  checkName('user', name)
  const { password, isNew } = await choosePassword(flags)
  const hash = await hashSecret(password, 'password')
  await withIdentities((store, settings) => {
    const isFirst = store.read().users.length === 0
    if (!store.addUser({ name, password: hash, role }))
      fail(`there is a user or a device called ${name} already`)
    tell({ name, role, ...(isNew && { password }) }, flags)
    if (isFirst && isLocalHost(settings.host) && !settings.allowAnonymous)
      process.stderr.write('From now on page and API ask for a login.\n')
  })
}

async function changePassword(name: string, flags: PasswordFlags): Promise<void> {
  const { password, isNew } = await choosePassword(flags)
  const hash = await hashSecret(password, 'password')
  await withIdentities(store => {
    if (!store.changePassword(name, hash)) noSuch(name)
    tell({ name, ...(isNew && { password }) }, flags)
  })
}

function list(store: IdentityStore, { json = false }: { json?: boolean }): void {
  const { users } = store.read()
  if (json) {
    const shown = users.map(({ name, role, createdMs }) => ({
      name,
      role,
      created: new Date(createdMs).toISOString(),
    }))
    process.stdout.write(`${JSON.stringify(shown)}\n`)
  } else if (users.length === 0) {
    process.stderr.write('There is nobody yet: trestle user add <name> --role admin makes the first.\n')
  } else {
    const rows = users.map(({ name, role, createdMs }) => [name, role, dayOf(createdMs)])
    process.stdout.write(table([['name', 'role', 'since'], ...rows]))
  }
}

function remove(name: string): Promise<void> {
  return withIdentities(store => {
    if (!store.removeUser(name)) noSuch(name)
    process.stderr.write(
      `${name} is known no more. A running bridge closes what was logged in within seconds.\n`,
    )
    if (store.read().users.length === 0)
      process.stderr.write('That was the last user: on loopback, page and API are open to everybody again.\n')
  })
}

function tell(
  what: { readonly name: string; readonly role?: Role; readonly password?: string },
  { json = false }: PasswordFlags,
): void {
  if (json) process.stdout.write(`${JSON.stringify(what)}\n`)
  else if (what.password === undefined) process.stderr.write('Done.\n')
  else process.stdout.write(`name      ${what.name}\npassword  ${what.password}     (shown this once)\n`)
}

function noSuch(name: string): never {
  return fail(`there is no user called ${name}; trestle user list shows them`)
}
