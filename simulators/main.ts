/** `npm run simulate -- <scenario> [options]`. */

import { Command } from 'commander'
import { type Report, table } from './check/report.ts'
import { runFleet } from './fleet/run.ts'
import {
  count,
  type RunFlags,
  type RunSettings,
  rateOf,
  runSettingsOf,
  wholeNumber,
  withRun,
} from './options.ts'

interface FleetFlags extends RunFlags {
  readonly devices: number
  readonly rate: number
  readonly connections?: number
  readonly prefix: string
  readonly fields: number
  readonly window: number
  readonly dashboards: number
}

const program = new Command('simulate')
  .description('Sensors that behave like devices, misbehave on demand, and tell whether everything arrived.')
  .helpOption('--help', 'show this')

withRun(
  program
    .command('fleet')
    .description('load: many devices at a steady rate')
    .helpOption('--help', 'show this'),
)
  .option('--devices <n>', 'how many', count, 100)
  .option('--rate <n|max>', 'messages a second, all together', rateOf, 100)
  .option('--connections <n>', 'that the devices share, as behind gateways (default: one each)', count)
  .option('--prefix <name>', 'devices are <name>-0001, ...', 'sim')
  .option('--fields <n>', 'numbers in each message, beside seq and ts', wholeNumber, 3)
  .option('--window <n>', 'unacknowledged messages of one connection', count, 100)
  .option('--dashboards <n>', 'live dashboards that watch a room each; with --check', wholeNumber, 0)
  .action(async (flags: FleetFlags) => {
    const { devices, rate, connections, prefix, fields, window, dashboards } = flags
    const settings = runSettingsOf(flags, untilInterrupted())
    announce(`a fleet of ${devices}`, settings)
    const fleet = { devices, rate, connections, prefix, fields, window, dashboards }
    conclude(await runFleet({ ...settings, ...fleet }), flags)
  })

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`simulate: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
})

function announce(what: string, { target, seed, startMs }: RunSettings): void {
  const again = `--seed ${seed} --start ${new Date(startMs).toISOString()}`
  process.stderr.write(`${what} to ${target.url.protocol}//${target.url.host} (the same again: ${again})\n`)
}

function conclude(report: Report, flags: RunFlags): void {
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`${table(report)}\n`)
  process.exitCode = report.ok ? 0 : 1
}

/** The first Ctrl-C ends the run in good order, the second at once. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
