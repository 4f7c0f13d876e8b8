/** A small simulated home on a first run, so that a newcomer sees life at once. An ordinary MQTT client, and counted. */

import type { Config } from './config/config.ts'
import type { Identities } from './identity/identities.ts'
import type { Logger } from './log.ts'

/**
 * Whoever configured a store, a broker or a file, or made a device or a user, has devices of their own. Ports, host and
 * directory say nothing; but where nobody is let in without credentials, a simulation is not either.
 */
export function isDemoWanted({ settings, file, given }: Config, identities: Identities): boolean {
  const isConfigured =
    file !== null || [...given].some(path => path.startsWith('influx.') || path === 'mqtt.url')
  return !isConfigured && settings.demo !== false && isOpen(identities)
}

export interface Demo {
  stop(): Promise<void>
}

const LOOK_EVERY_MS = 500

/**
 * `url` is the broker's. It ends by itself when the first device or user is made, and when `simulate home` comes: two of the
 * same house would throw one another out for ever.
 */
export async function startDemo(
  url: string,
  { identities, log }: { readonly identities: Identities; readonly log: Logger },
): Promise<Demo> {
  const { startHome } = await import('../simulators/home.ts')
  const home = await startHome({ url })
  log.info('a small simulated home is running; TRESTLE_DEMO=0 turns it off')
  const end = (why: string) => {
    log.info(`${why}: the simulated home ends`)
    void stop()
  }
  const stopWatching = identities.onChange(() => {
    if (!isOpen(identities)) end('there are devices or users now')
  })
  const timer = setInterval(() => {
    if (home.isReplaced) end('another one has taken its place')
  }, LOOK_EVERY_MS)
  let stopped: Promise<void> | null = null
  const stop = () => {
    stopWatching()
    clearInterval(timer)
    stopped ??= home.stop()
    return stopped
  }
  return { stop }
}

function isOpen({ counts, needsCredentials }: Identities): boolean {
  return counts.devices === 0 && counts.users === 0 && !needsCredentials.mqtt
}
