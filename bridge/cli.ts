/** `npm run trestle -- <command>`: what is done beside the running bridge. */

import { buffer } from 'node:stream/consumers'
import { Command } from 'commander'
import { register as registerBackup } from './commands/backup.ts'
import { register as registerDevice } from './commands/device.ts'
import { register as registerDoctor } from './commands/doctor.ts'
import { register as registerQuarantine } from './commands/quarantine.ts'
import { register as registerSpool } from './commands/spool.ts'
import { writtenConfigOrExit } from './commands/surroundings.ts'
import { register as registerTls } from './commands/tls.ts'
import { register as registerToken } from './commands/token.ts'
import { register as registerUser } from './commands/user.ts'
import { createDecoder } from './decode/decoder.ts'
import { explain } from './decode/explain.ts'

// What a command leaves in the data directory is for its owner alone, as what the bridge leaves there.
process.umask(0o077)

const program = new Command('trestle').description('Tools beside the bridge')

const configCommand = program.command('config').description('the settings')
configCommand
  .command('check')
  .description('find every mistake in trestle.yaml and the environment, without starting')
  .option('--show', 'print what the settings come to, without secrets')
  .action(({ show }: { show?: boolean }) => {
    const { settings, file, warnings } = writtenConfigOrExit()
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
    if (show) process.stdout.write(`${JSON.stringify(withoutSecrets(settings), null, 2)}\n`)
    process.stderr.write(`The settings are sound (${file ?? 'no file; the environment and the defaults'}).\n`)
  })

program
  .command('explain')
  .description('what a message would be stored as, and which rule or family says so')
  .argument('<topic>')
  .argument('<payload>', 'text; - reads it from standard input, as bytes')
  .option('--retain', 'as if the message were retained')
  .action(async (topic: string, payload: string, { retain = false }: { retain?: boolean }) => {
    const { settings } = writtenConfigOrExit()
    const bytes = payload === '-' ? await buffer(process.stdin) : Buffer.from(payload)
    const decoder = createDecoder({ rules: settings.rules })
    const answer = explain(decoder, { topic, payload: bytes, retain }, Date.now() * 1000)
    process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
  })

for (const register of [
  registerDevice,
  registerUser,
  registerToken,
  registerTls,
  registerSpool,
  registerQuarantine,
  registerBackup,
  registerDoctor,
]) {
  register(program)
}

await program.parseAsync()

function withoutSecrets(settings: object): unknown {
  return JSON.parse(
    JSON.stringify(settings, (key, value) =>
      (key === 'password' || key === 'token') && value !== undefined
        ? '(set)'
        : key === 'url' && typeof value === 'string'
          ? // A password may have an @ of its own, and a query one may be a token.
            value.replace(/\/\/[^/?#]*@/, '//(set)@').replace(/\?[^#]*/, '?(set)')
          : value,
    ),
  )
}
