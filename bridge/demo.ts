/** A small simulated home on a first run, so that a newcomer sees life at once. An ordinary MQTT client, and counted. */

import type { Config } from './config/config.ts'
import type { Logger } from './log.ts'

/** Whoever configured a store, a broker or a file has devices of their own. Ports, host and directory say nothing. */
export function isDemoWanted({ settings, file, given }: Config): boolean {
  const isConfigured =
    file !== null || [...given].some(path => path.startsWith('influx.') || path === 'mqtt.url')
  return !isConfigured && settings.demo !== false
}

/** `url` is the broker's. Returns how to end it. */
export async function startDemo(url: string, log: Logger): Promise<() => Promise<void>> {
  const { startHome } = await import('../simulators/home.ts')
  const home = await startHome({ url })
  log.info('a small simulated home is running; TRESTLE_DEMO=0 turns it off')
  return () => home.stop()
}
