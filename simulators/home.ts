/**
 * The demo: a small home that publishes to a broker as an ordinary set of MQTT clients, so that a newcomer sees
 * life at once.
 */

import { smallHome } from './house/small-home.ts'
import { Random } from './random.ts'
import { Simulation } from './simulation.ts'
import { Station } from './station.ts'
import { targetOf } from './target.ts'

export interface HomeOptions {
  /** `mqtt://host:port`, or `mqtts:`, `ws:`, `wss:`. */
  readonly url: string
  readonly seed?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Stops the home, too. */
  readonly signal?: AbortSignal | undefined
}

export interface Home {
  /** Every device of it. */
  readonly isConnected: boolean
  /** Each connection was lost: beside a broker that runs, because another home has these client ids. */
  readonly isReplaced: boolean
  /** Waits for what is on its way. */
  stop(): Promise<void>
}

/** Starts at once; a broker that is not there yet is tried again. */
export async function startHome(options: HomeOptions): Promise<Home> {
  const { url, username, password, signal } = options
  const random = new Random(options.seed ?? 1)
  const startMs = Date.now()
  // Whoever looks at noon should see a home at noon.
  const utcOffsetMs = -60_000 * new Date().getTimezoneOffset()
  const simulation = new Simulation(smallHome(random, startMs, { utcOffsetMs }), random, startMs)
  const station = new Station(simulation, { target: targetOf(url, { username, password }) })
  const stop = () => station.stop()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) await stop()
  return {
    get isConnected() {
      return station.connected === station.links
    },
    get isReplaced() {
      return station.stats.reconnects >= station.links
    },
    stop,
  }
}
