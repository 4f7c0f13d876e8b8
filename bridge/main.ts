/**
 * Read this first: the parts of Trestle, built in the order in which a message meets them, started, and stopped in
 * reverse. The path of one message is in pipeline.ts.
 *
 * stdout has one line, `{"msg":"ready",...}`; everything else goes to stderr. Exit codes: 0 after SIGTERM or SIGINT,
 * 1 for a fault of ours, 2 for a mistake in the configuration or the surroundings.
 */

import { createBridge } from './bridge.ts'
import { loadConfig } from './config/config.ts'
import { SetupError } from './data-directory.ts'
import { createLogger } from './log.ts'
import { tellRunning } from './running.ts'

// Data files are for their owner alone, whoever makes them: SQLite, the spool, the journal.
process.umask(0o077)

const EXIT_FAULT = 1
const EXIT_SETUP = 2
/** From the first signal to the end, whatever hangs. */
const STOP_WITHIN_MS = 9000

const loaded = loadConfig()
if (!loaded.ok) {
  for (const mistake of loaded.mistakes) process.stderr.write(`trestle: ${mistake}\n`)
  process.exit(EXIT_SETUP)
}
const { config } = loaded
const log = createLogger(config.settings.log)
for (const warning of config.warnings) log.warn(warning)

process.on('uncaughtException', error => {
  log.fatal({ err: error }, 'a fault of ours; start again, the spool has what was acknowledged')
  process.exit(EXIT_FAULT)
})

try {
  const bridge = await createBridge(config, log)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal))
  // A terminal that is closed says so, too, and then nobody is there to talk to.
  process.on('SIGHUP', () => (process.stdin.isTTY ? stop('SIGHUP') : bridge.reload()))
  tellRunning(config.settings, bridge.address)
  process.stdout.write(`${JSON.stringify({ msg: 'ready', ...bridge.address })}\n`)

  let isStopping = false
  function stop(signal: string): void {
    // A second signal means: at once. What was acknowledged is on the disk already.
    if (isStopping) process.exit(0)
    isStopping = true
    log.info({ signal }, 'stopping')
    setTimeout(() => {
      log.warn('stopping took too long; what is left waits in the spool')
      process.exit(0)
    }, STOP_WITHIN_MS).unref()
    bridge.close().then(
      () => process.exit(0),
      error => {
        log.error({ err: error }, 'stopping failed')
        process.exit(EXIT_FAULT)
      },
    )
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  process.stderr.write(`trestle: ${error.message}\n`)
  process.exit(EXIT_SETUP)
}
