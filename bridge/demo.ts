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

/** `url` is the broker's. It ends by itself when the first device or user is made. */
export async function startDemo(
  url: string,
  { identities, log }: { readonly identities: Identities; readonly log: Logger },
): Promise<Demo> {
  const { startHome } = await import('../simulators/home.ts')
  const home = await startHome({ url })
  log.info('a small simulated home is running; TRESTLE_DEMO=0 turns it off')
  const stopWatching = identities.onChange(() => {
    if (isOpen(identities)) return
    log.info('there are devices or users now: the simulated home ends')
    void stop()
  })
  let stopped: Promise<void> | null = null
  const stop = () => {
    stopWatching()
    stopped ??= home.stop()
    return stopped
  }
  return { stop }
}

function isOpen({ counts, needsCredentials }: Identities): boolean {
  return counts.devices === 0 && counts.users === 0 && !needsCredentials.mqtt
}
