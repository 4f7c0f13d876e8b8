/** `npm run simulate -- <scenario> [options]`. */

import { Command } from 'commander'
import { type Report, table } from './check/report.ts'
import { runFleet } from './fleet/run.ts'
import { largeHome } from './house/large-home.ts'
import { smallHome } from './house/small-home.ts'
import {
  clientIdPrefixOf,
  count,
  type RunFlags,
  type RunSettings,
  rateOf,
  runSettingsOf,
  targetOfFlags,
  wholeNumber,
  withConnection,
  withRun,
} from './options.ts'
import { play, rehearse, type Scene } from './play.ts'
import { record, recordOf, replay } from './recording.ts'
import { loadScenario } from './scenario.ts'

const LARGE_HOME: Scene = { name: 'home', devices: largeHome }
const SMALL_HOME: Scene = { name: 'small home', devices: smallHome }

/** A rehearsal starts here unless told otherwise, so that a seed alone gives the same bytes. */
const REHEARSAL_MS = Date.UTC(2026, 0, 15, 6, 30)

interface FleetFlags extends RunFlags {
  readonly devices: number
  readonly rate: number
  readonly connections?: number
  readonly prefix: string
  readonly fields: number
  readonly window: number
  readonly dashboards: number
}

interface PlayFlags extends RunFlags {
  readonly dryRun?: boolean
}

const program = new Command('simulate')
  .description('Sensors that behave like devices, misbehave on demand, and tell whether everything arrived.')
  .helpOption('--help', 'show this')
  .helpCommand(false)
  .showHelpAfterError('(--help tells more)')
  // 1 is for a check that found something.
  .exitOverride(error => process.exit(error.exitCode === 0 ? 0 : 2))

withPlay(command('home', 'a house of a dozen rooms, with devices of every family'))
  .option('--small', 'ten devices in five rooms, as in the demo')
  .action(async (flags: PlayFlags & { small?: boolean }) => {
    await playScene(flags.small ? SMALL_HOME : LARGE_HOME, flags)
  })

withRun(command('fleet', 'load: many devices at a steady rate'))
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

withConnection(command('record <file>', 'write down what a broker delivers'))
  .option('-t, --topic <filter...>', 'what to record', ['#'])
  .option('--seconds <n>', 'how long (default: until Ctrl-C)', Number, Infinity)
  .action(
    async (
      file: string,
      flags: Parameters<typeof targetOfFlags>[0] & { topic: string[]; seconds: number },
    ) => {
      const target = targetOfFlags(flags)
      const { topic: topics, seconds } = flags
      const connection = { target, clientIdPrefix: clientIdPrefixOf(flags), signal: untilInterrupted() }
      process.stderr.write(`${await record({ ...connection, file, topics, seconds })} messages in ${file}\n`)
    },
  )

withConnection(command('replay <file>', 'publish a recording again'))
  .option('--speed <n|max>', 'times the recorded one', rateOf, 1)
  .option('-q, --qos <0|1|2>', 'instead of the recorded one', text => Number(text) as 0 | 1 | 2)
  .action(
    async (file: string, flags: Parameters<typeof targetOfFlags>[0] & { speed: number; qos?: 0 | 1 | 2 }) => {
      const { speed, qos } = flags
      const connection = {
        target: targetOfFlags(flags),
        clientIdPrefix: clientIdPrefixOf(flags),
        signal: untilInterrupted(),
      }
      const { sent, acknowledged } = await replay({ ...connection, file, speed, qos })
      process.stderr.write(`${sent} messages of ${file}, ${acknowledged} acknowledged\n`)
      process.exitCode = sent === acknowledged ? 0 : 1
    },
  )

withPlay(
  program
    .command('file <scenario.yaml>', { isDefault: true })
    .description('what a scenario file says; the word "file" may be left out'),
)
  .helpOption('--help', 'show this')
  .action(async (file: string, flags: PlayFlags) => {
    const scenario = loadScenario(file)
    await playScene(scenario, flags, scenario.faults)
  })

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`simulate: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
})

function command(words: string, description: string): Command {
  return program.command(words).description(description).helpOption('--help', 'show this')
}

function withPlay(command: Command): Command {
  return withRun(command).option(
    '--dry-run',
    'print what would be said, without a broker and at once (default: 60 s of it)',
  )
}

async function playScene(
  scene: Scene,
  flags: PlayFlags,
  ownFaults: RunSettings['faults'] = {},
): Promise<void> {
  if (flags.dryRun) {
    const startMs = flags.start ?? REHEARSAL_MS
    for (const message of rehearse(scene, flags.seed, startMs, flags.seconds ?? 60)) {
      process.stdout.write(`${JSON.stringify(recordOf(message, message.atMs - startMs))}\n`)
    }
    return
  }
  const settings = runSettingsOf(flags, untilInterrupted())
  announce(scene.name, settings)
  const faults = flags.fault.length > 0 ? settings.faults : ownFaults
  conclude(await play(scene, { ...settings, faults }), flags)
}

function announce(what: string, { target }: RunSettings): void {
  process.stderr.write(`${what} to ${target.url.protocol}//${target.url.host}\n`)
}

function conclude(report: Report, flags: RunFlags): void {
  process.stdout.write(flags.json ? `${JSON.stringify(report)}\n` : `${table(report)}\n`)
  process.exitCode = report.ok ? 0 : 1
}

/** The first Ctrl-C ends the run in good order, the second at once. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
